"""Integer inputs and outputs: the QUANTIZE and DEQUANTIZE at the model's edge go."""

from __future__ import annotations

from collections.abc import Sequence

from opkit.model import Model, Node, Subgraph, Tensor

from .affine import is_dequantize, is_quantize, reach, reaches
from .declared import QUANTIZED, Kernels
from .passes import Pass
from .report import Change, Refused, Report

__all__ = ["IntegerIO"]


class IntegerIO(Pass):
    """Makes float inputs and outputs of the main graph quantized ones.

    ``inputs`` and ``outputs`` are "float32" (left alone), "int8", "uint8" or "int16"; an edge whose
    quantized tensor has another type is left alone and reported. Tensors keep the names of the
    float ones, and signatures follow."""

    name = "integer-io"

    def __init__(self, inputs: str = "int8", outputs: str = "int8") -> None:
        for value in (inputs, outputs):
            if value != "float32" and value not in QUANTIZED:
                raise ValueError(f"{value!r} is no input or output type")
        self.inputs = inputs
        self.outputs = outputs

    def run(self, model: Model, kernels: Kernels) -> Report:
        """See :class:`~opkit.rewrite.passes.Pass`."""
        report = Report()
        graph = model.subgraphs[0]
        if self.inputs != "float32":
            for tensor in list(graph.inputs):
                if tensor.dtype == "float32":
                    self._input(model, graph, tensor, report)
        if self.outputs != "float32":
            for tensor in list(graph.outputs):
                if tensor.dtype == "float32":
                    self._output(model, graph, tensor, report)
        return report

    def _input(self, model: Model, graph: Subgraph, tensor: Tensor, report: Report) -> None:
        users = graph.consumers(tensor)
        quantizers = [user for user in users if is_quantize(user)]
        reason, first = "", None
        if not users or len(quantizers) != len(users) or tensor in graph.outputs:
            reason = "the input is also read in float"
        elif {user.outputs[0].dtype for user in users} != {self.inputs}:
            found = sorted({user.outputs[0].dtype for user in users})
            reason = f"the input is quantized to {' and '.join(found)}, not {self.inputs}"
        elif any(user.outputs[0] in graph.outputs for user in users):
            reason = "the quantized input is also an output"
        else:
            first = _widest(users)
            if first is None:
                reason = "the input is quantized to several ranges, and none holds the others"
        if reason or first is None:
            self._refuse(graph, users[0] if users else None, tensor, reason, report)
            return
        position = graph.index(first)
        twin = first.outputs[0]
        graph.remove(first)
        for other in users:
            if other is first:
                continue
            other.inputs[0] = twin  # equal ones are removed by hand, others requantize
            result = other.outputs[0]
            if twin.quantization is not None and twin.quantization.same_as(result.quantization):
                graph.rewire(result, twin)
                graph.remove(other)
        self._swap(model, graph, graph.inputs, tensor, twin)
        report.changes.append(
            Change(self.name, 0, position, "QUANTIZE", "", (tensor.name,), f"input {self.inputs}")
        )

    def _output(self, model: Model, graph: Subgraph, tensor: Tensor, report: Report) -> None:
        producer = graph.producer(tensor)
        reason = ""
        if producer is None or not is_dequantize(producer):
            reason = "the output is computed in float"
        elif graph.consumers(tensor):
            reason = "the output is also read in float"
        else:
            origin = producer.inputs[0]
            if origin is None or origin.dtype != self.outputs:
                reason = f"the output is quantized to {origin and origin.dtype}"
            elif origin in graph.outputs or origin in graph.inputs:
                reason = "the quantized output is already an input or output"
        if reason:
            self._refuse(graph, producer, tensor, reason, report)
            return
        assert producer is not None and producer.inputs[0] is not None
        position = graph.index(producer)
        twin = producer.inputs[0]
        graph.remove(producer)
        self._swap(model, graph, graph.outputs, tensor, twin)
        report.changes.append(
            Change(
                self.name, 0, position, "DEQUANTIZE", "", (tensor.name,), f"output {self.outputs}"
            )
        )

    def _swap(
        self, model: Model, graph: Subgraph, edge: list[Tensor], old: Tensor, new: Tensor
    ) -> None:
        for i, tensor in enumerate(edge):
            if tensor is old:
                edge[i] = new
        for signature in model.signatures:
            if signature.subgraph is not graph:
                continue
            for names in (signature.inputs, signature.outputs):
                for name, tensor in names.items():
                    if tensor is old:
                        names[name] = new
        old.name, new.name = f"{old.name}_float", old.name

    def _refuse(
        self, graph: Subgraph, node: Node | None, tensor: Tensor, reason: str, report: Report
    ) -> None:
        report.refused.append(
            Refused(
                self.name,
                0,
                -1 if node is None else graph.index(node),
                "" if node is None else node.op,
                (tensor.name,),
                reason,
                "leave this type at float32",
            )
        )


def _widest(quantizers: Sequence[Node]) -> Node | None:
    """The QUANTIZE whose result holds what those of all others hold: its codes are the input's."""
    results = [node.outputs[0] for node in quantizers]
    if not all(t.quantization is not None and t.quantization.is_per_tensor for t in results):
        return None
    low, high = min(reach(t)[0] for t in results), max(reach(t)[1] for t in results)
    return next((n for n in quantizers if reaches(n.outputs[0], low, high)), None)
