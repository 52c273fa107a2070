"""The files of the native library, and the delegate made from them."""

from __future__ import annotations

import pathlib
from typing import Any

from opkit import _native
from opkit.plugins import load_entry_points
from opkit.runtime.hosts import Host, select_host


def delegate_path() -> pathlib.Path:
    """File of libopkit: an external delegate any TFLite or LiteRT runtime loads."""
    return pathlib.Path(_native.library_path()).resolve()


def flex_hook_path() -> pathlib.Path:
    """File of the library that answers a runtime's search for a Flex delegate."""
    path = delegate_path()
    return path.with_name("libopkit_flex" + path.suffix)


def load_delegate(host: str | Host = "auto") -> Any:
    """The kit's delegate as the host's own Delegate object, for `experimental_delegates=[...]`.

    Raises:
        HostError: The host is not installed.
    """
    chosen = host if isinstance(host, Host) else select_host(host)
    load_entry_points()
    return chosen.module.load_delegate(str(delegate_path()))
