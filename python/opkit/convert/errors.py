"""What can go wrong in a conversion, and what is worth a warning."""

from __future__ import annotations

from collections.abc import Sequence

from opkit.rewrite import ScannedNode

__all__ = ["CalibrationWarning", "ConversionError"]


class CalibrationWarning(UserWarning):
    """The representative dataset is smaller or larger than what calibrates well."""


class ConversionError(ValueError):
    """A model cannot be converted; ``nodes`` are those that nothing runs, if that is why."""

    def __init__(self, message: str, nodes: Sequence[ScannedNode] = ()) -> None:
        super().__init__(message)
        self.nodes = list(nodes)

    @classmethod
    def unserved(cls, nodes: Sequence[ScannedNode]) -> ConversionError:
        """The error for nodes that neither the runtime nor the kit has a kernel for."""
        lines = [f"no kernel for {len(nodes)} of the model's nodes:"]
        for node in nodes:
            inputs = ", ".join(
                "none" if tensor is None else f"{tensor.name!r} {tensor}" for tensor in node.inputs
            )
            where = f"node {node.node}" + (f" of subgraph {node.subgraph}" if node.subgraph else "")
            lines.append(f"  {node.op} ({node.found_as}, {where}): {node.reason}")
            lines.append(f"    inputs: {inputs or 'none'}")
            lines.append(f"    next step: {node.next_step}")
        return cls("\n".join(lines), nodes)
