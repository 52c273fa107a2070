"""Takes out what computes nothing: DEQUANTIZE/QUANTIZE pairs that cancel, nodes without readers."""

from __future__ import annotations

from opkit.model import Model, Node, Subgraph, Tensor

from .affine import is_dequantize, is_quantize
from .declared import Kernels
from .passes import Pass
from .report import Change, Refused, Report

__all__ = ["CleanUp"]

# Builtins that act on something other than their outputs, or call a subgraph that may do so.
_EFFECTS = frozenset(
    [
        "ASSIGN_VARIABLE",
        "CALL",
        "CALL_ONCE",
        "CUSTOM",
        "DELEGATE",
        "HASHTABLE",
        "HASHTABLE_FIND",
        "HASHTABLE_IMPORT",
        "HASHTABLE_SIZE",
        "IF",
        "MULTINOMIAL",
        "RANDOM_STANDARD_NORMAL",
        "RANDOM_UNIFORM",
        "READ_VARIABLE",
        "STABLEHLO_CASE",
        "STABLEHLO_COMPOSITE",
        "STABLEHLO_CUSTOM_CALL",
        "STABLEHLO_RNG_BIT_GENERATOR",
        "STABLEHLO_WHILE",
        "VAR_HANDLE",
        "WHILE",
    ]
)


class CleanUp(Pass):
    """DEQUANTIZE followed by QUANTIZE with the same type, scale and zero point gives the codes it
    came from; then nodes whose outputs nobody reads go, and tensors that are left over."""

    name = "clean-up"

    def run(self, model: Model, kernels: Kernels) -> Report:
        """See :class:`~opkit.rewrite.passes.Pass`."""
        report = Report()
        for number, graph in enumerate(model.subgraphs):
            kept = set(graph.outputs)
            for signature in model.signatures:
                if signature.subgraph is graph:
                    kept.update(signature.outputs.values())
            positions = {id(node): i for i, node in enumerate(graph.nodes)}
            self._pairs(number, graph, kept, positions, report)
            self._dead(number, graph, kept, positions, report)
        model.prune()
        return report

    def _pairs(
        self,
        number: int,
        graph: Subgraph,
        kept: set[Tensor],
        positions: dict[int, int],
        report: Report,
    ) -> None:
        producers = graph.producers()
        for node in list(graph.nodes):
            if not is_quantize(node):
                continue
            source = node.inputs[0] if node.inputs else None
            before = producers.get(source) if source is not None else None
            if before is None or not is_dequantize(before):
                continue
            origin, result = before.inputs[0], node.outputs[0]
            if origin is None or origin.dtype != result.dtype or origin.quantization is None:
                continue
            if not origin.quantization.same_as(result.quantization):
                continue
            names = (result.name,)
            if result in kept:
                report.refused.append(
                    Refused(
                        self.name,
                        number,
                        positions[id(node)],
                        node.builtin,
                        names,
                        "the result is an output of the model and keeps its name",
                    )
                )
                continue
            graph.rewire(result, origin)
            graph.remove(node)
            report.changes.append(
                Change(
                    self.name,
                    number,
                    positions[id(node)],
                    "DEQUANTIZE, QUANTIZE",
                    "",
                    names,
                    f"readers take {origin.name!r}",
                )
            )

    def _dead(
        self,
        number: int,
        graph: Subgraph,
        kept: set[Tensor],
        positions: dict[int, int],
        report: Report,
    ) -> None:
        needed = set(kept)
        alive: list[Node] = []
        for node in reversed(graph.nodes):
            pure = node.builtin not in _EFFECTS
            if pure and not any(tensor in needed for tensor in node.outputs):
                report.changes.append(
                    Change(
                        self.name,
                        number,
                        positions[id(node)],
                        node.builtin,
                        "",
                        tuple(tensor.name for tensor in node.outputs),
                        "nobody reads it",
                    )
                )
                continue
            needed.update(tensor for tensor in node.inputs if tensor is not None)
            alive.append(node)
        graph.nodes = alive[::-1]
