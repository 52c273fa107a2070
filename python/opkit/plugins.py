"""Ops of other installed packages: the entry points of the group "opkit.ops"."""

from __future__ import annotations

import sys
from pathlib import Path

_GROUP = "opkit.ops"
_entered = False
_failed: dict[str, str] = {}


def _may_have_entries() -> bool:
    # importlib.metadata brings 4 MB of modules into a process, most of which have no such package.
    folders = [Path(entry or ".") for entry in sys.path]
    if any(folder.is_file() for folder in folders):  # an archive, which only it looks into
        return True
    files = (file for folder in folders for file in folder.glob("*-info/entry_points.txt"))
    return any(_GROUP.encode() in file.read_bytes() for file in files)


def load_entry_points() -> None:
    """Imports every entry point of the group "opkit.ops", once; these load their kernels.

    One that cannot be imported is kept in `failures()` and does not take the kit down.
    """
    global _entered
    if _entered:
        return
    _entered = True  # before the imports: loading a library looks at the declarations
    if not _may_have_entries():
        return
    from importlib import metadata

    for entry in metadata.entry_points(group=_GROUP):
        try:
            entry.load()
        except Exception as e:
            _failed[entry.name] = f"{entry.value}: {type(e).__name__}: {e}"


def failures() -> dict[str, str]:
    """Entry points that could not be imported, with the error; `opkit doctor` prints them."""
    load_entry_points()
    return dict(_failed)
