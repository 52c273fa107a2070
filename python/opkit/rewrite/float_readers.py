"""Nodes that compute in float and were left with int16 tensors get float ones again."""

from __future__ import annotations

from opkit.model import Model, Node, Subgraph, Tensor

from .affine import is_dequantize, is_quantize
from .declared import Kernels
from .passes import Pass
from .report import Change, Report

__all__ = ["FloatReaders"]


class FloatReaders(Pass):
    """Puts a DEQUANTIZE before what reads int16 codes as if they were floats.

    TF's int16 quantizer quantizes a tensor for all its readers, also for builtins that it leaves in
    float (NEG then computes garbage, EQUAL refuses to run) and for custom ops. A custom op that has
    a kernel for int16 gets it in :class:`SinkQuantization`."""

    name = "float-readers"

    def run(self, model: Model, kernels: Kernels) -> Report:
        """See :class:`~opkit.rewrite.passes.Pass`."""
        report = Report()
        for number, graph in enumerate(model.subgraphs):
            floats: dict[Tensor, Tensor] = {}
            for position, node in enumerate(list(graph.nodes)):
                codes = [t for t in node.inputs if t is not None and _is_codes(t)]
                if not codes or not _computes_in_float(node):
                    continue
                for tensor in codes:
                    if tensor not in floats:
                        floats[tensor] = _dequantized(graph, tensor)
                    graph.rewire(tensor, floats[tensor], [node])
                names = tuple(tensor.name for tensor in node.outputs)
                detail = "reads " + ", ".join(repr(tensor.name) for tensor in codes) + " in float"
                report.changes.append(
                    Change(
                        self.name,
                        number,
                        position,
                        node.op,
                        f"DEQUANTIZE, {node.op}",
                        names,
                        detail,
                    )
                )
        return report


def _is_codes(tensor: Tensor) -> bool:
    return tensor.dtype == "int16" and tensor.is_quantized


def _computes_in_float(node: Node) -> bool:
    if is_quantize(node) or is_dequantize(node):
        return False
    if node.builtin in ("CUSTOM", "CAST"):
        return True
    return any(t is not None and t.dtype == "float32" for t in [*node.inputs, *node.outputs])


def _dequantized(graph: Subgraph, tensor: Tensor) -> Tensor:
    result = Tensor(
        f"{tensor.name}_float32",
        "float32",
        tensor.shape,
        tensor.shape_signature,
        has_rank=tensor.has_rank,
    )
    producer = graph.producer(tensor)
    position = 0 if producer is None else graph.index(producer) + 1
    graph.insert(position, Node("DEQUANTIZE", [tensor], [result]))
    return result
