"""Attributes of custom and Flex nodes: their only decoder and encoder.

A custom node's options are a FlexBuffer map from attribute names to values; types are numbers of
TFLite's TensorType in it, and shapes, lists of types and functions have no place. A Flex node's
options are a FlexBuffer vector ``[op name, serialized NodeDef]``. Both become a dict of
:data:`opkit.model.values.Attr`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import flexbuffer
from .dtypes import dtype_from_tflite, dtype_to_tflite
from .errors import ModelError
from .nodedef import NodeDef, decode_nodedef, encode_nodedef
from .values import Attr, DType, FuncValue, ShapeValue, TensorValue

__all__ = [
    "decode_custom_options",
    "decode_flex_options",
    "encode_custom_options",
    "encode_flex_options",
]


def decode_custom_options(data: bytes, kinds: Mapping[str, str] | None = None) -> dict[str, Attr]:
    """Attributes in a custom node's options; no bytes at all mean no attributes.

    ``kinds`` gives the declared kind of attributes ("type", "shape", "func", "float",
    "list(type)", ...): the map itself cannot tell a type from a number. Attributes without a kind
    stay as stored. Raises ModelError if the options are no FlexBuffer map or a value is not of its
    kind."""
    if len(data) == 0:
        return {}
    stored = flexbuffer.loads(data)
    if stored is None:
        return {}
    if not isinstance(stored, dict):
        raise ModelError(f"custom options hold a {type(stored).__name__}, want a map")
    kinds = kinds or {}
    return {name: _restore(name, value, kinds.get(name)) for name, value in stored.items()}


def _restore(name: str, value: Any, kind: str | None) -> Attr:
    if kind is None:
        return value
    kind = kind.split("[")[0] if not kind.startswith("list(") else kind[: kind.index(")") + 1]
    if kind.startswith("list("):
        if not isinstance(value, list):
            raise ModelError(f"attribute {name!r} is {value!r}, want a {kind}")
        return [_restore(name, item, kind[5:-1]) for item in value]
    good: bool
    if kind == "type":
        if isinstance(value, str):
            dtype_to_tflite(value)
            return DType(value)
        good = isinstance(value, int) and not isinstance(value, bool)
        if good:
            return DType(dtype_from_tflite(value))
    elif kind == "shape":
        good = value is None or (
            isinstance(value, list)
            and all(isinstance(item, int) and not isinstance(item, bool) for item in value)
        )
        if good:
            return ShapeValue(None if value is None else tuple(value))
    elif kind == "func":
        good = isinstance(value, str)
        if good:
            return FuncValue(value)
    elif kind == "float":
        good = isinstance(value, (int, float)) and not isinstance(value, bool)
        if good:
            return float(value)
    elif kind == "bool":
        # The converter writes the bools of composites as one-bit integers: true is -1.
        good = isinstance(value, bool) or (isinstance(value, int) and value in (-1, 0, 1))
        if good:
            return bool(value)
    elif kind == "int":
        good = isinstance(value, int) and not isinstance(value, bool)
    elif kind == "tensor":
        good = isinstance(value, (str, bytes))
        if good:
            return TensorValue(value.encode() if isinstance(value, str) else value)
    elif kind == "string":
        good = isinstance(value, (str, bytes))
    else:
        raise ModelError(f"attribute {name!r} is declared with an unknown kind {kind!r}")
    if not good:
        raise ModelError(f"attribute {name!r} is {value!r}, want a {kind}")
    return value


def _store(name: str, value: Attr) -> Any:
    if isinstance(value, DType):
        return dtype_to_tflite(value)
    if isinstance(value, ShapeValue):
        return None if value.dims is None else list(value.dims)
    if isinstance(value, FuncValue):
        if value.attrs:
            raise ModelError(f"attribute {name!r}: a function with attributes has no custom form")
        return value.name
    if isinstance(value, TensorValue):
        return value.proto
    if isinstance(value, (list, tuple)):
        return [_store(name, item) for item in value]
    return value


def encode_custom_options(attrs: Mapping[str, Attr]) -> bytes:
    """Options of a custom node: the map that TF's converter writes with ``allow_custom_ops``,
    extended to lists of types (lists of numbers), shapes (lists, None for an unknown rank),
    functions (their names) and tensors (serialized TensorProtos). Raises ModelError for functions
    with attributes."""
    return flexbuffer.dumps({name: _store(name, value) for name, value in attrs.items()})


def decode_flex_options(data: bytes) -> NodeDef:
    """The NodeDef in a Flex node's options. Raises ModelError if they are malformed."""
    if len(data) == 0:
        raise ModelError("a Flex node has no options, want [op name, NodeDef]")
    stored = flexbuffer.loads(data)
    if not isinstance(stored, list) or len(stored) != 2 or not isinstance(stored[0], str):
        raise ModelError("a Flex node's options are not [op name, NodeDef]")
    name, blob = stored
    if not isinstance(blob, (str, bytes)):
        raise ModelError(f"a Flex node's NodeDef is a {type(blob).__name__}, want a string")
    node = decode_nodedef(blob.encode("utf-8") if isinstance(blob, str) else blob)
    if node.op != name:
        raise ModelError(f"a Flex node's options name {name!r}, but its NodeDef {node.op!r}")
    return node


def encode_flex_options(node: NodeDef) -> bytes:
    """Options of a Flex node: the FlexBuffer vector ``[op, serialized NodeDef]``."""
    return flexbuffer.dumps([node.op, encode_nodedef(node)])
