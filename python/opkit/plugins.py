"""Ops of other installed packages: the entry points of the group "opkit.ops"."""

from __future__ import annotations

import importlib.metadata

_entered = False
_failed: dict[str, str] = {}


def load_entry_points() -> None:
    """Imports every entry point of the group "opkit.ops", once; these load their kernels.

    One that cannot be imported is kept in `failures()` and does not take the kit down.
    """
    global _entered
    if _entered:
        return
    _entered = True  # before the imports: loading a library looks at the declarations
    for entry in importlib.metadata.entry_points(group="opkit.ops"):
        try:
            entry.load()
        except Exception as e:
            _failed[entry.name] = f"{entry.value}: {type(e).__name__}: {e}"


def failures() -> dict[str, str]:
    """Entry points that could not be imported, with the error; `opkit doctor` prints them."""
    load_entry_points()
    return dict(_failed)
