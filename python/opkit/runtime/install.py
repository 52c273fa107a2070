"""`opkit.install()`: stock interpreters run SELECT_TF_OPS models with the kit's kernels."""

from __future__ import annotations

import ctypes

from opkit.plugins import load_entry_points
from opkit.runtime.hosts import HostError, installed_hosts, select_host
from opkit.runtime.libraries import flex_hook_path

_hook: ctypes.CDLL | None = None


def install(host: str = "auto") -> None:
    """Makes every later stock `Interpreter(model)` of this process run Flex models.

    A runtime that meets Flex ops it cannot run looks for a function called
    TF_AcquireFlexDelegate among the process's global symbols; a small library, loaded here,
    answers with the kit's delegate. Nothing is patched, and calling it twice does nothing more.
    Models whose ops are custom ops (no Flex prefix) only need `opkit.Interpreter` or
    `opkit.load_delegate()`.

    Args:
        host: The runtime it is meant for; decides only whether to refuse.

    Raises:
        HostError: TensorFlow 2.18 or older, whose own Flex delegate the hook would shadow.
    """
    global _hook
    if _hook is not None:
        return
    hosts = installed_hosts() if host == "auto" else [select_host(host)]
    shadowed = [h for h in hosts if h.runs_flex]
    if shadowed:
        raise HostError(
            f"{shadowed[0]} has its own Flex delegate, which install() would shadow for ops the "
            "kit lacks; convert the model's Flex ops to kernels instead: opkit.convert(model)"
        )
    path = flex_hook_path()
    if not path.exists():
        raise HostError(f"{path} is missing; reinstall tflite-opkit")
    load_entry_points()
    _hook = ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)


def installed() -> bool:
    """Whether `install()` took effect in this process."""
    return _hook is not None
