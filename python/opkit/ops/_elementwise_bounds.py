"""Bounds and known differences that the specs of pointwise functions share."""

from __future__ import annotations

from typing import Any

import numpy as np

from opkit.spec import Known, Ulp, float_limits

TRUTH = "opkit.ops._elementwise_truth."


def _denormal(inputs: dict[str, Any]) -> np.ndarray:
    """Where an input is denormal; NumPy arrays of one shape or broadcasting."""
    masks = []
    for value in inputs.values():
        if value.dtype.kind in "iu" and value.dtype.name != "bfloat16":
            return np.zeros((), bool)
        _, normal, _ = float_limits(value.dtype)
        size = np.abs(value.astype(np.float64))
        masks.append((size > 0) & (size < normal))
    return np.logical_or.reduce(np.broadcast_arrays(*masks))


FLUSHES = Known("TensorFlow's thread flushes denormal inputs to zero", _denormal)
# Nothing but what TensorFlow computes, apart from denormal inputs.
SAME = {"float32": Ulp(0), "float64": Ulp(0), "float16": Ulp(0), "bfloat16": Ulp(0)}


def ulp(float32: float, float64: float = 4) -> dict[str, Ulp]:
    """Bounds against the float64 truth; 16-bit floats are rounded once more."""
    return {
        "float32": Ulp(float32),
        "float64": Ulp(float64),
        "float16": Ulp(0.51),
        "bfloat16": Ulp(0.51),
        "complex64": Ulp(2),
        "complex128": Ulp(8),  # NumPy's own error included
    }
