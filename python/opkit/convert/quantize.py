"""Post-training quantization: TF's quantizer for builtins, ours for the kit's custom ops."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from opkit.model import Model
from opkit.rewrite import (
    CleanUp,
    FloatReaders,
    IntegerIO,
    Kernels,
    Report,
    SinkQuantization,
    run_passes,
)

from .calibrate import Calibration
from .errors import ConversionError

__all__ = ["quantize"]


def quantize(
    calibration: Calibration,
    storage: str,
    input_type: str,
    output_type: str,
    kernels: Kernels,
) -> tuple[Model, Report]:
    """The quantized model and what the passes did to it.

    ``storage`` is the activations' type, "int8" or "int16" (with int8 weights); ``input_type`` and
    ``output_type`` are "float32" or that type. Raises ConversionError if TF's quantizer fails."""
    model = Model.load(_builtins(calibration, storage))
    first = [FloatReaders()] if storage == "int16" else []
    sink = SinkQuantization(calibration.ranges, default=storage)
    report = run_passes(model, [*first, sink, CleanUp()], kernels)
    if (input_type, output_type) != ("float32", "float32"):
        passes = [IntegerIO(input_type, output_type), CleanUp()]
        report.extend(run_passes(model, passes, kernels))
    return model, report


def _builtins(calibration: Calibration, storage: str) -> bytes:
    import tensorflow as tf
    from tensorflow.lite.python import convert as tf_convert

    said: list[str] = []
    try:
        if storage == "int8":
            with _standard_error(said):
                return bytes(
                    tf_convert.mlir_quantize(
                        calibration.model, input_data_type=tf.float32, output_data_type=tf.float32
                    )
                )
        # TF's newer quantizer gives int16 tensors zero points other than 0, which its kernels
        # refuse; TF itself takes the older one here. The statistics are there: no samples again.
        return bytes(
            calibration.runner.calibrate_and_quantize(
                lambda: iter(()),
                tf.float32,
                tf.float32,
                allow_float=True,
                activations_type=tf.int16,
                bias_type=tf.int64,
            )
        )
    except Exception as error:  # the quantizers raise RuntimeError and their own kinds
        why = [str(error)] if str(error) else []
        why += [match[1] for line in said if (match := re.search(r"\berror: (.+)", line))]
        if storage == "int8":
            why.append('int8="int16" takes another quantizer')
        elif "while_cond" in str(error):
            why.append(
                "TensorFlow's int16 quantizer takes no loops: quantize to int8, or unroll them "
                "(Keras: unroll=True)"
            )
        raise ConversionError(f"TensorFlow's quantizer failed: {'; '.join(why)}") from error


@contextmanager
def _standard_error(lines: list[str]) -> Iterator[None]:
    """Adds to ``lines`` what C++ code writes to standard error, which gets it as well: the int8
    quantizer gives its reasons only there."""
    try:
        kept = os.dup(2)
    except OSError:  # closed
        yield
        return
    if sys.stderr is not None:
        sys.stderr.flush()
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            file.seek(0)
            text = file.read()
            lines += text.decode("utf-8", "replace").splitlines()
            with open(2, "wb", closefd=False) as error:
                error.write(text)
