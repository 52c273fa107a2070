"""The runtimes an interpreter can come from: tf.lite of TensorFlow, and LiteRT."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from dataclasses import dataclass
from types import ModuleType

TENSORFLOW = "tensorflow"
LITERT = "litert"

_MODULES = {TENSORFLOW: "tensorflow.lite.python.interpreter", LITERT: "ai_edge_litert.interpreter"}
_ROOTS = {TENSORFLOW: "tensorflow", LITERT: "ai_edge_litert"}
_DISTRIBUTIONS = {
    TENSORFLOW: ("tensorflow", "tensorflow-cpu", "tf-nightly", "tf-nightly-cpu"),
    LITERT: ("ai-edge-litert", "ai-edge-litert-nightly"),
}


class HostError(RuntimeError):
    """The wanted runtime is missing, or cannot do what was asked of it; the text says why."""


@dataclass(frozen=True)
class Host:
    """An installed runtime.

    Attributes:
        name: "tensorflow" or "litert".
    """

    name: str

    @property
    def version(self) -> str:
        """Its package version, such as "2.21.0". A package by a name not known here (a vendor's
        build) gets imported for it; "unknown" if that does not tell either."""
        # Imported where it is needed: it brings 4 MB of modules into a process that runs a model.
        from importlib import metadata

        for distribution in _DISTRIBUTIONS[self.name]:
            try:
                return metadata.version(distribution)
            except metadata.PackageNotFoundError:
                continue
        return getattr(importlib.import_module(_ROOTS[self.name]), "__version__", "unknown")

    @property
    def release(self) -> tuple[int, int]:
        """Major and minor version."""
        numbers = re.findall(r"\d+", self.version)
        return (int(numbers[0]), int(numbers[1])) if len(numbers) > 1 else (0, 0)

    @property
    def module(self) -> ModuleType:
        """The module that holds its `Interpreter` and `load_delegate` (imports the runtime)."""
        return importlib.import_module(_MODULES[self.name])

    @property
    def has_resolver(self) -> bool:
        """Whether op resolvers can be filled; LiteRT hides what that needs."""
        return self.name == TENSORFLOW

    @property
    def runs_flex(self) -> bool:
        """Whether its own Flex delegate is built in and takes Flex ops first (TF up to 2.18)."""
        return self.name == TENSORFLOW and self.release <= (2, 18)

    def __str__(self) -> str:
        return f"{'tf.lite' if self.name == TENSORFLOW else 'LiteRT'} {self.version}"


def installed_hosts() -> list[Host]:
    """The runtimes found in this environment; none of them gets imported."""
    return [Host(name) for name in (LITERT, TENSORFLOW) if importlib.util.find_spec(_ROOTS[name])]


def select_host(name: str = "auto") -> Host:
    """The runtime to use.

    Args:
        name: "tensorflow", "litert", or "auto": the one that is imported already, else LiteRT,
            else TensorFlow.

    Raises:
        HostError: It is not installed.
        ValueError: No such name.
    """
    if name not in ("auto", TENSORFLOW, LITERT):
        raise ValueError(f"host is {name!r}, want 'auto', 'tensorflow' or 'litert'")
    found = {host.name: host for host in installed_hosts()}
    if name != "auto":
        if name not in found:
            package = "tensorflow" if name == TENSORFLOW else "ai-edge-litert"
            raise HostError(f"the host {name!r} is not installed; pip install {package}")
        return found[name]
    if not found:
        raise HostError(
            "no TensorFlow Lite runtime is installed; pip install ai-edge-litert (small) or "
            "pip install tensorflow (also converts)"
        )
    imported = [host for host in found.values() if _MODULES[host.name] in sys.modules]
    return imported[0] if len(imported) == 1 else next(iter(found.values()))
