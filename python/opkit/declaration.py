"""What a declaration in C++ says of an op, as Python objects: the one home of its fields.

`opkit.registry` reads them from the library; passes, scan, verification and reports look at them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

QUANTIZED = {"qint8": "int8", "quint8": "uint8", "qint16": "int16"}
"""Quantized dtypes and the storage dtype a .tflite tensor of theirs has."""


@dataclass(frozen=True)
class Arg:
    """One input or output of a declaration.

    Attributes:
        name: Name in TF's op definition.
        type: A type variable ("T") or a dtype.
        dtypes: Dtypes it takes ("float32", "qint8", ...).
        shape: Dimension pattern such as "[..., n, n]", or None for any shape.
        optional: May be absent.
        list: Stands for zero or more tensors; `mixed` if these may differ in dtype.
        shape_from: Its value decides output shapes.
    """

    name: str
    type: str
    dtypes: tuple[str, ...]
    shape: str | None = None
    optional: bool = False
    list: bool = False
    mixed: bool = False
    shape_from: bool = False

    @property
    def type_var(self) -> str | None:
        """The type variable it shares with others; None for a literal dtype."""
        return None if self.dtypes == (self.type,) else self.type

    @property
    def ellipsis(self) -> bool:
        """Whether the pattern leaves leading dimensions open: `rank` is then the least one."""
        return self.shape is not None and "..." in self.shape

    @property
    def rank(self) -> int | None:
        """Dimensions in the pattern; None for any."""
        if self.shape is None:
            return None
        dims = [d.strip() for d in self.shape.strip("[] ").split(",")]
        return sum(bool(d) and d != "..." for d in dims)


@dataclass(frozen=True)
class Attr:
    """One attribute of a declaration; `kind` is "int", "list(float)", "list(int)[5]", ..."""

    name: str
    kind: str
    required: bool
    default: Any = None
    choices: tuple[str, ...] = ()

    @property
    def bare_kind(self) -> str:
        """The kind without the length of a list: "list(int)"."""
        return self.kind.partition("[")[0]

    @property
    def length(self) -> int | None:
        """The length a list must have; None for any."""
        text = self.kind.partition("[")[2].rstrip("]")
        return int(text) if text else None


@dataclass(frozen=True)
class Declaration:
    """An op as its C++ declaration states it."""

    name: str
    version: int
    inputs: tuple[Arg, ...]
    outputs: tuple[Arg, ...]
    types: dict[str, tuple[str, ...]]
    attrs: tuple[Attr, ...]
    data_dependent: bool = False
    stateful: bool = False

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Declaration:
        """From the JSON object that the library gives for an op."""

        def arg(a: Mapping[str, Any]) -> Arg:
            return Arg(**{**a, "dtypes": tuple(a["dtypes"])})

        return cls(
            name=raw["name"],
            version=raw["version"],
            inputs=tuple(arg(a) for a in raw["inputs"]),
            outputs=tuple(arg(a) for a in raw["outputs"]),
            types={k: tuple(v) for k, v in raw["types"].items()},
            attrs=tuple(
                Attr(**{**a, "choices": tuple(a.get("choices", ()))}) for a in raw["attrs"]
            ),
            data_dependent=raw.get("data_dependent", False),
            stateful=raw.get("stateful", False),
        )

    @property
    def quantized(self) -> tuple[str, ...]:
        """Quantized dtypes (qint8, ...) any of its inputs takes."""
        found = {d for arg in self.inputs for d in arg.dtypes if d in QUANTIZED}
        return tuple(d for d in QUANTIZED if d in found)

    @property
    def dtypes(self) -> tuple[str, ...]:
        """Dtypes of its first type variable, or of its first argument."""
        if self.types:
            return next(iter(self.types.values()))
        args = self.inputs or self.outputs
        return args[0].dtypes if args else ()

    def attr(self, name: str) -> Attr | None:
        """The attribute of that name, or None."""
        return next((a for a in self.attrs if a.name == name), None)

    def kinds(self) -> dict[str, str]:
        """Kinds of all attributes by name, the type variables among them; for Node.attrs."""
        return {n: "type" for n in self.types} | {a.name: a.bare_kind for a in self.attrs}
