"""What in a model the stock runtime cannot run, and what the kit does about it."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from typing import Any

from opkit.model import Model, Node, Tensor

from .declared import Kernels, registered_kernels
from .holes import builtin_hole

__all__ = ["ScanResult", "ScannedNode", "ScannedTensor", "scan"]

#: Custom ops that the stock runtime's resolver holds.
STOCK_CUSTOM = frozenset(
    {"AudioSpectrogram", "Mfcc", "NumericVerify", "TFLite_Detection_PostProcess"}
)


@dataclass(frozen=True)
class ScannedTensor:
    """A tensor of a reported node: ``shape`` has -1 for free sizes, None for an unknown rank."""

    name: str
    dtype: str
    shape: tuple[int, ...] | None
    quantized: bool = False

    @classmethod
    def of(cls, tensor: Tensor) -> ScannedTensor:
        """What a report says of ``tensor``."""
        return cls(tensor.name, tensor.dtype, tensor.dims, tensor.is_quantized)

    def __str__(self) -> str:
        if self.shape is None:
            return f"{self.dtype}[...]"
        return f"{self.dtype}[{','.join('?' if s < 0 else str(s) for s in self.shape)}]"


@dataclass(frozen=True)
class ScannedNode:
    """A node the stock runtime cannot run. ``found_as`` is "flex", "custom" or "builtin-hole";
    if not ``served``, ``reason`` says why and ``next_step`` what is nearest."""

    subgraph: int
    node: int
    op: str
    found_as: str
    version: int
    inputs: tuple[ScannedTensor | None, ...]
    outputs: tuple[ScannedTensor, ...]
    served: bool
    kernel_version: int | None = None
    reason: str = ""
    next_step: str = ""


@dataclass
class ScanResult:
    """Every node that needs more than the stock runtime."""

    nodes: list[ScannedNode] = field(default_factory=list)
    node_count: int = 0

    @property
    def served(self) -> list[ScannedNode]:
        """Nodes the kit runs."""
        return [node for node in self.nodes if node.served]

    @property
    def unserved(self) -> list[ScannedNode]:
        """Nodes nothing here runs."""
        return [node for node in self.nodes if not node.served]

    def to_json(self) -> dict[str, Any]:
        """As plain dicts and lists."""
        return {
            "node_count": self.node_count,
            "unresolved": len(self.nodes),
            "served": len(self.served),
            "nodes": [asdict(node) for node in self.nodes],
        }


def _classify(node: Node) -> tuple[str, str, str] | None:
    """(found as, reason, next step); reason is empty where a kernel may serve the node."""
    if node.is_flex:
        return "flex", "", ""
    if node.is_custom:
        return None if node.op in STOCK_CUSTOM else ("custom", "", "")
    hole = builtin_hole(node)
    return ("builtin-hole", *hole) if hole else None


def scan(
    source: Model | str | os.PathLike[str] | bytes, kernels: Kernels | None = None
) -> ScanResult:
    """Reports every node of ``source`` (a Model, a path or a file's bytes) that the stock runtime
    cannot run: Flex ops, custom ops, and builtins used in a way their kernels refuse.

    ``kernels`` defaults to those of the kit and of loaded libraries. Raises ModelError for a file
    that is no valid model, ValueError for a model that is not converted yet."""
    if isinstance(source, (str, os.PathLike)) and (
        os.path.isdir(source) or str(source).endswith((".keras", ".h5"))
    ):
        raise ValueError(
            f"{source} is no .tflite file; `opkit convert {source} -o model.tflite` names every op "
            "that nothing runs"
        )
    model = source if isinstance(source, Model) else Model.load(source)
    kernels = registered_kernels() if kernels is None else kernels
    result = ScanResult()
    for subgraph, position, node in model.nodes():
        result.node_count += 1
        found = _classify(node)
        if found is None:
            continue
        found_as, reason, next_step = found
        declaration = None
        if found_as != "builtin-hole":
            declaration = kernels.get(node.op)
            refusal = kernels.refuses(node)
            if refusal:
                reason, next_step = refusal.reason, refusal.next_step
        result.nodes.append(
            ScannedNode(
                subgraph=subgraph,
                node=position,
                op=node.op,
                found_as=found_as,
                version=node.version,
                inputs=tuple(None if t is None else ScannedTensor.of(t) for t in node.inputs),
                outputs=tuple(ScannedTensor.of(t) for t in node.outputs),
                served=not reason,
                kernel_version=None if declaration is None else declaration.version,
                reason=reason,
                next_step=next_step,
            )
        )
    return result
