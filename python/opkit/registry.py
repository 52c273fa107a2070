"""What the C++ declarations say: every op's arity, dtypes, attributes and shape rule.

The declarations live in C++ (one `OPKIT_OP` per op); this module reads them through the native
library, so nothing here is written twice.
"""

from __future__ import annotations

import functools
import json
import pathlib

from opkit import _native
from opkit.declaration import QUANTIZED, Arg, Attr, Declaration
from opkit.plugins import load_entry_points

__all__ = [
    "QUANTIZED",
    "Arg",
    "Attr",
    "Declaration",
    "declarations",
    "every_version",
    "find",
    "load_library",
    "versions",
]


def every_version() -> tuple[Declaration, ...]:
    """All declarations, of old versions too."""
    load_entry_points()  # installed packages with ops of their own
    return _parsed()


@functools.cache
def _parsed() -> tuple[Declaration, ...]:
    problem = _native.library_error()
    if problem:
        raise RuntimeError(f"libopkit's declarations cannot be used: {problem}")
    return tuple(Declaration.from_json(json.loads(text)) for text in _native.declarations())


def declarations() -> dict[str, Declaration]:
    """Every known op by name (its newest version), in alphabetical order."""
    newest: dict[str, Declaration] = {}
    for d in every_version():
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
        d
        for d in every_version()
        if d.name in (name, bare) and (version is None or d.version == version)
    ]
    return max(matches, key=lambda d: d.version, default=None)


def versions(name: str) -> tuple[int, ...]:
    """The versions there are of an op."""
    bare = name.removeprefix("Flex")
    return tuple(sorted(d.version for d in every_version() if d.name in (name, bare)))


def load_library(path: str | pathlib.Path) -> tuple[Declaration, ...]:
    """Adds the ops of a library built with `opkit_add_ops()` and returns their declarations.

    Interpreters made afterwards have them, by resolver and by delegate. Loading the same file
    again does nothing.

    Args:
        path: The library; a relative path counts from the working directory.

    Raises:
        FileNotFoundError: There is no such file.
        RuntimeError: The file is no op library, was built for another table version, declares no
            op, or one that is already there.
    """
    # With a folder: the system looks for a bare name where its own libraries are, and only there.
    file = pathlib.Path(path).absolute()
    if not file.is_file():
        raise FileNotFoundError(
            f"there is no op library {file}; cmake -B build && cmake --build build makes it"
        )
    before = {(d.name, d.version) for d in every_version()}
    _native.load_library(str(file))
    _parsed.cache_clear()
    return tuple(d for d in every_version() if (d.name, d.version) not in before)
