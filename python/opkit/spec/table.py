"""The process's table of specs."""

from __future__ import annotations

import sys

from opkit.spec.core import Spec

_SPECS: dict[str, Spec] = {}
_MODULES: dict[str, str] = {}


def register(*specs: Spec) -> None:
    """Adds specs to the process's table.

    Raises:
      ValueError: an op has a spec already.
    """
    caller = str(sys._getframe(1).f_globals.get("__name__", ""))
    for spec in specs:
        if spec.name in _SPECS and _SPECS[spec.name] is not spec:
            raise ValueError(f"{spec.name}: registered twice")
        _SPECS[spec.name] = spec
        _MODULES.setdefault(spec.name, caller)


def registered() -> dict[str, str]:
    """The module that registered each op so far."""
    return dict(_MODULES)


def specs() -> dict[str, Spec]:
    """Every registered spec by op name: this package's families and entry points `opkit.ops`."""
    from opkit import ops

    ops.load_all()
    return dict(sorted(_SPECS.items()))


def spec(name: str) -> Spec:
    """The spec of an op.

    Raises:
      KeyError: no spec has that name; the message names near misses.
    """
    table = specs()
    if name not in table:
        import difflib

        near = difflib.get_close_matches(name, table, n=3)
        hint = f"; did you mean {', '.join(near)}?" if near else "; `opkit ops` lists all"
        raise KeyError(f"no op named {name!r}{hint}")
    return table[name]
