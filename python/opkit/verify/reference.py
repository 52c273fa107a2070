"""What results are compared with: TensorFlow's op, or a function, and the float64 truth."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from opkit.registry import Declaration
from opkit.spec import Spec, Types, numpy_dtype, resolve
from opkit.verify.declaration import carried_by_inputs, main_type, storage


class MissingReference(Exception):
    """A reference cannot be evaluated here; the text says what to install."""


def tensorflow() -> Any:
    """The tensorflow module, quiet.

    Raises:
      MissingReference: TensorFlow is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    try:
        import tensorflow as tf
    except ImportError as e:
        raise MissingReference(
            f"TensorFlow is not installed ({e}); the reference is TensorFlow: "
            "`pip install tensorflow-cpu`"
        ) from None
    return tf


def to_numpy(value: Any) -> np.ndarray:
    """A TF tensor, NumPy value or bytes as an array; strings as objects of bytes."""
    made = value.numpy() if hasattr(value, "numpy") else value
    if isinstance(made, (bytes, str)):
        out = np.empty((), dtype=object)
        out[()] = made.encode() if isinstance(made, str) else made
        return out
    return np.asarray(made)


def flat_outputs(result: Any) -> list[np.ndarray]:
    """Outputs of an op, lists among them flattened, in order."""
    if isinstance(result, (list, tuple)):
        found: list[np.ndarray] = []
        for item in result:
            found += flat_outputs(item)
        return found
    return [to_numpy(result)]


def tf_attributes(
    declaration: Declaration, types: Types, attrs: Mapping[str, Any]
) -> dict[str, Any]:
    """Attributes as tf.raw_ops wants them, with dtypes that only outputs carry."""
    tf = tensorflow()
    kinds = {a.name: a.kind for a in declaration.attrs}

    def convert(kind: str, value: Any) -> Any:
        if kind.startswith("list("):
            return [convert(kind[5 : kind.index(")")], v) for v in value]
        if kind == "type":
            return tf.as_dtype(storage(value))
        return value

    made = {k: convert(kinds.get(k, ""), v) for k, v in attrs.items()}
    carried = carried_by_inputs(declaration)
    for name, dtype in types.items():
        if name not in carried and name not in made:
            made[name] = tf.as_dtype(storage(dtype))
    return made


def call_reference(
    spec: Spec,
    declaration: Declaration,
    types: Types,
    inputs: Mapping[str, Any],
    attrs: Mapping[str, Any],
    *,
    compute: str | None = None,
) -> list[np.ndarray]:
    """The reference's outputs, one array per flat output.

    compute: evaluates in this dtype (inputs of the main dtype are widened first); outputs of the
      main type variable are then rounded to the main dtype by the caller.

    Raises:
      MissingReference: TensorFlow is needed and not installed.
      Exception: whatever the reference raises.
    """
    wanted = types if compute is None else Types({**types, main_type(declaration): compute})
    made: dict[str, Any] = {}
    for arg in declaration.inputs:
        value = inputs.get(arg.name)
        if compute is not None and arg.type == main_type(declaration):
            widen = numpy_dtype(compute)
            if isinstance(value, (list, tuple)):
                value = [None if v is None else v.astype(widen) for v in value]
            elif value is not None:
                value = value.astype(widen)
        if value is not None:
            made[arg.name] = list(value) if isinstance(value, tuple) else value
    if callable(spec.reference):
        with np.errstate(all="ignore"):  # overflow is among the cases
            return flat_outputs(spec.reference(**made, **dict(attrs)))
    if spec.pointwise:
        made = _within_tf_rank(made)
    tf = tensorflow()
    function = resolve(spec.reference or f"tf.raw_ops.{spec.name}")
    made = {k: _tensors(tf, v) for k, v in made.items()}
    if spec.reference is None or spec.reference.startswith("tf."):
        result = function(**made, **tf_attributes(declaration, wanted, attrs))
    else:
        result = function(**made, **dict(attrs))
    return flat_outputs(result)


def _within_tf_rank(made: dict[str, Any]) -> dict[str, Any]:
    """Operands broadcast beforehand where TensorFlow's kernels would refuse the rank."""
    arrays = [v for v in made.values() if isinstance(v, np.ndarray)]
    if len(arrays) < 2 or len(arrays) != len(made) or len({a.shape for a in arrays}) == 1:
        return made
    if max(a.ndim for a in arrays) <= 5:
        return made
    whole = np.broadcast_arrays(*arrays)
    return dict(zip(made, (np.ascontiguousarray(a) for a in whole), strict=True))


def _tensors(tf: Any, value: Any) -> Any:
    if isinstance(value, list):
        return [tf.constant(v) for v in value]
    return tf.constant(value)


def call_truth(
    spec: Spec, declaration: Declaration, inputs: Mapping[str, Any], attrs: Mapping[str, Any]
) -> list[np.ndarray]:
    """The truth's outputs in float64 (complex128, or integers where the inputs are).

    Raises:
      MissingReference: the module that holds the truth is not installed.
    """
    assert spec.truth is not None
    try:
        function = resolve(spec.truth)
    except ImportError as e:
        raise MissingReference(f"the truth {spec.truth} needs a module: {e}") from None
    wide = [widened(inputs[a.name]) for a in declaration.inputs if inputs.get(a.name) is not None]
    with np.errstate(all="ignore"):
        result = function(*wide, **dict(attrs))
    return [np.asarray(r) for r in (result if isinstance(result, (tuple, list)) else (result,))]


def widened(x: Any) -> Any:
    """float -> float64, complex -> complex128, others unchanged; lists elementwise."""
    if isinstance(x, (list, tuple)):
        return [widened(v) for v in x]
    if x.dtype.kind == "c":
        return x.astype(np.complex128)
    if x.dtype.kind == "f" or x.dtype.name == "bfloat16":
        return x.astype(np.float64)
    return x


def sample_positions(arrays: Sequence[np.ndarray], limit: int) -> np.ndarray | None:
    """Evenly spaced flat positions when arrays of one shape hold more than `limit` elements."""
    shapes = {a.shape for a in arrays}
    if limit <= 0 or len(shapes) != 1:
        return None
    size = arrays[0].size
    if size <= limit:
        return None
    return np.unique(np.linspace(0, size - 1, limit).astype(np.int64))
