"""One module per family of ops; each registers its specs when imported. There is no list."""

from __future__ import annotations

import importlib
import pkgutil

from opkit.plugins import failures, load_entry_points

__all__ = ["failures", "family_of", "load_all", "load_entry_points"]

_loaded = False


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


def family_of(op: str) -> str:
    """The module of this package that registered an op; "outside" for ops of other packages."""
    from opkit.spec.table import registered

    load_all()
    module = registered().get(op, "")
    inside = f"{__name__}."
    return module.removeprefix(inside) if module.startswith(inside) else "outside"
