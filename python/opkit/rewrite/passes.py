"""What a pass is, and how passes are run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

from opkit.model import Model, Node, Subgraph

from .declared import Kernels, Refusal
from .report import Change, Refused, Report

__all__ = ["NodePass", "Pass", "run_passes"]


class Pass(ABC):
    """A rewrite of a model in place."""

    #: Name in reports.
    name: str

    @abstractmethod
    def run(self, model: Model, kernels: Kernels) -> Report:
        """Rewrites ``model``; says what was done and what was refused."""


class NodePass(Pass):
    """A pass that looks at one node at a time, in every subgraph: match, check, apply."""

    @abstractmethod
    def matches(self, graph: Subgraph, node: Node) -> bool:
        """Whether the pass is about this node at all."""

    @abstractmethod
    def check(self, graph: Subgraph, node: Node, kernels: Kernels) -> Refusal | None:
        """Why a matching node is left alone; None if it is to be rewritten."""

    @abstractmethod
    def apply(self, graph: Subgraph, node: Node, kernels: Kernels) -> tuple[str, str]:
        """Rewrites the node; returns what it became and a detail for the report."""

    def run(self, model: Model, kernels: Kernels) -> Report:
        """See :class:`Pass`."""
        report = Report()
        for number, graph in enumerate(model.subgraphs):
            for position, node in enumerate(list(graph.nodes)):
                if not self.matches(graph, node):
                    continue
                before = node.custom_code or node.builtin
                outputs = tuple(tensor.name for tensor in node.outputs)
                refusal = self.check(graph, node, kernels)
                if refusal:
                    report.refused.append(
                        Refused(
                            self.name,
                            number,
                            position,
                            before,
                            outputs,
                            refusal.reason,
                            refusal.next_step,
                        )
                    )
                    continue
                after, detail = self.apply(graph, node, kernels)
                report.changes.append(
                    Change(self.name, number, position, before, after, outputs, detail)
                )
        return report


def run_passes(model: Model, passes: Sequence[Pass] | Iterable[Pass], kernels: Kernels) -> Report:
    """Runs passes over ``model`` in order, in place; the model is checked after each."""
    report = Report()
    for item in passes:
        report.extend(item.run(model, kernels))
        model.check()
    return report
