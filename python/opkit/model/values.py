"""The values that op attributes take, in one form whatever they were stored in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Union

__all__ = ["Attr", "DType", "FuncValue", "ShapeValue", "TensorValue"]


class DType(str):
    """A type attribute's value: a dtype name such as "float32", told apart from a string."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"DType({str.__repr__(self)})"


@dataclass(frozen=True)
class ShapeValue:
    """A shape attribute's value: ``dims`` with -1 for unknown sizes; None for an unknown rank."""

    dims: tuple[int, ...] | None


@dataclass(frozen=True)
class FuncValue:
    """A function attribute's value: the function's name and its attributes."""

    name: str
    attrs: Mapping[str, Attr] = field(default_factory=dict)


@dataclass(frozen=True)
class TensorValue:
    """A tensor attribute's value: TensorFlow's serialized TensorProto, not decoded."""

    proto: bytes


Attr = Union[
    int, float, bool, str, bytes, DType, ShapeValue, FuncValue, TensorValue, "list[Attr]", None
]
