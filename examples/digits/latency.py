"""Latency of a whole model and of each of its kernels alone, float beside int8."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import opkit
from opkit.bench.clock import batch_seconds, calls_for, interleave, timing
from opkit.model import Model, Node


@dataclass
class Kernel:
    """One of the kit's nodes, cut out of its model, with the values it had there."""

    op: str
    dtype: str
    shape: tuple[int, ...]
    interpreter: Any


def loaded(model: bytes, inputs: list[np.ndarray], **options: Any) -> Any:
    """An allocated and fed interpreter."""
    interpreter = opkit.Interpreter(model_content=model, num_threads=1, **options)
    for detail, value in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.resize_tensor_input(detail["index"], value.shape)
    interpreter.allocate_tensors()
    for detail, value in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.set_tensor(detail["index"], value)
    return interpreter


def _alone(model: Model, position: int) -> tuple[bytes, list[int]]:
    """A model of one node, and where its inputs are among the tensors of the whole."""
    cut = model.copy()
    graph = cut.subgraphs[0]
    node: Node = graph.nodes[position]
    numbers = {id(t): i for i, t in enumerate(graph.tensors)}
    inputs = [t for t in dict.fromkeys(node.inputs) if t is not None and not t.is_constant]
    where = [numbers[id(t)] for t in inputs]
    graph.nodes = [node]
    graph.inputs, graph.outputs = inputs, list(node.outputs)
    cut.signatures = []
    cut.prune()
    return cut.to_bytes(), where


def kernels(data: bytes, sample: np.ndarray) -> list[Kernel]:
    """Every custom op of a model as a model of its own, fed with what it sees for a sample."""
    model = Model.load(data)
    whole = loaded(data, [sample], experimental_preserve_all_tensors=True)
    whole.invoke()
    found = []
    for position, node in enumerate(model.subgraphs[0].nodes):
        if not node.is_custom:
            continue
        cut, where = _alone(model, position)
        values = [whole.get_tensor(i) for i in where]
        first = node.inputs[0]
        assert first is not None
        found.append(Kernel(node.op, first.dtype, values[0].shape, loaded(cut, values)))
    return found


def race(interpreters: dict[str, Any], rounds: int = 15) -> dict[str, Any]:
    """Medians and quartiles of seconds per invoke (CPU time), all of them in turn in each round."""
    contestants = {
        name: (lambda calls, invoke=i.invoke: batch_seconds(invoke, calls))
        for name, i in interpreters.items()
    }
    calls = {name: calls_for(i.invoke) for name, i in interpreters.items()}
    samples = interleave(contestants, calls, rounds)
    return {name: timing(samples[name], calls[name]) for name in interpreters}
