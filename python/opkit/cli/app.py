"""The verbs of the command `opkit`."""

from __future__ import annotations

import os
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from opkit.cli.output import (
    ENVIRONMENT,
    FAILED,
    USAGE,
    CliError,
    Output,
    reporting,
)

HELP = """Native kernels for TF ops that TensorFlow Lite and LiteRT lack.

\b
A model that does not run, and one that does:
  opkit scan detector.tflite             what the stock runtime cannot run
  opkit convert saved_model -o m.tflite  a model on the kit's kernels, without Flex
  opkit verify m.tflite --reference saved_model --samples samples.npz

\b
Exit codes: 0 fine, 1 a check failed, 2 wrong usage, 3 something is missing here.
Every verb takes --json: one object with a schema number on standard output.
"""

app = typer.Typer(
    help=HELP,
    rich_markup_mode=None,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

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


def _load(ops: list[str] | None) -> None:
    if ops:
        from opkit.scaffold import load_ops

        for source in ops:
            load_ops(source)


def _quiet_tensorflow() -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    import warnings

    warnings.filterwarnings("ignore", message=".*tf.lite.Interpreter is deprecated.*")


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


@app.command()
def doctor(ops: Ops = None, as_json: Json = False) -> None:
    """Look at the installation: versions, self-check on each runtime, what is missing.

    \b
    Example:
      opkit doctor
    """
    output = Output("doctor", as_json)
    with reporting(output):
        _quiet_tensorflow()
        from opkit.report.doctor import diagnose
        from opkit.report.tables import doctor_view

        _load(ops)
        found = diagnose()
        output.show(found.to_json(), lambda: doctor_view(found))
        if not found.ok:
            raise typer.Exit(ENVIRONMENT)


@app.command(name="ops")
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

        _load(ops)
        if name and name.removeprefix("Flex") in registry.declarations():
            card = op_card(name)
            output.show({"op": card}, lambda: card_view(card))
            return
        rows = ops_rows(name or "")
        if not rows:
            op_card(name or "")  # KeyError with near misses
        output.show({"ops": rows}, lambda: ops_view(rows))


@app.command()
def scan(
    model: Annotated[Path, typer.Argument(help="A .tflite file.")],
    ops: Ops = None,
    as_json: Json = False,
) -> None:
    """Show every op of a model that the stock runtime cannot run, and which of them the kit runs.

    Exit code 1 if an op is not served.

    \b
    Example:
      opkit scan detector.tflite
    """
    output = Output("scan", as_json)
    with reporting(output):
        import opkit
        from opkit.report.tables import scan_view

        _load(ops)
        result = opkit.scan(model)
        data = {"ok": not result.unserved, "model": str(model), **result.to_json()}
        output.show(data, lambda: scan_view(str(model), result))
        if result.unserved:
            raise typer.Exit(FAILED)


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(help="SavedModel folder, .keras or .tflite file.")],
    out: Annotated[Path, typer.Option("--output", "-o", help="The .tflite file to write.")],
    int8: Annotated[
        bool, typer.Option("--int8", help="Quantize to int8; needs --samples.")
    ] = False,
    int16: Annotated[
        bool, typer.Option("--int16", help="int16 activations, int8 weights; needs --samples.")
    ] = False,
    samples: Annotated[
        Path | None,
        typer.Option(
            help=".npz or .npy with 100 to 500 samples along the first axis; in an .npz one array "
            "per model input, by name."
        ),
    ] = None,
    input_type: Annotated[str, typer.Option(help="float32, int8 or int16.")] = "float32",
    output_type: Annotated[str, typer.Option(help="float32, int8 or int16.")] = "float32",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output.")] = False,
    verify_it: Annotated[
        bool, typer.Option("--verify/--no-verify", help="Compare with the source.")
    ] = True,
    ops: Ops = None,
    as_json: Json = False,
) -> None:
    """Convert a TF or Keras model, or a .tflite with Flex ops, to one on the kit's kernels.

    \b
    Examples:
      opkit convert saved_model -o model.tflite
      opkit convert model.keras -o model_int8.tflite --int8 --samples train.npz
      opkit convert with_flex.tflite -o without_flex.tflite
    """
    output = Output("convert", as_json)
    with reporting(output):
        if (int8 or int16) and samples is None:
            step = "save 100 to 500 real inputs with numpy.savez and pass --samples FILE"
            raise CliError(USAGE, "quantization needs --samples", step)
        if int8 and int16:
            raise CliError(USAGE, "give --int8 or --int16, not both")
        _quiet_tensorflow()
        import opkit
        from opkit.report.tables import convert_view
        from opkit.verify.samples import read_samples

        _load(ops)
        if not source.exists():
            raise CliError(USAGE, f"{source} does not exist", "check the path")
        result = opkit.convert(
            str(source),
            "int16" if int16 else int8,
            read_samples(samples) if samples is not None else None,
            str(out),
            inference_input_type=input_type,
            inference_output_type=output_type,
            overwrite=overwrite,
            verify=verify_it,
            progress=not as_json,
        )
        output.show({"ok": True, **result.to_json()}, lambda: convert_view(result))


@app.command()
def verify(
    what: Annotated[
        list[str] | None,
        typer.Argument(metavar="[OP...|MODEL]", help="Ops (default: all), or a .tflite file."),
    ] = None,
    case: Annotated[
        str | None, typer.Option(help="One case: DTYPES/ID, DTYPES, or contract/CHECK.")
    ] = None,
    dtype: Annotated[
        list[str] | None, typer.Option("--dtype", help="Only this dtype; repeatable.")
    ] = None,
    budget: Annotated[
        int | None, typer.Option(help="Elements of a bit-pattern walk (default 100000).", min=16)
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="All combinations of dtypes.")] = False,
    no_contract: Annotated[bool, typer.Option("--no-contract", help="Parity only.")] = False,
    host: HostOption = HostName.auto,
    by: ByOption = Way.auto,
    simd: Annotated[
        str | None, typer.Option(help="Cap the instruction set: sse4, avx2, avx512, neon.")
    ] = None,
    reference: Annotated[
        Path | None,
        typer.Option(
            help="For a model: the SavedModel or .keras it must agree with; or a .tflite, which "
            "runs on the kit's kernels as well."
        ),
    ] = None,
    samples: Annotated[
        Path | None, typer.Option(help="For a model: .npz or .npy with inputs.")
    ] = None,
    junit: Annotated[Path | None, typer.Option(help="Also write a JUnit file.")] = None,
    html: Annotated[Path | None, typer.Option(help="Also write an HTML report.")] = None,
    ops: Ops = None,
    as_json: Json = False,
) -> None:
    """Check kernels against TensorFlow and their own declarations, or a model against its original.

    A failing line ends with the command that repeats it. Exit code 1 if anything failed; a skip
    is counted and is no pass.

    \b
    Examples:
      opkit verify                                 every op
      opkit verify Erf --case float32/walk         one case
      opkit verify Cumprod --case contract/resize  one contract check
      opkit verify Erf Lgamma --dtype qint8 --simd avx2
      opkit verify m.tflite --reference saved_model --samples samples.npz
    """
    output = Output("verify", as_json)
    with reporting(output):
        _quiet_tensorflow()
        from opkit.report.tables import model_view, verify_view
        from opkit.runtime import set_simd
        from opkit.verify import verify_model, verify_ops
        from opkit.verify.execute import Runner

        _load(ops)
        if simd:
            set_simd(simd)
        names = list(what or [])
        if len(names) == 1 and (names[0].endswith(".tflite") or os.sep in names[0]):
            if samples is None:
                step = "save inputs with numpy.savez and pass --samples FILE"
                raise CliError(USAGE, "a model is verified on --samples", step)
            from opkit.verify.samples import read_samples

            result: Any = verify_model(
                names[0],
                str(reference) if reference else None,
                read_samples(samples),
                runner=Runner(host.value, by.value),
            )
            output.show(result.to_json(), lambda: model_view(result))
        else:
            with output.progress() as progress:
                result = verify_ops(
                    names or None,
                    dtypes=dtype,
                    case=case,
                    contract=not no_contract,
                    budget=budget,
                    runner=Runner(host.value, by.value),
                    full=full,
                    progress=progress,
                )
            if not result.results:
                step = "`opkit verify OP --json` lists the ids of its cases"
                raise CliError(USAGE, f"no case matches {case or dtype}", step)
            if junit is not None:
                from opkit.report.junit import write_junit

                write_junit(result, junit)
            output.show(result.to_json(), lambda: verify_view(result))
        if html is not None:
            from opkit.report.html import write_html

            write_html(result, html)
        if not result.ok:
            raise typer.Exit(FAILED)


@app.command()
def bench(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[OP...|diff BEFORE AFTER]", help="Ops, or two JSON files of earlier runs."
        ),
    ] = None,
    dtype: Annotated[
        list[str] | None, typer.Option("--dtype", help="Only this dtype; repeatable.")
    ] = None,
    case: Annotated[str | None, typer.Option(help="One case: DTYPES/ID.")] = None,
    peer: Annotated[
        list[str] | None,
        typer.Option("--peer", help="tf, flex, builtin, lowering, numpy, none; default: all."),
    ] = None,
    rounds: Annotated[int, typer.Option(help="Interleaved rounds.", min=3)] = 15,
    simd: Annotated[
        str | None, typer.Option(help="Cap the instruction set: sse4, avx2, avx512, neon.")
    ] = None,
    host: HostOption = HostName.auto,
    by: ByOption = Way.auto,
    save: Annotated[Path | None, typer.Option(help="Write the run as JSON.")] = None,
    html: Annotated[Path | None, typer.Option(help="Also write an HTML report.")] = None,
    ops: Ops = None,
    as_json: Json = False,
) -> None:
    """Time kernels through the interpreter beside Flex, TF eager, builtins, NumPy and SciPy.

    One thread, CPU time, medians and quartiles of interleaved rounds. A case that is wrong is not
    timed; ratios are the peer's time over ours.

    \b
    Examples:
      opkit bench Erf --dtype float32 --dtype qint8
      opkit bench Cumprod --simd avx2 --save after.json
      opkit bench diff before.json after.json
    """
    output = Output("bench", as_json)
    with reporting(output):
        _quiet_tensorflow()
        names = list(what or [])
        if names[:1] == ["diff"]:
            if len(names) != 3:
                raise CliError(
                    USAGE, "diff takes two files", "opkit bench diff BEFORE.json AFTER.json"
                )
            from opkit.bench.baseline import diff, load
            from opkit.report.tables import diff_view

            rows = diff(load(names[1]), load(names[2]))
            slower = [r for r in rows if r["verdict"] == "slower"]
            output.show({"ok": not slower, "cases": rows}, lambda: diff_view(rows))
            if slower:
                raise typer.Exit(FAILED)
            return
        from opkit.bench import bench_ops
        from opkit.report.tables import bench_view
        from opkit.runtime import set_simd
        from opkit.verify.execute import Runner

        _load(ops)
        if simd:
            set_simd(simd)
        with output.progress() as progress:
            report = bench_ops(
                names or None,
                dtypes=dtype,
                case=case,
                peers=peer,
                rounds=rounds,
                runner=Runner(host.value, by.value),
                progress=progress,
            )
        if not report.rows:
            raise CliError(
                USAGE, f"no bench case matches {case or dtype or names}", "opkit ops lists ops"
            )
        if save is not None:
            from opkit.bench.baseline import write

            write(report, save)
        if html is not None:
            from opkit.report.html import write_html

            write_html(report, html)
        output.show(report.to_json(), lambda: bench_view(report))
        if not report.ok:
            raise typer.Exit(FAILED)


@app.command()
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


@app.command()
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


@app.command()
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


def main() -> None:
    """Entry point of the command."""
    app(prog_name="opkit")
