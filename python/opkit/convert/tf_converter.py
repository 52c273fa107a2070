"""Drives TF's own converter: the only place that knows its switches."""

from __future__ import annotations

import tempfile
from pathlib import Path

from opkit.rewrite import Kernels

from .errors import ConversionError
from .freeze import FrozenFunction, freeze, save_frozen
from .protect import protect
from .sources import TfSource

__all__ = ["convert_functions"]


def convert_functions(source: TfSource, kernels: Kernels, notes: list[str]) -> bytes:
    """A float .tflite file of ``source``: builtins where there are any, Flex nodes for what
    TensorFlow's Flex list holds, custom nodes for the rest and for protected ops.

    What was done differently from the plain way is added to ``notes``. Raises ConversionError."""
    frozen = _freeze_all(source, notes)
    with tempfile.TemporaryDirectory(prefix="opkit-") as folder:
        if frozen is None:
            saved_model = source.saved_model or _saved_as_is(source, Path(folder, "model"))
        else:
            for key, function in frozen.items():
                for op, count in sorted(protect(function.graph_def, kernels).items()):
                    notes.append(f"{key}: {count} {op} kept whole for the kit's kernel")
            saved_model = Path(folder, "model")
            save_frozen(frozen, saved_model)
        return _run(saved_model, sorted(source.functions))


def _freeze_all(source: TfSource, notes: list[str]) -> dict[str, FrozenFunction] | None:
    frozen = {}
    for key, function in source.functions.items():
        outcome = freeze(function)
        if isinstance(outcome, str):
            notes.append(f"{key}: converted with its state, no ops protected: {outcome}")
            return None
        frozen[key] = outcome
    return frozen


def _saved_as_is(source: TfSource, folder: Path) -> Path:
    import tensorflow as tf

    # Tracks every variable by hand: Keras 3 hides its own from tf.Module.
    module = tf.Module()
    module.owner = source.owner
    module.functions = list(source.functions.values())
    module.variables_used = [v for f in source.functions.values() for v in f.graph.variables]
    tf.saved_model.save(module, str(folder), signatures=source.functions)
    return folder


def _run(saved_model: Path, keys: list[str]) -> bytes:
    import tensorflow as tf

    try:
        converter = tf.lite.TFLiteConverter.from_saved_model(
            str(saved_model), signature_keys=keys
        )
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.TFLITE_BUILTINS,
            tf.lite.OpsSet.SELECT_TF_OPS,
        ]
        converter.allow_custom_ops = True
        converter.experimental_enable_resource_variables = True
        # Lists stay TensorList ops, which the kit has kernels for: lowering them fails as soon as
        # the batch or the time is free.
        converter._experimental_lower_tensor_list_ops = False
        return bytes(converter.convert())
    except Exception as error:  # the converter raises many kinds, ConverterError among them
        text = str(error).strip()
        short = text if len(text) < 4000 else text[:2000] + "\n...\n" + text[-2000:]
        raise ConversionError(f"TensorFlow's converter failed: {short}") from error
