"""How verbs print: tables for people, one JSON object with --json, errors with the next step."""

from __future__ import annotations

import errno
import io
import json
import math
import os
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import typer
from rich.console import Console, RenderableType

SCHEMA = 1
FIRST_LINE, NEXT_LINE = 20.0, 30.0
"""Seconds until progress is told to a log, and between two lines of it."""
FINE, FAILED, USAGE, ENVIRONMENT, STOPPED = 0, 1, 2, 3, 130


class CliError(Exception):
    """A verb cannot go on: exit code, what happened, and what to do next."""

    def __init__(self, code: int, message: str, next_step: str = ""):
        super().__init__(message)
        self.code, self.message, self.next_step = code, message, next_step


def plain(value: Any) -> Any:
    """A value `json.dumps` takes: infinities and unknown objects become strings, and bytes of a
    file that are no UTF-8 are written as escapes."""
    if isinstance(value, dict):
        return {_valid(str(k)): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, (bool, int, float)) or value is None:
        return value
    return _valid(str(value))


def _valid(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


class Output:
    """Where a verb prints to."""

    def __init__(self, command: str, as_json: bool):
        self.command, self.as_json = command, as_json
        for stream in (sys.stdout, sys.stderr):
            # Names come from files, and a terminal may know ASCII only.
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        # Files and pipes get a fixed width, so that output can be compared.
        width = None if sys.stdout.isatty() else 200
        # A name may hold ":x:", which is no picture.
        self.out = Console(highlight=False, emoji=False, width=width)
        self.err = Console(stderr=True, highlight=False, emoji=False)

    def show(self, data: dict[str, Any], view: Callable[[], RenderableType]) -> None:
        """Prints one JSON object, or the view."""
        try:
            if self.as_json:
                line = {"schema": SCHEMA, "command": self.command, **plain(data)}
                sys.stdout.write(json.dumps(line) + "\n")
            else:
                self.out.print(view())
            sys.stdout.flush()
        except BrokenPipeError:
            raise
        except OSError as e:
            # What is left in the buffer would fail once more when Python exits.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            self.as_json = False
            what = f"standard output cannot be written: {e.strerror}"
            raise CliError(ENVIRONMENT, what, "make room, or write elsewhere") from None

    def fail(self, error: CliError) -> NoReturn:
        """Prints an error and leaves with its code."""
        if self.as_json:
            line = {
                "schema": SCHEMA,
                "command": self.command,
                "ok": False,
                "error": _valid(error.message),
                "next_step": _valid(error.next_step),
            }
            sys.stdout.write(json.dumps(line) + "\n")
        else:
            self.err.print(
                f"opkit {self.command}: {error.message}",
                style="bold red",
                markup=False,
                soft_wrap=True,
            )
            if error.next_step:
                self.err.print(f"next step: {error.next_step}", markup=False, soft_wrap=True)
        raise typer.Exit(error.code)

    @contextmanager
    def warnings(self) -> Iterator[None]:
        """The kit's own warnings as lines on standard error, without the line of code."""
        with warnings.catch_warnings():
            shown = warnings.showwarning

            def show(message: Any, category: type[Warning], *where: Any) -> None:
                if category.__module__.startswith("opkit."):
                    text = f"warning: {message}"
                    self.err.print(text, style="yellow", markup=False, soft_wrap=True)
                else:
                    shown(message, category, *where)

            warnings.showwarning = show  # type: ignore[assignment]
            yield

    @contextmanager
    def progress(self) -> Iterator[Callable[[str, int, int], None] | None]:
        """Progress on standard error, fed with (label, done, total): a bar on a terminal, else a
        line now and then. None for --json on a terminal."""
        if not self.err.is_terminal:
            yield self._lines()
            return
        if self.as_json:
            yield None
            return
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        columns = (
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.description}"),
        )
        with Progress(*columns, console=self.err, transient=True) as bar:
            task = bar.add_task("", total=None)

            def update(label: str, done: int, total: int) -> None:
                bar.update(task, description=label, completed=done, total=total)

            yield update

    def _lines(self) -> Callable[[str, int, int], None]:
        due = time.monotonic() + FIRST_LINE
        first: tuple[float, int] | None = None

        def update(label: str, done: int, total: int) -> None:
            nonlocal due, first
            now = time.monotonic()
            if first is None and done > 0:
                first = now, done  # what comes before is start-up: it says nothing of the pace
            if now < due or done == 0 or done == total:
                return
            due = now + NEXT_LINE
            assert first is not None
            began, known = first
            left = ""
            if done > known:
                left = f", about {minutes((now - began) / (done - known) * (total - done))} left"
            sys.stderr.write(f"opkit {self.command}: {done} of {total}{left}: {label}\n")
            sys.stderr.flush()

        return update


def minutes(seconds: float) -> str:
    """ "40 s", "3 min", "1 h 20 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    whole = round(seconds / 60)
    return f"{whole} min" if whole < 60 else f"{whole // 60} h {whole % 60} min"


@contextmanager
def reporting(output: Output) -> Iterator[None]:
    """Turns what library calls raise into an exit code, a message and a next step."""
    try:
        yield
    except CliError as e:
        output.fail(e)
    except (typer.Exit, BrokenPipeError):
        raise
    except KeyboardInterrupt:
        output.fail(CliError(STOPPED, "stopped"))
    except Exception as e:
        error = _explain(e)
        if error is None:
            if not output.as_json:
                raise
            traceback.print_exc()
            what = f"internal error: {type(e).__name__}: {e}"
            error = CliError(FAILED, what, "report it with the lines on standard error")
        output.fail(error)


def _explain(e: Exception) -> CliError | None:
    name = type(e).__name__
    text = str(e)
    if isinstance(e, KeyError):
        text = str(e.args[0]) if e.args else text
        return CliError(USAGE, text)
    if isinstance(e, OSError):
        return _explain_file(e)
    if isinstance(e, MemoryError):
        return CliError(ENVIRONMENT, text or "not enough memory", "free some memory")
    if isinstance(e, ImportError):
        step = "`opkit doctor` shows what is missing"
        if isinstance(e, ModuleNotFoundError) and e.name:
            step = f"pip install {e.name.partition('.')[0]}; {step}"
        return CliError(ENVIRONMENT, text, step)
    if name in ("HostError", "MissingReference", "MissingPeer"):
        return CliError(ENVIRONMENT, text, "`opkit doctor` shows what is installed")
    if name == "ModelError":
        return CliError(FAILED, text, "the file is no valid .tflite model; convert it again")
    if name in ("LoadError", "RunError"):
        return CliError(FAILED, f"the model does not run: {text}")
    if name == "ConversionError":  # of ops without a kernel, its text has all and their next steps
        return CliError(FAILED, text)
    if name == "UnsupportedOpError":
        return CliError(FAILED, text, "`opkit scan MODEL` shows every op that is not served")
    if isinstance(e, ValueError):
        return CliError(USAGE, text)
    return None


def _explain_file(e: OSError) -> CliError:
    if e.errno is None:  # the kit's own words
        text, taken = str(e), isinstance(e, FileExistsError)
        if not taken:
            return CliError(USAGE, text, "check the path")
        kept = "never overwritten" in text
        step = "choose another name" if kept else "choose another name, or pass --overwrite"
        return CliError(USAGE, text.removesuffix("; pass overwrite=True to replace it"), step)
    where = f"{os.fspath(e.filename)}: " if isinstance(e.filename, (str, os.PathLike)) else ""
    text = f"{where}{(e.strerror or str(e))[:1].lower()}{(e.strerror or str(e))[1:]}"
    if e.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO):
        return CliError(ENVIRONMENT, text, "make room, or write elsewhere")
    return CliError(USAGE, text, "check the path")
