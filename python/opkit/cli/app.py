"""The command `opkit`: its verbs and its help."""

from __future__ import annotations

import faulthandler
import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from opkit.cli import checks, models, project
from opkit.cli.output import USAGE, CliError, Output

HELP = """Native kernels for TF ops that TensorFlow Lite and LiteRT lack.

\b
A model that does not run, and one that does:
  opkit scan detector.tflite             what the stock runtime cannot run
  opkit convert saved_model -o m.tflite  a model on the kit's kernels, without Flex
  opkit verify m.tflite --reference saved_model --samples samples.npz

\b
Exit codes: 0 fine, 1 a check failed, 2 wrong usage, 3 something is missing here,
130 stopped by Ctrl-C.
Every verb takes --json: one object with a schema number on standard output.
"""


class _Group(TyperGroup):
    """The verbs; with --json, what the parser refuses is JSON too."""

    def invoke(self, ctx: Any) -> Any:
        """Runs the verb that the arguments name."""
        as_json = "--json" in ctx.args
        try:
            return super().invoke(ctx)
        except Exception as e:
            # The parser's exceptions have moved between packages: known by what they offer.
            if not as_json or not hasattr(e, "format_message"):
                raise
            verb = ctx.invoked_subcommand or ""
            step = f"opkit {verb} --help".replace("  ", " ")
            code = getattr(e, "exit_code", USAGE)
            Output(verb, True).fail(CliError(code, e.format_message(), step))


app = typer.Typer(
    cls=_Group,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=HELP,
    rich_markup_mode=None,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(value: bool) -> None:
    if value:
        import opkit

        typer.echo(f"opkit {opkit.__version__}")
        raise typer.Exit(0)


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    del version


# In the order in which help lists them.
app.command()(project.doctor)
app.command(name="ops")(project.list_ops)
app.command()(models.scan)
app.command()(models.convert)
app.command()(checks.verify)
app.command()(checks.bench)
app.command()(project.paths)
app.command()(project.new)
app.command()(project.docs)


def main() -> None:
    """Entry point of the command."""
    for name in ("stdout", "stderr"):  # None where the caller closed them
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    faulthandler.enable()  # a kernel of the user's own may crash: opkit.verify.crash
    app(prog_name="opkit")
