"""Verbs that check and time kernels: verify and bench."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from opkit.cli.options import (
    ByOption,
    HostName,
    HostOption,
    Json,
    Ops,
    Way,
    check_dtypes,
    check_ops,
    check_outputs,
    check_unused,
    load,
    quiet_tensorflow,
)
from opkit.cli.output import ENVIRONMENT, FAILED, USAGE, CliError, Output, reporting


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
        int | None,
        typer.Option(help="Elements of a bit-pattern walk (default 100000).", min=16, max=2**32),
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
    is counted and is no pass, and 3 is returned where TensorFlow is missing to compare with.

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
        quiet_tensorflow()
        from opkit.report.tables import model_view, verify_view
        from opkit.runtime import set_simd
        from opkit.verify import verify_model, verify_ops
        from opkit.verify.execute import Runner

        load(ops)
        if simd:
            set_simd(simd)
        check_outputs(junit, html)
        check_dtypes(dtype)
        names = list(what or [])
        missing = ""
        if len(names) == 1 and (names[0].endswith(".tflite") or os.sep in names[0]):
            check_unused(
                "a model",
                case=case,
                dtype=dtype,
                budget=budget,
                full=full,
                no_contract=no_contract,
                junit=junit,
            )
            if samples is None:
                step = "save inputs with numpy.savez and pass --samples FILE"
                raise CliError(USAGE, "a model is verified on --samples", step)
            from opkit.verify.samples import read_samples

            result: Any = verify_model(
                names[0],
                str(reference) if reference else None,
                read_samples(samples),
                runner=Runner(host.value, by.value, check=True),
            )
            view: Any = model_view
        else:
            check_unused("ops", reference=reference, samples=samples)
            check_ops(names)
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
            result.options = _options(
                budget=budget, host=host.value, by=by.value, simd=simd, ops=ops
            )
            if not result.results:
                step = "`opkit verify OP --json` lists the ids of its cases"
                raise CliError(USAGE, f"no case matches {case or dtype}", step)
            if junit is not None:
                from opkit.report.junit import write_junit

                write_junit(result, junit)
            view = verify_view
            missing = "" if result.failures() else result.missing_reference()
        if html is not None:
            from opkit.report.html import write_html

            write_html(result, html)
        output.show(result.to_json(), lambda: view(result))
        if missing:
            raise typer.Exit(ENVIRONMENT)
        if not result.ok:
            raise typer.Exit(FAILED)


def _options(ops: list[str] | None, **chosen: Any) -> str:
    """Options that a single case depends on, as they are typed; defaults are left out."""
    words = [
        word
        for name, value in chosen.items()
        if value not in (None, "auto")
        for word in (f"--{name}", str(value))
    ]
    return shlex.join([*words, *(word for source in ops or () for word in ("--ops", source))])


def bench(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[OP...|MODEL...|diff BEFORE AFTER]",
            help="Ops, .tflite files, or two JSON files of earlier runs.",
        ),
    ] = None,
    dtype: Annotated[
        list[str] | None, typer.Option("--dtype", help="Only this dtype; repeatable.")
    ] = None,
    case: Annotated[str | None, typer.Option(help="One case: DTYPES/ID.")] = None,
    peer: Annotated[
        list[str] | None,
        typer.Option(
            "--peer", help="tf, flex, builtin, lowering, numpy, yardstick, none; default: all."
        ),
    ] = None,
    rounds: Annotated[int, typer.Option(help="Interleaved rounds.", min=3)] = 15,
    simd: Annotated[
        str | None, typer.Option(help="Cap the instruction set: sse4, avx2, avx512, neon.")
    ] = None,
    host: HostOption = HostName.auto,
    by: ByOption = Way.auto,
    samples: Annotated[
        Path | None,
        typer.Option(help="For a model: .npz or .npy with inputs, all of it one batch."),
    ] = None,
    save: Annotated[
        Path | None, typer.Option(help="Write the run as JSON, anew after each case.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Also write an HTML report.")] = None,
    ops: Ops = None,
    as_json: Json = False,
) -> None:
    """Time kernels through the interpreter beside Flex, TF eager, builtins, NumPy and SciPy.

    One thread, CPU time, medians and quartiles of interleaved rounds. A case that is wrong is not
    timed; ratios are the peer's time over ours. A case takes 1 to 2 seconds with all peers, so all
    ops take about half an hour; --save keeps the rows of a run that is stopped.

    \b
    Examples:
      opkit bench Erf --dtype float32 --dtype qint8
      opkit bench Cumprod --simd avx2 --save after.json
      opkit bench float.tflite int8.tflite
      opkit bench diff before.json after.json
    """
    output = Output("bench", as_json)
    with reporting(output):
        names = list(what or [])
        if names[:1] == ["diff"]:
            if len(names) != 3:
                raise CliError(
                    USAGE, "diff takes two files", "opkit bench diff BEFORE.json AFTER.json"
                )
            from opkit.bench import baseline
            from opkit.report.tables import diff_view

            before, after = baseline.load(names[1]), baseline.load(names[2])
            rows, changed = baseline.diff(before, after), baseline.changed(before, after)
            worse = [r for r in rows if r["verdict"] in ("slower", "failed")]
            output.show(
                {"ok": not worse, "changed": changed, "cases": rows},
                lambda: diff_view(rows, changed),
            )
            if worse:
                raise typer.Exit(FAILED)
            return
        quiet_tensorflow(onednn=True)
        from opkit.bench import bench_models, bench_ops, write
        from opkit.runtime import set_simd
        from opkit.verify.execute import Runner
        from opkit.verify.samples import read_batch

        load(ops)
        if simd:
            set_simd(simd)
        check_outputs(save, html)
        check_dtypes(dtype)
        keep = (lambda report: write(report, save)) if save is not None else None
        if names and all(name.endswith(".tflite") for name in names):
            check_unused("models", dtype=dtype, case=case)
            with output.progress() as progress:
                report = bench_models(
                    names,
                    None if samples is None else [read_batch(samples)] * len(names),
                    flex=peer is None or "flex" in peer,
                    rounds=rounds,
                    runner=Runner(host.value, by.value, check=True),
                    progress=progress,
                    keep=keep,
                )
            _benched(output, report, html)
            return
        check_unused("ops", samples=samples)
        check_ops(names)
        with output.progress() as progress:
            report = bench_ops(
                names or None,
                dtypes=dtype,
                case=case,
                peers=peer,
                rounds=rounds,
                runner=Runner(host.value, by.value),
                progress=progress,
                keep=keep,
            )
        if not report.rows and not (case or dtype):
            missing = f"the spec of {', '.join(names)} has no bench cases"
            raise CliError(USAGE, missing, "give it some: Spec(..., bench=)")
        if not report.rows:
            raise CliError(USAGE, f"no bench case matches {case or dtype}", "opkit ops lists ops")
        _benched(output, report, html)


def _benched(output: Output, report: Any, html: Path | None) -> None:
    """Shows a run, also as HTML; exit code 1 if a case was wrong."""
    from opkit.report.tables import bench_view

    if html is not None:
        from opkit.report.html import write_html

        write_html(report, html)
    output.show(report.to_json(), lambda: bench_view(report))
    if not report.ok:
        raise typer.Exit(FAILED)
