"""Modules that are what they are for: `opkit.convert`, `opkit.verify` and `opkit.bench`."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from typing import Any


def make_callable(module: str, function: Callable[..., Any]) -> None:
    """Lets an imported module be called like `function`.

    The module stays one object under every name, so that no order of imports decides whether it
    can be called or has attributes.
    """

    class CallableModule(types.ModuleType):
        __call__ = staticmethod(function)

    sys.modules[module].__class__ = CallableModule
