"""The steps from a TF model to a model that runs."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from opkit.model import Model
from opkit.rewrite import (
    CleanUp,
    FlexToKernel,
    Kernels,
    Report,
    registered_kernels,
    run_passes,
    scan,
)

from .calibrate import Samples, calibrate
from .errors import ConversionError
from .quantize import quantize
from .result import ConvertResult, Step, record_kernels
from .sources import TfSource, load_source
from .tf_converter import convert_functions

__all__ = ["convert"]


def convert(
    source: Any,
    int8: bool | str = False,
    representative_dataset: Samples | None = None,
    output: str | os.PathLike[str] | None = None,
    *,
    inference_input_type: str = "float32",
    inference_output_type: str = "float32",
    overwrite: bool = False,
    verify: bool = True,
    progress: bool = True,
    isolate: bool = False,
    kernels: Kernels | None = None,
) -> ConvertResult:
    """Converts a model to a .tflite file that runs with the kit's kernels and without Flex.

    Args:
        source: A SavedModel folder, a Keras model or .keras file, a tf.function or concrete
            function (or a dict of them by signature key), a .tflite file (path, bytes or Model).
        int8: Quantize: True or "int8", or "int16" for int16 activations with int8 weights.
        representative_dataset: For int8: samples, or a function that yields them. A sample is a
            list of arrays in input order, one array, or a dict by input name; 100 to 500 of them.
        output: Where to save the model. Refused if the file exists, unless ``overwrite``.
        inference_input_type: "float32", or the quantized type, for integer inputs.
        inference_output_type: The same for outputs.
        overwrite: Whether ``output`` may replace a file. The source file is never replaced.
        verify: Compare the result with the source on samples; of a .tflite source, the quantized
            model with the float one.
        progress: Show a progress bar during calibration, on a terminal.
        isolate: Run TF's converter in a child process (some seconds more): a crash of the
            converter, which some ops cause, is then a ConversionError.
        kernels: Declarations to convert for; default: the kit's and those of loaded libraries.

    Returns:
        The model, the steps, what passes did and refused, sizes, and the kernels it needs (also
        in the file's metadata).

    Raises:
        ConversionError: The converter failed, or an op is not served (``nodes`` lists them), or
            the representative dataset does not fit.
        ModelError: A .tflite source is malformed.
        FileExistsError: ``output`` exists.
        ValueError: An argument is not one of the allowed values.
    """
    storage = _storage(int8)
    for name, value in (("input", inference_input_type), ("output", inference_output_type)):
        if value != "float32" and value != storage:
            raise ValueError(
                f"inference_{name}_type is {value!r}, want 'float32'"
                + (f" or {storage!r}" if storage else "; integers need int8=True")
            )
    if storage and representative_dataset is None:
        raise ValueError("int8 needs a representative_dataset of 100 to 500 samples")
    _check_output(source, output, overwrite)

    result = ConvertResult(Model())
    kernels = registered_kernels() if kernels is None else kernels
    with _step(result, "load") as detail:
        loaded = load_source(source)
        detail.text = (
            _nodes(loaded)
            if isinstance(loaded, Model)
            else f"signatures: {', '.join(loaded.functions)}"
        )
    model = _float_model(loaded, kernels, result, isolate)
    with _step(result, "rewrite") as detail:
        report = run_passes(model, [FlexToKernel(), CleanUp()], kernels)
        detail.text = _counted(
            report, {"flex-to-kernel": "Flex nodes to kernels", "clean-up": "dead nodes dropped"}
        )
    result.report.extend(report)
    result.scan = scan(model, kernels)
    unserved = [node for node in result.scan.unserved if node.found_as != "builtin-hole"]
    if unserved:
        raise ConversionError.unserved(unserved)
    result.notes += [
        f"node {node.node} ({node.op}): {node.reason}; {node.next_step}"
        for node in result.scan.unserved
    ]
    result.kernels = record_kernels(model)
    result.model = model
    data = model.to_bytes()
    result.sizes["float"] = len(data)
    if storage:
        assert representative_dataset is not None
        from opkit.runtime import OpResolver
        from opkit.runtime.preflight import check_graphs

        check_graphs(model)
        result.float_model = model
        with _step(result, "calibrate") as detail:
            calibration = calibrate(data, representative_dataset, OpResolver(), progress)
            detail.text = f"{calibration.samples} samples, {len(calibration.ranges)} ranges"
        result.samples = calibration.samples
        result.notes += [
            f"signature {signature.key!r} stays in float: only the first one is calibrated"
            for signature in model.signatures
            if signature.subgraph is not model.subgraphs[0]
        ]
        with _step(result, "quantize") as detail:
            quantized, report = quantize(
                calibration, storage, inference_input_type, inference_output_type, kernels
            )
            detail.text = _counted(
                report,
                {
                    "float-readers": "ops read floats again",
                    "sink-quantization": f"custom ops to {storage}",
                    "clean-up": "dead nodes dropped",
                    "integer-io": f"edges to {storage}",
                },
            )
        result.report.extend(report)
        _keep_extras(model, quantized)
        result.kernels = record_kernels(quantized)
        result.model = quantized
        result.sizes["quantized"] = len(quantized.to_bytes())
    if verify and isinstance(loaded, TfSource):
        from .check import compare

        with _step(result, "verify") as detail:
            result.comparison = compare(loaded, result.model, representative_dataset)
            detail.text = str(result.comparison)
    elif verify and result.float_model is not None:
        from .check import compare_models

        assert representative_dataset is not None
        with _step(result, "verify") as detail:
            result.comparison = compare_models(
                result.float_model, result.model, representative_dataset
            )
            detail.text = str(result.comparison)
    if output is not None:
        result.save(output, overwrite)
    return result


def _storage(int8: bool | str) -> str | None:
    if int8 is True:
        return "int8"
    if int8 is False or int8 is None:
        return None
    if int8 in ("int8", "int16"):
        return str(int8)
    raise ValueError(f"int8 is {int8!r}, want True, False, 'int8' or 'int16'")


def _check_output(source: Any, output: str | os.PathLike[str] | None, overwrite: bool) -> None:
    """Refuses before the work rather than after it."""
    if output is None:
        return
    target = Path(output)
    if not target.absolute().parent.is_dir():
        raise FileNotFoundError(f"the folder {target.absolute().parent} does not exist")
    if not os.access(target.absolute().parent, os.W_OK):
        raise PermissionError(f"the folder {target.absolute().parent} cannot be written to")
    if not target.exists():
        return
    if target.is_dir():
        raise IsADirectoryError(f"{target} is a folder, want a file name")
    origin = source.path if isinstance(source, Model) else source
    origins = [Path(origin)] if isinstance(origin, (str, os.PathLike)) else []
    if any(path.exists() and path.samefile(target) for path in origins):
        raise FileExistsError(f"{target} is the source; the source is never overwritten")
    if not overwrite:
        raise FileExistsError(f"{target} exists; pass overwrite=True to replace it")


def _float_model(
    loaded: Model | TfSource, kernels: Kernels, result: ConvertResult, isolate: bool
) -> Model:
    if isinstance(loaded, Model):
        if loaded.path is not None:
            result.sizes["source"] = loaded.path.stat().st_size
        else:
            result.sizes["source"] = len(loaded.to_bytes())
        return loaded
    with _step(result, "convert") as detail:
        model = convert_functions(loaded, kernels, result.notes, isolate)
        detail.text = _nodes(model)
    result.sizes["source"] = len(model.to_bytes())
    return model


def _keep_extras(model: Model, quantized: Model) -> None:
    """What TF's quantizer drops: associated files and metadata of others."""
    quantized.associated_files.update(model.associated_files)
    present = {name for name, _ in quantized.metadata}
    quantized.metadata += [entry for entry in model.metadata if entry[0] not in present]


class _Detail:
    """What a step reports of itself; set inside its block."""

    text = ""


@contextmanager
def _step(result: ConvertResult, name: str) -> Iterator[_Detail]:
    start, detail = time.perf_counter(), _Detail()
    yield detail
    result.steps.append(Step(name, time.perf_counter() - start, detail.text))


def _nodes(model: Model) -> str:
    nodes = [node for _, _, node in model.nodes()]
    flex, custom = sum(n.is_flex for n in nodes), sum(n.is_custom for n in nodes)
    return f"{len(nodes)} nodes, {flex} Flex, {custom} custom"


def _counted(report: Report, names: dict[str, str]) -> str:
    """Changes of each named pass, then refusals: "2 Flex nodes to kernels, 1 refused"."""
    counts = Counter(change.rewrite for change in report.changes)
    parts = [f"{counts[key]} {text}" for key, text in names.items() if counts[key]]
    refused = len(report.refused)
    return ", ".join(parts + [f"{refused} refused"] * bool(refused)) or "nothing to do"
