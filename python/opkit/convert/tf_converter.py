"""Drives TF's own converter: the only place that knows its switches."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from pathlib import Path

from opkit.model import Model
from opkit.rewrite import Kernels

from .child import run_in_child
from .errors import ConversionError
from .freeze import FrozenFunction, freeze, save_frozen
from .protect import PROTECTED, protect
from .sources import TfSource

__all__ = ["convert_functions", "run_converter"]


def convert_functions(
    source: TfSource, kernels: Kernels, notes: list[str], isolate: bool = False
) -> Model:
    """A float model of ``source``: builtins where there are any, Flex nodes for what
    TensorFlow's Flex list holds, custom nodes for the rest and for protected ops.

    What was done differently from the plain way is added to ``notes``; ``isolate`` runs the
    converter in a child process. Raises ConversionError."""
    frozen = _freeze_all(source, notes)
    renamed: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="opkit-") as folder:
        counts: Counter[str] = Counter()
        saved_model = Path(folder, "model")
        if frozen is None:
            original = source.saved_model or _saved_as_is(source, Path(folder, "original"))
            counts.update(_protected_copy(original, saved_model, kernels))
        else:
            for function in frozen.values():
                counts.update(protect(function.graph_def, kernels))
            if set(frozen) & set(PROTECTED):
                # The converter mixes up a signature and an op of the same name.
                renamed = {f"signature_{i:04}": key for i, key in enumerate(sorted(frozen))}
                frozen = {name: frozen[key] for name, key in renamed.items()}
            save_frozen(frozen, saved_model)
        for op, count in sorted(counts.items()):
            notes.append(f"{count} {op} kept whole for the kit's kernel: {PROTECTED[op]}")
        run = run_in_child if isolate else run_converter
        model = Model.load(run(saved_model, sorted(frozen or source.functions)))
    for signature in model.signatures:
        signature.key = renamed.get(signature.key, signature.key)
    return model


def _freeze_all(source: TfSource, notes: list[str]) -> dict[str, FrozenFunction] | None:
    frozen = {}
    for key, function in source.functions.items():
        outcome = freeze(function)
        if isinstance(outcome, str):
            notes.append(f"{key}: not frozen: {outcome}")
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
    try:
        tf.saved_model.save(module, str(folder), signatures=source.functions)
    except (AssertionError, ValueError) as error:
        raise ConversionError(
            "the functions use resources of an object that is not known here; save that object "
            f"with tf.saved_model.save and convert the folder: {str(error).splitlines()[0]}"
        ) from error
    return folder


def _protected_copy(original: Path, copy: Path, kernels: Kernels) -> dict[str, int]:
    """A SavedModel whose functions have their protected ops wrapped; the rest is linked to."""
    from tensorflow.core.protobuf import saved_model_pb2

    source = original / "saved_model.pb"
    if not source.is_file():
        raise ConversionError(f"{original} has no saved_model.pb")
    model = saved_model_pb2.SavedModel()
    model.ParseFromString(source.read_bytes())
    counts: Counter[str] = Counter()
    for meta_graph in model.meta_graphs:
        counts.update(protect(meta_graph.graph_def, kernels))
    shutil.copytree(original, copy, ignore=shutil.ignore_patterns("saved_model.pb"))
    (copy / "saved_model.pb").write_bytes(model.SerializeToString())
    return counts


def run_converter(saved_model: Path, keys: list[str]) -> bytes:
    """TF's converter on a SavedModel's signatures ``keys``. Raises ConversionError."""
    import tensorflow as tf

    try:
        converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model), signature_keys=keys)
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
