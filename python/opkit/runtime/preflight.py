"""Errors at load that name what the runtime's own message leaves out."""

from __future__ import annotations

import os

from opkit.model import Model, ModelError, Subgraph, Tensor
from opkit.rewrite import ScannedNode, ScanResult, scan
from opkit.runtime.hosts import Host


class UnsupportedOpError(ValueError):
    """A model needs ops that neither the runtime nor the kit has; the text names each."""


def check_model(source: str | os.PathLike[str] | bytes, host: Host) -> ScanResult:
    """Raises UnsupportedOpError if a custom or Flex node has no kernel that takes it; else returns
    what was found.

    Builtin ops are left to the host, and so are Flex nodes where its own Flex delegate runs them
    (TF up to 2.18).

    Raises ModelError for graphs that the runtime does not look at and would not survive.
    """
    model = Model.load(source)
    check_graphs(model)
    found = scan(model)
    problems = [
        node
        for node in found.unserved
        if node.found_as == "custom" or (node.found_as == "flex" and not host.runs_flex)
    ]
    if not problems:
        return found
    lines = "\n".join(f"  {_line(node)}" for node in problems[:20])
    more = f"\n  and {len(problems) - 20} more" if len(problems) > 20 else ""
    raise UnsupportedOpError(
        f"{len(problems)} node(s) of this model have no kernel:\n{lines}{more}\n"
        "`opkit scan MODEL` shows the whole list, `opkit ops` what there is."
    )


def check_graphs(model: Model) -> None:
    """Raises ModelError for graphs that TFLite does not look at and would not survive."""
    model.check()
    for graph in model.subgraphs:
        _check_values(graph)


def _check_values(graph: Subgraph) -> None:
    """What the runtime reads and writes without a look: tensors to which nothing gives a value,
    constants that a node writes to, tensors with two writers, of which the second may resize what
    the first has still to write, and constant strings that reach outside their buffer."""
    computed: set[Tensor] = set()
    for node in graph.nodes:
        for tensor in node.outputs:
            if tensor in computed and not tensor.is_variable:
                raise ModelError(
                    f"subgraph {graph.name!r}: node {node.op} writes to {tensor.name!r}, which is "
                    "computed already"
                )
            computed.add(tensor)
    for tensor in graph.tensors:
        if not tensor.is_constant:
            continue
        if tensor in computed or tensor.dtype in ("variant", "resource"):
            raise ModelError(
                f"subgraph {graph.name!r}: {tensor.name!r} ({tensor.dtype}) holds a constant, "
                "which a node would write to"
            )
        if tensor.dtype == "string":
            tensor.numpy()
    given = computed | set(graph.inputs)
    read = {t: f"node {n.op} reads" for n in graph.nodes for t in n.inputs if t is not None}
    for tensor, where in [*read.items(), *((t, "is an output") for t in graph.outputs)]:
        empty = tensor.is_variable or 0 in (tensor.shape or ())
        if tensor not in given and not tensor.is_constant and not empty:
            raise ModelError(
                f"subgraph {graph.name!r}: nothing gives a value to {tensor.name!r}, which {where}"
            )


def _line(node: ScannedNode) -> str:
    inputs = ", ".join("absent" if t is None else f"{t.name!r} {t}" for t in node.inputs)
    where = f"node {node.node}" + (f" of subgraph {node.subgraph}" if node.subgraph else "")
    step = f"; {node.next_step}" if node.next_step else ""
    return f"{node.op} ({where}; in {inputs}): {node.reason}{step}"
