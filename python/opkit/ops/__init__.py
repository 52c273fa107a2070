"""One module per family of ops; each registers its specs when imported. There is no list."""

from __future__ import annotations

import importlib
import importlib.metadata
import pkgutil

_loaded = False
_entered = False
_failed: dict[str, str] = {}


def load_all() -> None:
    """Imports every module of this package and every entry point of the group "opkit.ops".

    A broken module of our own raises; a broken entry point of someone else's package is kept in
    `failures()` and does not take the kit down.
    """
    global _loaded
    if _loaded:
        return
    _loaded = True
    for module in pkgutil.iter_modules(__path__):
        if not module.name.startswith("_"):
            importlib.import_module(f"{__name__}.{module.name}")
    load_entry_points()


def load_entry_points() -> None:
    """Imports every entry point of the group "opkit.ops", once; these load their kernels."""
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
    load_all()
    return dict(_failed)
