"""Verbs about models: scan and convert."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from opkit.cli.options import Json, Ops, load, quiet_tensorflow
from opkit.cli.output import FAILED, USAGE, CliError, Output, reporting


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

        load(ops)
        result = opkit.scan(model)
        data = {"ok": not result.unserved, "model": str(model), **result.to_json()}
        output.show(data, lambda: scan_view(str(model), result))
        if result.unserved:
            raise typer.Exit(FAILED)


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
        quiet_tensorflow()
        import opkit
        from opkit.report.tables import convert_view
        from opkit.verify.samples import read_samples

        load(ops)
        if not source.exists():
            raise CliError(USAGE, f"{source} does not exist", "check the path")
        with output.warnings():
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
