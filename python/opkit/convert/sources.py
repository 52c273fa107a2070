"""What can be converted, brought into one form: TF functions by signature, or a TFLite model."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opkit.model import Model

from .errors import ConversionError

__all__ = ["TfSource", "load_source"]


@dataclass
class TfSource:
    """A TensorFlow model: concrete functions by signature key, and what keeps them alive.

    ``saved_model`` is its folder if it came from one, ``keras`` the Keras model if it was one."""

    functions: dict[str, Any]
    owner: Any = None
    saved_model: Path | None = None
    keras: Any = None
    notes: list[str] = field(default_factory=list)


def load_source(source: Any) -> Model | TfSource:
    """Recognises and loads ``source``; see :func:`opkit.convert.convert` for what it may be.

    Raises ConversionError if it is none of these, OSError if a file cannot be read, ModelError if
    a .tflite file is malformed."""
    if isinstance(source, Model):
        return source.copy()
    if isinstance(source, (bytes, bytearray, memoryview)):
        return Model.load(source)
    if isinstance(source, (str, os.PathLike)):
        return _from_path(Path(source))
    if isinstance(source, Mapping):
        return _from_functions(dict(source))
    if isinstance(source, Sequence):
        if len(source) != 1:
            raise ConversionError(
                f"a list of {len(source)} functions; pass one, or a dict from signature keys"
            )
        return _from_functions({"serving_default": source[0]})
    if _is_keras(source):
        return _from_keras(source)
    if hasattr(source, "get_concrete_function") or hasattr(source, "structured_input_signature"):
        return _from_functions({"serving_default": source})
    if isinstance(getattr(source, "signatures", None), Mapping):  # what tf.saved_model.load gives
        return TfSource(dict(source.signatures), source)
    raise ConversionError(
        f"cannot convert a {type(source).__name__}; want a SavedModel folder, a Keras model or "
        f"file, tf.functions, or a .tflite file"
    )


def _from_path(path: Path) -> Model | TfSource:
    if path.is_dir():
        if not (path / "saved_model.pb").is_file():
            raise ConversionError(f"{path} is a folder without saved_model.pb")
        return _from_saved_model(path)
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist")
    if path.suffix in (".keras", ".h5", ".hdf5"):
        import tensorflow as tf

        try:
            return _from_keras(tf.keras.models.load_model(path, compile=False))
        except (ValueError, TypeError, OSError) as error:
            own = "Could not locate" in str(error)
            step = "\nnext step: import the module of its classes first (--ops MODULE does), or "
            step = step + "convert what model.export(folder) wrote" if own else ""
            raise ConversionError(f"Keras cannot load {path}: {error}{step}") from error
    return Model.load(path)


def _from_saved_model(path: Path) -> TfSource:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    functions = {
        key: function
        for key, function in loaded.signatures.items()
        if not key.startswith("__saved_model")
    }
    # Keras's export writes one function under two keys. As TF's converter, keep one: two would
    # double the model, and int8 quantizes the first alone.
    exported = hasattr(loaded, "serve") and not hasattr(loaded, "_default_save_signature")
    if exported and {"serve", "serving_default"} <= functions.keys():
        del functions["serve"]
    if not functions:
        raise ConversionError(
            f"{path} has no signatures; save it with tf.saved_model.save(..., signatures=...)"
        )
    return TfSource(functions, loaded, saved_model=path)


def _is_keras(source: Any) -> bool:
    try:
        import keras
        import tensorflow as tf
    except ImportError:
        return False
    return isinstance(source, (keras.Model, tf.keras.Model))


def _from_keras(model: Any) -> TfSource:
    import tensorflow as tf

    if not model.built or not getattr(model, "inputs", None):
        raise ConversionError(
            "the Keras model has no inputs yet; call it once, or give its first layer a shape"
        )
    names = _unique([_plain_name(tensor.name) for tensor in model.inputs])
    specs = {
        name: tf.TensorSpec(tensor.shape, tensor.dtype, name=name)
        for name, tensor in zip(names, model.inputs, strict=True)
    }
    structure = model._inputs_struct if hasattr(model, "_inputs_struct") else None
    output_names = _unique(list(getattr(model, "output_names", None) or ["output"]))

    @tf.function(autograph=False)
    def serve(**inputs: Any) -> dict[str, Any]:
        values = [inputs[name] for name in names]
        packed = values[0] if len(values) == 1 else values
        if structure is not None:
            packed = tf.nest.pack_sequence_as(structure, values)
        outputs = tf.nest.flatten(model(packed, training=False))
        keys = output_names if len(output_names) == len(outputs) else _numbered(len(outputs))
        return dict(zip(keys, outputs, strict=True))

    function = serve.get_concrete_function(**specs)
    return TfSource({"serving_default": function}, model, keras=model)


def _numbered(count: int) -> list[str]:
    return [f"output_{i}" for i in range(count)]


def _plain_name(name: str) -> str:
    return name.split(":")[0].split("/")[-1] or "input"


def _unique(names: list[str]) -> list[str]:
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        seen[name] = seen.get(name, -1) + 1
        unique.append(name if not seen[name] else f"{name}_{seen[name]}")
    return unique


def _from_functions(functions: dict[str, Any]) -> TfSource:
    concrete = {}
    for key, function in functions.items():
        if hasattr(function, "structured_input_signature"):
            concrete[key] = function
        elif hasattr(function, "get_concrete_function"):
            try:
                concrete[key] = function.get_concrete_function()
            except (TypeError, ValueError) as error:
                raise ConversionError(
                    f"function {key!r} needs an input_signature, or pass a concrete function: "
                    f"{error}"
                ) from error
        else:
            raise ConversionError(
                f"{key!r} is a {type(function).__name__}, want a tf.function or concrete function"
            )
    if not concrete:
        raise ConversionError("no functions to convert")
    return TfSource(concrete, list(functions.values()))
