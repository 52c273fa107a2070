"""Options that several verbs take, and what they do."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from enum import Enum
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")]
Ops = Annotated[
    list[str] | None,
    typer.Option(
        "--ops",
        metavar="FILE|MODULE",
        help="Ops of your own to load first: a library, a Python file or a module; repeatable.",
    ),
]


class HostName(str, Enum):
    """Runtimes."""

    auto = "auto"
    tensorflow = "tensorflow"
    litert = "litert"


class Way(str, Enum):
    """How kernels reach a runtime."""

    auto = "auto"
    resolver = "resolver"
    delegate = "delegate"


HostOption = Annotated[HostName, typer.Option(help="Runtime to use.")]
ByOption = Annotated[Way, typer.Option(help="How kernels reach the runtime.")]


def load(ops: list[str] | None) -> None:
    """Loads what --ops names."""
    if ops:
        from opkit.scaffold import load_ops

        for source in ops:
            load_ops(source)


def quiet_tensorflow(onednn: bool = False) -> None:
    """Keeps TensorFlow's own lines out of the output; before it is imported.

    onednn: with oneDNN, as its users have it and speed is compared with; parity is not, as its sums
      round in another order. TensorFlow is then imported here: it says so past its log level.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", str(int(onednn)))
    import warnings

    warnings.filterwarnings("ignore", message=".*tf.lite.Interpreter is deprecated.*")
    if onednn and importlib.util.find_spec("tensorflow") is not None:
        with _no_stderr():
            importlib.import_module("tensorflow")


@contextlib.contextmanager
def _no_stderr() -> Iterator[None]:
    """Also without what libraries write; Python's errors still come as exceptions."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
