"""Models that peers run: a kernel between DEQUANTIZE and QUANTIZE, a builtin alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from opkit.model import Model, Node, Quantization, Signature, Subgraph, Tensor
from opkit.registry import Declaration
from opkit.spec import QUANTIZED, Types
from opkit.verify.declaration import arg_dtype
from opkit.verify.parity import Prepared, float_types, one_op
from opkit.verify.quantized import dequantize
from opkit.verify.single_op import OneOp, QuantParams, build


def float_twin(declaration: Declaration, prepared: Prepared) -> OneOp:
    """The float32 kernel on what the quantized inputs of a case stand for."""
    return build(
        declaration,
        float_types(declaration, prepared.types),
        _dequantized(declaration, prepared),
        prepared.case.attrs,
        constant=prepared.case.constant,
    )


def _dequantized(declaration: Declaration, prepared: Prepared) -> dict[str, object]:
    real: dict[str, object] = {}
    for arg in declaration.inputs:
        value = prepared.inputs.get(arg.name)
        if isinstance(value, np.ndarray) and arg_dtype(arg, prepared.types) in QUANTIZED:
            value = dequantize(value, prepared.quant[arg.name])
        real[arg.name] = value
    return real


def flex_model(declaration: Declaration, prepared: Prepared) -> OneOp:
    """The case as a Flex node; quantized cases get DEQUANTIZE before and QUANTIZE after it, as the
    converter writes them."""
    if not prepared.types.quantized:
        return one_op(declaration, prepared, form="flex")
    floats: Types = float_types(declaration, prepared.types)
    one = build(
        declaration,
        floats,
        _dequantized(declaration, prepared),
        prepared.case.attrs,
        constant=prepared.case.constant,
        form="flex",
    )
    graph = one.model.subgraphs[0]
    by_name = {a.name: a for a in (*declaration.inputs, *declaration.outputs)}
    feeds = []
    for i, tensor in enumerate(list(graph.inputs)):
        name = tensor.name
        if name not in prepared.quant or arg_dtype(by_name[name], prepared.types) not in QUANTIZED:
            feeds.append(one.feeds[i])
            continue
        codes = prepared.inputs[name]
        source = _quantized(f"{name}_codes", codes.dtype.name, codes.shape, prepared.quant[name])
        graph.tensors.append(source)
        graph.inputs[i] = source
        graph.nodes.insert(0, Node("DEQUANTIZE", [source], [tensor]))
        feeds.append(codes)
    for i, tensor in enumerate(list(graph.outputs)):
        if tensor.name not in prepared.quant:
            continue
        dtype = prepared.want[i].dtype.name
        shape = tuple(prepared.want[i].shape)
        target = _quantized(f"{tensor.name}_codes", dtype, shape, prepared.quant[tensor.name])
        graph.tensors.append(target)
        graph.outputs[i] = target
        graph.nodes.append(Node("QUANTIZE", [tensor], [target]))
    one.model.signatures = []
    return OneOp(one.model, feeds, [t.name for t in graph.inputs])


def _quantized(name: str, dtype: str, shape: tuple[int, ...], params: QuantParams) -> Tensor:
    made = Tensor(name=name, dtype=dtype, shape=tuple(shape))
    made.quantization = Quantization.per_tensor(*params)
    return made


def builtin_model(name: str, prepared: Prepared, quant: Mapping[str, QuantParams]) -> OneOp:
    """A model with one builtin that takes the case's inputs in order and has no options."""
    graph = Subgraph(name="main")
    feeds, inputs = [], []
    for key, value in prepared.inputs.items():
        if not isinstance(value, np.ndarray):
            raise ValueError("a builtin peer takes plain tensors only")
        tensor = Tensor(name=key, dtype=value.dtype.name, shape=tuple(value.shape))
        if key in quant:
            tensor.quantization = Quantization.per_tensor(*quant[key])
        graph.tensors.append(tensor)
        graph.inputs.append(tensor)
        inputs.append(tensor)
        feeds.append(value)
    outputs = []
    params = [p for k, p in quant.items() if k not in prepared.inputs]
    for i, want in enumerate(prepared.want):
        tensor = Tensor(name=f"out{i}", dtype=want.dtype.name, shape=tuple(want.shape))
        if params:
            tensor.quantization = Quantization.per_tensor(*params[min(i, len(params) - 1)])
        graph.tensors.append(tensor)
        graph.outputs.append(tensor)
        outputs.append(tensor)
    graph.nodes.append(Node(name, list(inputs), outputs))
    signature = Signature(
        "serving_default",
        graph,
        {t.name: t for t in graph.inputs},
        {t.name: t for t in graph.outputs},
    )
    return OneOp(Model(subgraphs=[graph], signatures=[signature]), feeds, list(prepared.inputs))


YARDSTICKS = {"float32": "GELU", "int8": "TANH"}
"""Builtins that XNNPACK runs, by dtype."""


def yardstick_model(prepared: Prepared) -> OneOp:
    """The runtime's own GELU (float32) or TANH (int8) on the one input of a case: another function,
    with as many elements to read and write."""
    ((name, value),) = prepared.inputs.items()
    quant = {name: prepared.quant[name]} if name in prepared.quant else {}
    if quant:
        quant["tanh"] = (1 / 128, 0)  # the only output scale that TANH takes
    return builtin_model(YARDSTICKS[value.dtype.name], prepared, quant)
