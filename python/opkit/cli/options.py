"""Options that several verbs take, and what they do."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from opkit.cli.output import USAGE, CliError

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
            try:
                load_ops(source)
            except Exception as e:  # an author's file raises what it likes
                what, step = _load_failure(source, e)
                raise CliError(USAGE, f"--ops {source}: {what}", step) from e


def _load_failure(source: str, e: Exception) -> tuple[str, str]:
    """What went wrong in --ops, and the next step: the option, the author's line, or the build."""
    if isinstance(e, ModuleNotFoundError) and e.name == source.partition(".")[0]:
        return str(e), "give a library (.so), a Python file (.py) or the name of a module"
    where = ""
    for frame in traceback.extract_tb(e.__traceback__):
        if frame.filename == str(Path(source).resolve()):
            where = f"line {frame.lineno}: "
    if isinstance(e, FileNotFoundError) and e.errno is None:  # the kit's own words
        return f"{where}{e}", "check the path, or build the library"
    if isinstance(e, RuntimeError):
        return f"{where}{e}", "mend it and build the library again" if ".so: " in str(e) else ""
    name = "" if isinstance(e, ImportError) else f"{type(e).__name__}: "
    return f"{where}{name}{e}", ""


def check_outputs(*paths: Path | None) -> None:
    """Refuses files that cannot be written before the work rather than after it."""
    for path in paths:
        if path is None:
            continue
        if not path.parent.is_dir():
            raise CliError(USAGE, f"there is no folder {path.parent}", "check the path")
        if path.is_dir():
            raise CliError(USAGE, f"{path} is a folder, want a file name", "check the path")
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise CliError(USAGE, f"{path} cannot be written: permission denied", "check the path")


def check_unused(of: str, **options: object) -> None:
    """Refuses options that were given and mean nothing for ``of``, "ops" or "a model"."""
    given = [f"--{name.replace('_', '-')}" for name, value in options.items() if value]
    if given:
        raise CliError(USAGE, f"{', '.join(given)}: not for {of}", "leave it out")


def check_ops(names: list[str]) -> None:
    """Refuses files where names of ops are wanted."""
    for name in names:
        if os.sep in name or name.endswith((".tflite", ".keras", ".h5", ".json")):
            what = f"{name} is a file, want names of ops or .tflite files alone"
            raise CliError(USAGE, what, "--help shows examples")


def check_dtypes(dtypes: list[str] | None) -> None:
    """Refuses names that no op declares, which would match nothing."""
    from opkit import registry

    known = sorted({t for d in registry.every_version() for t in d.dtypes})
    for dtype in dtypes or ():
        if dtype not in known:
            raise CliError(USAGE, f"dtype {dtype!r} is none of {', '.join(known)}")


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
