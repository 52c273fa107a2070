"""Verbs about the kit itself and about writing ops: doctor, ops, paths, new, docs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from opkit.cli.options import Json, Ops, load, quiet_tensorflow
from opkit.cli.output import ENVIRONMENT, FAILED, Output, reporting


def doctor(ops: Ops = None, as_json: Json = False) -> None:
    """Look at the installation: versions, self-check on each runtime, what is missing.

    \b
    Example:
      opkit doctor
    """
    output = Output("doctor", as_json)
    with reporting(output):
        quiet_tensorflow()
        from opkit.report.doctor import diagnose
        from opkit.report.tables import doctor_view

        load(ops)
        found = diagnose()
        output.show(found.to_json(), lambda: doctor_view(found))
        if not found.ok:
            raise typer.Exit(ENVIRONMENT)


def list_ops(
    name: Annotated[str | None, typer.Argument(help="An op, a family, or part of a name.")] = None,
    ops: Ops = None,
    as_json: Json = False,
) -> None:
    """List the ops that have a kernel, or show one op's card.

    \b
    Examples:
      opkit ops               all of them
      opkit ops Erf           signature, dtypes, attributes, bounds, source
      opkit ops linalg        a family, or whatever has this in its name
    """
    output = Output("ops", as_json)
    with reporting(output):
        from opkit import registry
        from opkit.report.catalog import op_card, ops_rows
        from opkit.report.tables import card_view, ops_view

        load(ops)
        if name and name.removeprefix("Flex") in registry.declarations():
            card = op_card(name)
            output.show({"op": card}, lambda: card_view(card))
            return
        rows = ops_rows(name or "")
        if not rows:
            op_card(name or "")  # KeyError with near misses
        output.show({"ops": rows}, lambda: ops_view(rows))


def paths(
    cmake: Annotated[bool, typer.Option("--cmake", help="Folder of opkit-config.cmake.")] = False,
    include: Annotated[bool, typer.Option("--include", help="Folder of the C++ headers.")] = False,
    lib: Annotated[bool, typer.Option("--lib", help="Folder of the libraries.")] = False,
    library: Annotated[
        bool, typer.Option("--library", help="libopkit, also the delegate.")
    ] = False,
    framework: Annotated[
        bool, typer.Option("--framework", help="Static library an op library links.")
    ] = False,
    flex_hook: Annotated[
        bool, typer.Option("--flex-hook", help="The library behind opkit.install().")
    ] = False,
    as_json: Json = False,
) -> None:
    """Print where headers, libraries and the CMake package are.

    \b
    Example, in a CMakeLists.txt:
      execute_process(COMMAND python -m opkit paths --cmake OUTPUT_VARIABLE opkit_DIR
                      OUTPUT_STRIP_TRAILING_WHITESPACE)
    """
    output = Output("paths", as_json)
    with reporting(output):
        from opkit.scaffold import paths as find

        found = {k: str(v) for k, v in find().items()}
        flags = {
            "cmake": cmake,
            "include": include,
            "lib": lib,
            "library": library,
            "framework": framework,
            "flex_hook": flex_hook,
        }
        wanted = [k for k, on in flags.items() if on]
        if len(wanted) == 1 and not as_json:
            typer.echo(found[wanted[0]])
            return
        chosen = {k: v for k, v in found.items() if not wanted or k in wanted}
        output.show({"paths": chosen}, lambda: "\n".join(f"{k}: {v}" for k, v in chosen.items()))


def new(
    name: Annotated[str, typer.Argument(help="The op's name, in CamelCase.")],
    directory: Annotated[Path, typer.Option("--dir", help="Folder to write to.")] = Path("."),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files.")] = False,
    as_json: Json = False,
) -> None:
    """Start an op of your own: kernel, spec, CMakeLists.txt and a test, ready to build.

    \b
    Example:
      opkit new SquaredRelu --dir my_ops
    """
    output = Output("new", as_json)
    with reporting(output):
        from opkit.scaffold import new_op, snake_case

        files = [str(p) for p in new_op(name, directory, overwrite=overwrite)]
        step = (
            f"cd {directory} && cmake -B build && cmake --build build && "
            f"opkit verify {name} --ops {snake_case(name)}.py"
        )
        text = "\n".join([*(f"wrote {f}" for f in files), f"next step: {step}"])
        output.show({"ok": True, "files": files, "next_step": step}, lambda: text)


def docs(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit code 1 if a file is stale.")
    ] = False,
    root: Annotated[Path, typer.Option(help="The repository.")] = Path("."),
    as_json: Json = False,
) -> None:
    """Write docs/ops.md and the op table of README.md from declarations and specs.

    \b
    Examples:
      opkit docs
      opkit docs --check    in CI
    """
    output = Output("docs", as_json)
    with reporting(output):
        from opkit.report.docs import check_docs, write_docs

        changed = [str(p) for p in (check_docs if check else write_docs)(root)]
        stale = bool(check and changed)
        word = "stale" if check else "wrote"
        lines = [f"{word} {c}" for c in changed] or ["up to date"]
        if stale:
            lines.append("next step: opkit docs")
        output.show({"ok": not stale, "files": changed}, lambda: "\n".join(lines))
        if stale:
            raise typer.Exit(FAILED)
