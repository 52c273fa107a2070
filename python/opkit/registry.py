"""What the C++ declarations say: every op's arity, dtypes, attributes and shape rule.

The declarations live in C++ (one `OPKIT_OP` per op); this module reads them through the native
library, so nothing here is written twice.
"""

from __future__ import annotations

import functools
import json
import pathlib
from dataclasses import dataclass, field
from typing import Any

from opkit import _native
from opkit.plugins import load_entry_points

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


@dataclass(frozen=True)
class Attr:
    """One attribute of a declaration; `kind` is "int", "list(float)", "type", ..."""

    name: str
    kind: str
    required: bool
    default: Any = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Declaration:
    """An op as its C++ declaration states it."""

    name: str
    version: int
    inputs: tuple[Arg, ...]
    outputs: tuple[Arg, ...]
    types: dict[str, tuple[str, ...]]
    attrs: tuple[Attr, ...]
    data_dependent: bool
    stateful: bool
    json: dict[str, Any] = field(repr=False, compare=False)

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


def _parse(text: str) -> Declaration:
    raw = json.loads(text)

    def arg(a: dict[str, Any]) -> Arg:
        return Arg(**{**a, "dtypes": tuple(a["dtypes"])})

    return Declaration(
        name=raw["name"],
        version=raw["version"],
        inputs=tuple(arg(a) for a in raw["inputs"]),
        outputs=tuple(arg(a) for a in raw["outputs"]),
        types={k: tuple(v) for k, v in raw["types"].items()},
        attrs=tuple(Attr(**{**a, "choices": tuple(a.get("choices", ()))}) for a in raw["attrs"]),
        data_dependent=raw["data_dependent"],
        stateful=raw["stateful"],
        json=raw,
    )


def _all() -> tuple[Declaration, ...]:
    load_entry_points()  # installed packages with ops of their own
    return _parsed()


@functools.cache
def _parsed() -> tuple[Declaration, ...]:
    problem = _native.library_error()
    if problem:
        raise RuntimeError(f"libopkit's declarations cannot be used: {problem}")
    return tuple(_parse(text) for text in _native.declarations())


def declarations() -> dict[str, Declaration]:
    """Every known op by name (its newest version), in alphabetical order."""
    newest: dict[str, Declaration] = {}
    for d in _all():
        if d.name not in newest or d.version > newest[d.name].version:
            newest[d.name] = d
    return dict(sorted(newest.items()))


def find(name: str, version: int | None = None) -> Declaration | None:
    """The declaration a custom op code means, or None.

    Args:
        name: "Erf", or "FlexErf" as the converter writes it with SELECT_TF_OPS.
        version: A version; None for the newest.
    """
    bare = name.removeprefix("Flex")
    matches = [
        d for d in _all() if d.name in (name, bare) and (version is None or d.version == version)
    ]
    return max(matches, key=lambda d: d.version, default=None)


def versions(name: str) -> tuple[int, ...]:
    """The versions there are of an op."""
    bare = name.removeprefix("Flex")
    return tuple(sorted(d.version for d in _all() if d.name in (name, bare)))


def load_library(path: str | pathlib.Path) -> tuple[Declaration, ...]:
    """Adds the ops of a library built with `opkit_add_ops()` and returns their declarations.

    Interpreters made afterwards have them, by resolver and by delegate. Loading the same file
    again does nothing.

    Raises:
        RuntimeError: The file is no op library, was built for another table version, or declares
            an op that is already there.
    """
    before = {(d.name, d.version) for d in _all()}
    _native.load_library(str(path))
    _parsed.cache_clear()
    return tuple(d for d in _all() if (d.name, d.version) not in before)
