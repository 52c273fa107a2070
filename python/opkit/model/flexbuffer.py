"""FlexBuffers, the format of custom options: a strict bounded reader, and a writer.

The format is Google's (https://flatbuffers.dev/flexbuffers). The reader is our own, because the one
in the ``flatbuffers`` package follows any offset: a blob of a few hundred bytes whose vectors
contain each other keeps it busy for ever. The writer is that package's.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

from flatbuffers import flexbuffers

from .errors import ModelError

__all__ = ["dumps", "loads"]

_INT = {1: "<b", 2: "<h", 4: "<i", 8: "<q"}
_UINT = {1: "<B", 2: "<H", 4: "<I", 8: "<Q"}
_FLOAT = {2: "<e", 4: "<f", 8: "<d"}
_MAX_DEPTH = 32

_NULL, _I, _U, _F, _KEY, _STRING, _IND_I, _IND_U, _IND_F, _MAP, _VECTOR = range(11)
_VECTOR_INT, _VECTOR_STRING = 11, 15
_TUPLE_FIRST, _TUPLE_LAST = 16, 24
_BLOB, _BOOL, _VECTOR_BOOL = 25, 26, 36


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.budget = 1000 + 4 * len(data)

    def scalar(self, formats: Mapping[int, str], pos: int, width: int) -> Any:
        if width not in formats:
            raise ModelError(f"a scalar of {width} bytes is not valid here")
        if pos < 0 or pos + width > len(self.data):
            raise ModelError(f"offset {pos} is outside the {len(self.data)} bytes")
        return struct.unpack_from(formats[width], self.data, pos)[0]

    def follow(self, pos: int, width: int) -> int:
        target = pos - self.scalar(_UINT, pos, width)
        if target < 0:
            raise ModelError("an offset points before the start")
        return int(target)

    def size(self, pos: int, width: int, element: int) -> int:
        """Length stored just before ``pos``, checked against the bytes that are left."""
        length = self.scalar(_UINT, pos - width, width)
        if length * element > len(self.data) - pos:
            raise ModelError(f"{length} elements run past the end")
        self.spend(1 + length)
        return int(length)

    def spend(self, amount: int) -> None:
        self.budget -= amount
        if self.budget < 0:
            raise ModelError("values refer to the same bytes over and over")

    def key(self, pos: int) -> str:
        end = self.data.find(b"\0", pos)
        if end < 0:
            raise ModelError("a key has no end")
        self.spend(1 + end - pos)
        return self.data[pos:end].decode("utf-8", "surrogateescape")

    def value(self, pos: int, parent: int, packed: int, depth: int) -> Any:
        kind, width = packed >> 2, 1 << (packed & 3)
        if depth > _MAX_DEPTH:
            raise ModelError(f"nested deeper than {_MAX_DEPTH} levels")
        self.spend(1)
        if kind == _NULL:
            return None
        if kind == _BOOL:
            return self.scalar(_UINT, pos, parent) != 0
        if kind in (_I, _U, _F):
            return self.scalar((_INT, _UINT, _FLOAT)[kind - _I], pos, parent)
        target = self.follow(pos, parent)
        if kind in (_IND_I, _IND_U, _IND_F):
            return self.scalar((_INT, _UINT, _FLOAT)[kind - _IND_I], target, width)
        if kind == _KEY:
            return self.key(target)
        if kind in (_STRING, _BLOB):
            length = self.size(target, width, 1)
            raw = self.data[target : target + length]
            return _text(raw) if kind == _STRING else raw
        if kind == _MAP:
            return self.map(target, width, depth)
        if kind == _VECTOR:
            return self.vector(target, width, depth)
        return self.typed_vector(kind, target, width, depth)

    def vector(self, target: int, width: int, depth: int) -> list[Any]:
        length = self.size(target, width, width + 1)
        types = target + length * width
        return [
            self.value(target + i * width, width, self.data[types + i], depth + 1)
            for i in range(length)
        ]

    def map(self, target: int, width: int, depth: int) -> dict[str, Any]:
        values = self.vector(target, width, depth)
        keys = self.follow(target - 3 * width, width)
        key_width = self.scalar(_UINT, target - 2 * width, width)
        if key_width not in _UINT:
            raise ModelError(f"keys of {key_width} bytes are not valid")
        if self.size(keys, key_width, key_width) != len(values):
            raise ModelError("a map has not one value per key")
        names = [self.key(self.follow(keys + i * key_width, key_width)) for i in range(len(values))]
        if len(set(names)) != len(names):
            raise ModelError("a map has the same key twice")
        return dict(zip(names, values, strict=True))

    def typed_vector(self, kind: int, target: int, width: int, depth: int) -> list[Any]:
        if _TUPLE_FIRST <= kind <= _TUPLE_LAST:
            length, element = (kind - _TUPLE_FIRST) // 3 + 2, _I + (kind - _TUPLE_FIRST) % 3
        elif _VECTOR_INT <= kind <= _VECTOR_STRING or kind == _VECTOR_BOOL:
            length = self.size(target, width, width)
            element = _BOOL if kind == _VECTOR_BOOL else kind - _VECTOR_INT + _I
        else:
            raise ModelError(f"unknown value type {kind}")
        # Elements carry no type byte. TFLite's converter writes lists of strings this way, in
        # which case the width of each string's own length is lost: it is one byte.
        packed = element << 2
        return [self.value(target + i * width, width, packed, depth + 1) for i in range(length)]


def _text(raw: bytes) -> str | bytes:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw


def loads(data: bytes) -> Any:
    """Decodes a FlexBuffer into None, bool, int, float, str, bytes, list and dict.

    A string that is not UTF-8 (a serialized protobuf, say) comes back as bytes. Raises ModelError
    for malformed data; time and memory are bounded by the size of ``data``."""
    data = bytes(data)
    if len(data) < 3:
        raise ModelError(f"malformed FlexBuffer: {len(data)} bytes are too few")
    width, packed = data[-1], data[-2]
    if width not in _UINT:
        raise ModelError(f"malformed FlexBuffer: a root of {width} bytes is not valid")
    try:
        return _Reader(data).value(len(data) - 2 - width, width, packed, 0)
    except ModelError as error:
        raise ModelError(f"malformed FlexBuffer: {error}") from None


def _add(builder: flexbuffers.Builder, value: Any, key: str | None) -> None:
    if key is not None:
        if "\0" in key:
            raise ModelError(f"key {key!r} holds a zero byte")
        builder.Key(key.encode("utf-8", "surrogateescape"))  # text would have to be ASCII
    if value is None:
        builder.Null()
    elif isinstance(value, bool):
        builder.Bool(value)
    elif isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise ModelError(f"{value} does not fit into 64 bits")
        builder.Int(value)
    elif isinstance(value, float):
        builder.Float(value, 0 if value != value or _fits_float32(value) else 8)
    elif isinstance(value, (str, bytes)):
        builder.String(_Raw(value.encode("utf-8") if isinstance(value, str) else value))
    elif isinstance(value, Mapping):
        with builder.Map():
            for name in sorted(value, key=lambda name: str(name).encode()):
                _add(builder, value[name], str(name))
    elif isinstance(value, Sequence):
        # Only lists of one inline type may drop their type bytes.
        inline = {type(item) for item in value}
        if (inline and inline <= {int}) or inline == {float} or inline == {bool}:
            with builder.TypedVector():
                for item in value:
                    _add(builder, item, None)
        else:
            with builder.Vector():
                for item in value:
                    _add(builder, item, None)
    else:
        raise ModelError(f"a {type(value).__name__} has no FlexBuffer form")


class _Raw(bytes):
    """Bytes for the builder's ``String``, which asks its argument to encode itself."""

    def encode(self, _encoding: str = "utf-8") -> bytes:
        return self


def _fits_float32(value: float) -> bool:
    try:
        return struct.unpack("<f", struct.pack("<f", value))[0] == value
    except OverflowError:
        return False


def dumps(value: Any) -> bytes:
    """Encodes None, bool, int, float, str, bytes (as a string), lists and dicts as a FlexBuffer.

    Map keys are sorted, floats take 32 bits where that is exact. Raises ModelError for any other
    type and for integers over 64 bits."""
    builder = flexbuffers.Builder()
    _add(builder, value, None)
    return bytes(builder.Finish())
