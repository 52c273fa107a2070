"""One-op models, built in memory: the unit of parity, contract and bench."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from opkit.model import Model, Node, Quantization, Signature, Subgraph, Tensor
from opkit.model.attrs import encode_custom_options, encode_flex_options
from opkit.model.nodedef import NodeDef
from opkit.model.values import DType, FuncValue, ShapeValue
from opkit.registry import Declaration
from opkit.spec import QUANTIZED, Types
from opkit.verify.declaration import arg_dtype, find_input, storage

QuantParams = tuple[float, int]


@dataclass
class OneOp:
    """A model with one node, and the arrays for its graph inputs in order."""

    model: Model
    feeds: list[np.ndarray]
    names: list[str]

    def to_bytes(self) -> bytes:
        """The model as a flatbuffer."""
        return self.model.to_bytes()


def attr_value(kind: str, value: Any) -> Any:
    """A spec's attribute value as `opkit.model` stores it: "float32" -> DType, [2, -1] -> shape."""
    if kind.startswith("list("):
        inner = kind[5 : kind.index(")")]
        return [attr_value(inner, v) for v in value]
    if kind == "type":
        return DType(storage(value))
    if kind == "shape":
        return ShapeValue(None if value is None else tuple(int(d) for d in value))
    if kind == "func":
        return FuncValue(value)
    if kind == "float":
        return float(value)
    if kind == "bool":
        return bool(value)
    if kind == "int":
        return int(value)
    return value


def attributes(declaration: Declaration, types: Types, attrs: Mapping[str, Any]) -> dict[str, Any]:
    """All attributes a converter would write: those given, and the dtypes of type variables."""
    kinds = dict.fromkeys(types, "type") | {a.name: a.kind for a in declaration.attrs}
    made = {k: attr_value(kinds[k], v) if k in kinds else v for k, v in attrs.items()}
    mixed = {a.type for a in (*declaration.inputs, *declaration.outputs) if a.mixed}
    for name, dtype in types.items():
        if name not in mixed:
            made.setdefault(name, DType(storage(dtype)))
    return made


def flatten(values: Mapping[str, Any], declaration: Declaration) -> list[tuple[str, str, Any]]:
    """(argument name, tensor name, array or None) per flat input, trailing absent ones dropped."""
    flat: list[tuple[str, str, Any]] = []
    for arg in declaration.inputs:
        value = values.get(arg.name)
        if arg.list:
            items = value if isinstance(value, (list, tuple)) else [value]
            flat += [(arg.name, f"{arg.name}_{i}", v) for i, v in enumerate(items)]
        else:
            flat.append((arg.name, arg.name, value))
    while flat and flat[-1][2] is None:
        flat.pop()
    return flat


def is_constant(constant: tuple[str, ...] | bool, position: int, arg: str) -> bool:
    """Whether a case stores this input in the model."""
    if isinstance(constant, bool):
        return constant and position > 0
    return arg in constant


def build(
    declaration: Declaration,
    types: Types,
    inputs: Mapping[str, Any],
    attrs: Mapping[str, Any],
    *,
    constant: tuple[str, ...] | bool = (),
    form: str = "custom",
    outputs: int | Mapping[str, int] = 1,
    quant: Mapping[str, QuantParams] | None = None,
    version: int = 1,
    options: bytes | None = None,
    dtypes: Mapping[str, str] | None = None,
) -> OneOp:
    """A model whose single node is the op.

    Args:
      inputs: name -> array, None (absent), or list of arrays.
      form: "custom" (name and flexbuffer map) or "flex" (FlexName and [name, NodeDef]).
      outputs: number of tensors of a list output (by name, or one for all).
      quant: scale and zero point by argument name, for quantized dtypes.
      options: replaces the encoded attributes, for malformed ones.
      dtypes: overrides tensor dtypes by argument name, for calls that must be refused.
    """
    quant, dtypes = quant or {}, dtypes or {}

    def tensor(arg: Any, name: str, shape: tuple[int, ...], mixed: str | None = None) -> Tensor:
        dtype = dtypes.get(arg.name) or mixed or arg_dtype(arg, types)
        made = Tensor(name=name, dtype=storage(dtype), shape=shape)
        if dtype in QUANTIZED and arg.name in quant:
            made.quantization = Quantization.per_tensor(*quant[arg.name])
        return made

    graph = Subgraph(name="main")
    node_inputs: list[Tensor | None] = []
    feeds, names = [], []
    for position, (arg_name, name, value) in enumerate(flatten(inputs, declaration)):
        if value is None:
            node_inputs.append(None)
            continue
        arg = find_input(declaration, arg_name)
        own = value.dtype.name if arg.mixed and value.dtype != object else None
        if arg.mixed and value.dtype == object:
            own = "string"
        made = tensor(arg, name, tuple(value.shape), own)
        graph.tensors.append(made)
        node_inputs.append(made)
        if is_constant(constant, position, arg_name):
            dtype = made.dtype
            made.set_numpy(value)
            made.dtype = dtype
            if value.size == 0:
                raise ValueError(f"{declaration.name}: {name} is empty and cannot be a constant")
        else:
            graph.inputs.append(made)
            feeds.append(value)
            names.append(name)
    node_outputs: list[Tensor] = []
    for arg in declaration.outputs:
        count = outputs if isinstance(outputs, int) else outputs.get(arg.name, 1)
        for i in range(count if arg.list else 1):
            name = f"{arg.name}_{i}" if arg.list else arg.name
            taken = {t.name for t in graph.tensors}
            made = tensor(arg, name if name not in taken else f"{name}_out", ())
            graph.tensors.append(made)
            graph.outputs.append(made)
            node_outputs.append(made)
    node = Node.custom(declaration.name, node_inputs, node_outputs, {}, version)
    made_attrs = attributes(declaration, types, attrs)
    if any(a.name == "N" for a in declaration.attrs):  # TF's name for the length of a list
        lists = [inputs[a.name] for a in declaration.inputs if a.list]
        made_attrs.setdefault("N", len(lists[0]))
    if form == "flex":
        node.custom_code = f"Flex{declaration.name}"
        inputs_text = [t.name for t in node_inputs if t is not None]
        node.custom_options = encode_flex_options(
            NodeDef(name="", op=declaration.name, inputs=inputs_text, attrs=made_attrs)
        )
    else:
        node.custom_options = encode_custom_options(made_attrs)
    if options is not None:
        node.custom_options = options
    graph.nodes.append(node)
    signature = Signature(
        "serving_default",
        graph,
        {t.name: t for t in graph.inputs},
        {t.name: t for t in graph.outputs},
    )
    return OneOp(Model(subgraphs=[graph], signatures=[signature]), feeds, names)
