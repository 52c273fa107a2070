"""Scales and zero points from float ranges, as TFLite's quantizer chooses them."""

from __future__ import annotations

import numpy as np

from opkit.model import Node, Tensor

__all__ = [
    "LIMITS",
    "is_dequantize",
    "is_quantize",
    "params_for_range",
    "quantize_array",
    "reach",
    "reaches",
]


def _is_unary(node: Node, builtin: str) -> bool:
    return (
        node.builtin == builtin
        and len(node.inputs) == len(node.outputs) == 1
        and node.inputs[0] is not None
    )


def is_quantize(node: Node) -> bool:
    """Whether ``node`` is a well-formed QUANTIZE: one input, one output."""
    return _is_unary(node, "QUANTIZE")


def is_dequantize(node: Node) -> bool:
    """Whether ``node`` is a well-formed DEQUANTIZE: one input, one output."""
    return _is_unary(node, "DEQUANTIZE")


#: Least and greatest code of each storage type; int16 is symmetric.
LIMITS = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32767, 32767)}


def reach(tensor: Tensor) -> tuple[float, float]:
    """Least and greatest real value that a tensor with one scale can hold."""
    assert tensor.quantization is not None
    scale, zero_point = tensor.quantization.params()
    least, greatest = LIMITS[tensor.dtype]
    return (least - zero_point) * scale, (greatest - zero_point) * scale


def reaches(tensor: Tensor, low: float, high: float) -> bool:
    """Whether ``tensor`` holds [low, high]. One step too few is fine: fixed scales, such as the
    1/128 of a TANH, leave out the greatest value, too."""
    assert tensor.quantization is not None
    least, greatest = reach(tensor)
    step = 1.01 * tensor.quantization.params()[0]
    return least <= low + step and greatest >= high - step


def params_for_range(low: float, high: float, storage: str) -> tuple[float, int]:
    """(scale, zero point) that map [low, high], widened to hold 0, onto the codes of ``storage``.

    int16 gets zero point 0. A range that is only {0} gets scale 1. Raises ValueError if the range
    is not finite or empty."""
    if not (np.isfinite(low) and np.isfinite(high)) or low > high:
        raise ValueError(f"the range [{low}, {high}] is not finite or empty")
    least, greatest = LIMITS[storage]
    low, high = min(float(low), 0.0), max(float(high), 0.0)
    if low == high:
        return 1.0, 0
    if storage == "int16":
        return _float32(max(-low, high) / greatest), 0
    scale = _float32((high - low) / (greatest - least))
    zero_point = int(np.clip(np.round(least - low / scale), least, greatest))
    return scale, zero_point


def _float32(value: float) -> float:
    """As the file stores it; never 0 for a range of denormals."""
    return float(max(np.float32(value), np.finfo(np.float32).tiny))


def quantize_array(values: np.ndarray, scale: float, zero_point: int, storage: str) -> np.ndarray:
    """Codes of float ``values``: rounded to nearest, ties to even, then saturated.

    So do the QUANTIZE kernels that interpreters use by default, measured on TF 2.21 and LiteRT
    2.3; only those of BUILTIN_REF take ties away from zero."""
    least, greatest = LIMITS[storage]
    codes = np.rint(np.asarray(values, np.float32) / np.float32(scale)).astype(np.float64)
    return np.clip(codes + zero_point, least, greatest).astype(storage)
