"""tflite-opkit: native kernels for TF ops that TensorFlow Lite and LiteRT lack.

    import opkit

    opkit.convert("saved_model", output="model.tflite")   # no Flex ops left
    interpreter = opkit.Interpreter("model.tflite")       # on whichever runtime is installed
    opkit.install()                                       # or: stock interpreters run Flex models

TensorFlow is imported only by what needs it (convert, verify, bench).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_LAZY = {
    "Interpreter": "opkit.runtime",
    "OpResolver": "opkit.runtime",
    "UnsupportedOpError": "opkit.runtime",
    "HostError": "opkit.runtime",
    "install": "opkit.runtime",
    "installed": "opkit.runtime",
    "load_delegate": "opkit.runtime",
    "delegate_path": "opkit.runtime",
    "set_simd": "opkit.runtime",
    "get_simd": "opkit.runtime",
    "declarations": "opkit.registry",
    "load_library": "opkit.registry",
    "Model": "opkit.model",
    "ModelError": "opkit.model",
    "scan": "opkit.rewrite",
    "convert": "opkit.convert",
    "verify": "opkit.verify",
    "bench": "opkit.bench",
}

__all__ = [
    "HostError",
    "Interpreter",
    "Model",
    "ModelError",
    "OpResolver",
    "UnsupportedOpError",
    "__version__",
    "bench",
    "convert",
    "declarations",
    "delegate_path",
    "get_simd",
    "install",
    "installed",
    "load_delegate",
    "load_library",
    "scan",
    "set_simd",
    "verify",
]


def _version() -> str:
    from importlib import metadata

    try:
        return metadata.version("tflite-opkit")
    except metadata.PackageNotFoundError:  # a source tree that was not installed
        return "0+unknown"


def __getattr__(name: str) -> Any:
    # Importing opkit must cost little; each part loads when first used.
    if name == "__version__":
        value: Any = _version()
    elif name in _LAZY:
        module = importlib.import_module(_LAZY[name])
        value = getattr(module, name, module)
    else:
        raise AttributeError(f"module 'opkit' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


if TYPE_CHECKING:
    __version__: str
    from opkit.model import Model, ModelError
    from opkit.registry import declarations, load_library
    from opkit.rewrite import scan
    from opkit.runtime import (
        HostError,
        Interpreter,
        OpResolver,
        UnsupportedOpError,
        delegate_path,
        get_simd,
        load_delegate,
        set_simd,
    )
    from opkit.runtime.install import install, installed
