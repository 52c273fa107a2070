"""Quantized models and kernel declarations built by hand, for tests of the passes."""

from __future__ import annotations

from typing import Any

import numpy as np

import opkit
from opkit.model import (
    Model,
    Node,
    Quantization,
    Subgraph,
    Tensor,
)
from opkit.rewrite import (
    CleanUp,
    Declaration,
    Kernels,
    SinkQuantization,
    run_passes,
)

ALL_QUANTIZED = ["float32", "qint8", "quint8", "qint16"]


def argument(name: str, kind: str, dtypes: list[str], **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "dtypes": dtypes, **more}


def declared(
    name: str, dtypes: list[str], inputs: int = 1, version: int = 1, **more: Any
) -> Declaration:
    """An op ``T... -> T`` as the library's JSON declares it."""
    return Declaration.from_json(
        {
            "name": name,
            "version": version,
            "inputs": [argument(f"x{i}", "T", dtypes) for i in range(inputs)],
            "outputs": [argument("y", "T", dtypes)],
            "types": {"T": dtypes},
            "attrs": [],
            **more,
        }
    )


ERF = Kernels([declared("Erf", ALL_QUANTIZED)])


class Builder:
    """A quantized model as the converter leaves it, built by hand."""

    def __init__(self) -> None:
        self.graph = Subgraph("main")
        self.model = Model([self.graph])
        self.count = 0

    def tensor(self, name: str, dtype: str = "float32", scale: float = 0, zero: int = 0) -> Tensor:
        quantization = Quantization.per_tensor(scale, zero) if scale else None
        return self.graph.add_tensor(Tensor(name, dtype, (2, 3), quantization=quantization))

    def node(self, builtin: str, inputs: list[Tensor], output: Tensor) -> Tensor:
        make = Node.custom(builtin, inputs, [output])
        if builtin.isupper():
            make = Node(builtin, list(inputs), [output])
        self.graph.insert(len(self.graph.nodes), make)
        return output

    def dq(self, source: Tensor) -> Tensor:
        return self.node("DEQUANTIZE", [source], self.tensor(f"{source.name}_dq"))

    def q(self, source: Tensor, scale: float, zero: int = 0, dtype: str = "int8") -> Tensor:
        return self.node("QUANTIZE", [source], self.tensor(f"{source.name}_q", dtype, scale, zero))

    def custom(self, op: str, *inputs: Tensor, name: str = "") -> Tensor:
        self.count += 1
        return self.node(op, list(inputs), self.tensor(name or f"c{self.count}"))

    def run(
        self, kernels: Kernels = ERF, ranges: dict[str, tuple[float, float]] | None = None
    ) -> Any:
        keyed = {(0, name): value for name, value in (ranges or {}).items()}
        report = run_passes(self.model, [SinkQuantization(keyed), CleanUp()], kernels)
        Model.load(self.model.to_bytes())
        return report

    @property
    def ops(self) -> list[str]:
        return [node.op for node in self.graph.nodes]


def invoke(model: Model, *values: np.ndarray) -> np.ndarray:
    """The first output of a model with the kit's kernels."""
    interpreter = opkit.Interpreter(model_content=model.to_bytes())
    interpreter.allocate_tensors()
    for detail, value in zip(interpreter.get_input_details(), values, strict=True):
        interpreter.set_tensor(detail["index"], value)
    interpreter.invoke()
    return np.array(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
