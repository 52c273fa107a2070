"""TensorFlow's NodeDef, as Flex nodes carry it, read and written without TensorFlow.

Only the protobuf wire format (https://protobuf.dev/programming-guides/encoding) and the field
numbers of ``node_def.proto``, ``attr_value.proto`` and ``tensor_shape.proto`` are needed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .dtypes import dtype_from_tensorflow, dtype_to_tensorflow
from .errors import ModelError
from .values import Attr, DType, FuncValue, ShapeValue, TensorValue

__all__ = ["NodeDef", "decode_nodedef", "encode_nodedef"]

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MAX_DEPTH = 32


@dataclass
class NodeDef:
    """A TensorFlow node: its name (empty in converted models), op, inputs, device, attributes."""

    op: str
    attrs: dict[str, Attr] = field(default_factory=dict)
    name: str = ""
    inputs: list[str] = field(default_factory=list)
    device: str = ""


# ---- reading -----------------------------------------------------------------------------------


def _varint(data: bytes, pos: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if pos >= len(data):
            raise ModelError("a number is cut off")
        byte = data[pos]
        pos += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & (2**64 - 1), pos
    raise ModelError("a number is longer than 64 bits")


def _fields(data: bytes) -> Iterator[tuple[int, int, Any]]:
    """(field number, wire type, value) of a message; nothing is read past its end."""
    pos = 0
    while pos < len(data):
        tag, pos = _varint(data, pos)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, pos = _varint(data, pos)
            yield number, wire, value
            continue
        if wire == _BYTES:
            size, pos = _varint(data, pos)
        elif wire in (_FIXED32, _FIXED64):
            size = 4 if wire == _FIXED32 else 8
        else:
            raise ModelError(f"wire type {wire} is not valid")
        if size > len(data) - pos:
            raise ModelError(f"field {number} of {size} bytes is cut off")
        yield number, wire, data[pos : pos + size]
        pos += size


def _want(wire: int, wanted: int, what: str) -> None:
    if wire != wanted:
        raise ModelError(f"{what} has wire type {wire}, want {wanted}")


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value


def _string(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise ModelError(f"{raw[:40]!r} is not UTF-8") from None


def _text(raw: bytes) -> str | bytes:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw


def _packed(wire: int, value: Any, element: int) -> list[Any]:
    """Values of a repeated scalar field, packed or not."""
    if wire == element:
        return [value]
    _want(wire, _BYTES, "a list")
    if element == _FIXED32:
        if len(value) % 4:
            raise ModelError("a list of floats is cut off")
        return [value[i : i + 4] for i in range(0, len(value), 4)]
    numbers, pos = [], 0
    while pos < len(value):
        number, pos = _varint(value, pos)
        numbers.append(number)
    return numbers


def _shape(data: bytes) -> ShapeValue:
    dims: list[int] = []
    unknown_rank = False
    for number, wire, value in _fields(data):
        if number == 2:
            _want(wire, _BYTES, "a dimension")
            size = 0
            for inner, inner_wire, inner_value in _fields(value):
                if inner == 1:
                    _want(inner_wire, _VARINT, "a dimension's size")
                    size = _signed(inner_value)
            dims.append(size)
        elif number == 3:
            _want(wire, _VARINT, "unknown_rank")
            unknown_rank = bool(value)
    return ShapeValue(None if unknown_rank else tuple(dims))


def _float(raw: bytes) -> float:
    return float(struct.unpack("<f", raw)[0])


def _list(data: bytes, depth: int) -> list[Attr]:
    result: list[Attr] = []
    for number, wire, value in _fields(data):
        if number in (2, 7, 8, 9):
            _want(wire, _BYTES, "a list's item")
        if number == 2:
            result.append(_text(value))
        elif number == 3:
            result += [_signed(item) for item in _packed(wire, value, _VARINT)]
        elif number == 4:
            result += [_float(item) for item in _packed(wire, value, _FIXED32)]
        elif number == 5:
            result += [bool(item) for item in _packed(wire, value, _VARINT)]
        elif number == 6:
            items = _packed(wire, value, _VARINT)
            result += [DType(dtype_from_tensorflow(item)) for item in items]
        elif number == 7:
            result.append(_shape(value))
        elif number == 8:
            result.append(TensorValue(value))
        elif number == 9:
            result.append(_func(value, depth + 1))
    return result


def _func(data: bytes, depth: int) -> FuncValue:
    name, attrs = "", {}
    for number, wire, value in _fields(data):
        if number in (1, 2):
            _want(wire, _BYTES, "a function's field")
        if number == 1:
            name = _string(value)
        elif number == 2:
            key, attr = _entry(value, depth + 1)
            attrs[key] = attr
    return FuncValue(name, attrs)


def _attr(data: bytes, depth: int) -> Attr:
    if depth > _MAX_DEPTH:
        raise ModelError(f"attributes nested deeper than {_MAX_DEPTH} levels")
    result: Attr = None
    for number, wire, value in _fields(data):
        wanted = {3: _VARINT, 4: _FIXED32, 5: _VARINT, 6: _VARINT}.get(number, _BYTES)
        if number not in range(1, 11):
            continue
        _want(wire, wanted, "an attribute's value")
        if number == 1:
            result = _list(value, depth)
        elif number == 2:
            result = _text(value)
        elif number == 3:
            result = _signed(value)
        elif number == 4:
            result = _float(value)
        elif number == 5:
            result = bool(value)
        elif number == 6:
            # References (DT_*_REF) are the type plus 100.
            result = DType(dtype_from_tensorflow(value - 100 if value > 100 else value))
        elif number == 7:
            result = _shape(value)
        elif number == 8:
            result = TensorValue(value)
        elif number == 9:
            result = _string(value)
        else:
            result = _func(value, depth)
    return result


def _entry(data: bytes, depth: int) -> tuple[str, Attr]:
    key, attr = "", None
    for number, wire, value in _fields(data):
        if number in (1, 2):
            _want(wire, _BYTES, "an attribute")
        if number == 1:
            key = _string(value)
        elif number == 2:
            try:
                attr = _attr(value, depth)
            except ModelError as error:
                raise ModelError(f"attribute {key!r}: {error}") from None
    return key, attr


def decode_nodedef(data: bytes) -> NodeDef:
    """Decodes a serialized NodeDef. Raises ModelError if it is malformed."""
    node = NodeDef("")
    try:
        for number, wire, value in _fields(bytes(data)):
            if number in range(1, 6):
                _want(wire, _BYTES, f"NodeDef field {number}")
            if number == 1:
                node.name = _string(value)
            elif number == 2:
                node.op = _string(value)
            elif number == 3:
                node.inputs.append(_string(value))
            elif number == 4:
                node.device = _string(value)
            elif number == 5:
                key, attr = _entry(value, 0)
                node.attrs[key] = attr
    except ModelError as error:
        raise ModelError(f"malformed NodeDef: {error}") from None
    return node


# ---- writing -----------------------------------------------------------------------------------


def _put_varint(value: int) -> bytes:
    if not -(2**63) <= value < 2**64:
        raise ModelError(f"{value} does not fit into 64 bits")
    value &= 2**64 - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _put(number: int, wire: int, value: bytes | int) -> bytes:
    tag = _put_varint(number << 3 | wire)
    if wire == _VARINT:
        return tag + _put_varint(int(value))
    assert isinstance(value, bytes)
    return tag + (_put_varint(len(value)) if wire == _BYTES else b"") + value


def _raw(value: str | bytes) -> bytes:
    return value.encode("utf-8") if isinstance(value, str) else bytes(value)


def _put_shape(value: ShapeValue) -> bytes:
    if value.dims is None:
        return _put(3, _VARINT, 1)
    return b"".join(
        _put(2, _BYTES, _put(1, _VARINT, int(size)) if size else b"") for size in value.dims
    )


def _put_float(value: float) -> bytes:
    try:
        return struct.pack("<f", value)
    except OverflowError:
        raise ModelError(f"{value} does not fit into a 32-bit float") from None


def _put_func(value: FuncValue) -> bytes:
    return _put(1, _BYTES, value.name.encode()) + _put_attrs(2, value.attrs)


def _put_list(values: list[Attr]) -> bytes:
    out = b""
    for value in values:
        if isinstance(value, bool):
            out += _put(5, _VARINT, int(value))
        elif isinstance(value, int):
            out += _put(3, _VARINT, value)
        elif isinstance(value, float):
            out += _put(4, _FIXED32, _put_float(value))
        elif isinstance(value, DType):
            out += _put(6, _VARINT, dtype_to_tensorflow(value))
        elif isinstance(value, (str, bytes)):
            out += _put(2, _BYTES, _raw(value))
        elif isinstance(value, ShapeValue):
            out += _put(7, _BYTES, _put_shape(value))
        elif isinstance(value, TensorValue):
            out += _put(8, _BYTES, value.proto)
        elif isinstance(value, FuncValue):
            out += _put(9, _BYTES, _put_func(value))
        else:
            raise ModelError(f"a list of {type(value).__name__} is no TensorFlow attribute")
    return out


def _put_attr(value: Attr) -> bytes:
    if value is None:
        return b""
    if isinstance(value, bool):
        return _put(5, _VARINT, int(value))
    if isinstance(value, int):
        return _put(3, _VARINT, value)
    if isinstance(value, float):
        return _put(4, _FIXED32, _put_float(value))
    if isinstance(value, DType):
        return _put(6, _VARINT, dtype_to_tensorflow(value))
    if isinstance(value, (str, bytes)):
        return _put(2, _BYTES, _raw(value))
    if isinstance(value, ShapeValue):
        return _put(7, _BYTES, _put_shape(value))
    if isinstance(value, TensorValue):
        return _put(8, _BYTES, value.proto)
    if isinstance(value, FuncValue):
        return _put(10, _BYTES, _put_func(value))
    if isinstance(value, (list, tuple)):
        return _put(1, _BYTES, _put_list(list(value)))
    raise ModelError(f"a {type(value).__name__} is no TensorFlow attribute")


def _put_attrs(number: int, attrs: Mapping[str, Attr]) -> bytes:
    out = b""
    for key in sorted(attrs):
        entry = _put(1, _BYTES, key.encode()) + _put(2, _BYTES, _put_attr(attrs[key]))
        out += _put(number, _BYTES, entry)
    return out


def encode_nodedef(node: NodeDef) -> bytes:
    """Serializes a NodeDef, attributes in the order of their names. Inverse of decode_nodedef,
    except that floats are rounded to 32 bits. Raises ModelError for values of no TF kind."""
    out = _put(1, _BYTES, node.name.encode()) if node.name else b""
    out += _put(2, _BYTES, node.op.encode())
    for name in node.inputs:
        out += _put(3, _BYTES, name.encode())
    if node.device:
        out += _put(4, _BYTES, node.device.encode())
    return out + _put_attrs(5, node.attrs)
