"""Options that several verbs take, and what they do."""

from __future__ import annotations

import os
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


def quiet_tensorflow() -> None:
    """Keeps TensorFlow's own lines out of the output; before it is imported."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    import warnings

    warnings.filterwarnings("ignore", message=".*tf.lite.Interpreter is deprecated.*")
