"""Affine quantization as TFLite defines it, and the parameters that verification tries."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from opkit.spec import Domain, numpy_dtype

QuantParams = tuple[float, int]


def dequantize(codes: np.ndarray, params: QuantParams) -> np.ndarray:
    """float32 scale * (code - zero_point): the product is exact in float64, then rounded once."""
    scale, zero_point = np.float64(np.float32(params[0])), params[1]
    return (scale * (codes.astype(np.float64) - zero_point)).astype(np.float32)


def quantize(
    values: np.ndarray, params: QuantParams, dtype: str, rounding: str = "away"
) -> np.ndarray:
    """Codes of float32 values: round(value / scale) + zero_point, clamped to the dtype.

    rounding: "away" (half away from zero: TFLite's QUANTIZE) or "even". Infinities saturate; NaN
    has no code and gives the zero point here.
    """
    info = np.iinfo(numpy_dtype(dtype))
    with np.errstate(all="ignore"):
        q = values.astype(np.float32) / np.float32(params[0])
        q = q.astype(np.float64)
        if rounding == "away":
            q = np.copysign(np.floor(np.abs(q) + 0.5), q)
        else:
            q = np.rint(q)
        q = np.where(np.isnan(q), 0.0, q) + params[1]
    return np.clip(q, info.min, info.max).astype(info.dtype)


def params_for(low: float, high: float, dtype: str) -> QuantParams:
    """Scale and zero point that cover [low, high] and represent 0; int16 is symmetric."""
    info = np.iinfo(numpy_dtype(dtype))
    low, high = min(low, 0.0), max(high, 0.0)
    if not math.isfinite(low) or not math.isfinite(high) or high - low < 1e-30:
        low, high = -1.0, 1.0
    if dtype == "qint16":
        return float(np.float32(max(-low, high) / info.max)), 0
    scale = float(np.float32((high - low) / (int(info.max) - int(info.min))))
    return scale, int(np.clip(round(info.min - low / scale), info.min, info.max))


def input_params(domain: Domain, dtype: str) -> list[QuantParams]:
    """Several parameters for a pointwise check: the domain, a small and a large step, an offset."""
    low = domain.low if domain.low > -1e4 else -6.0
    high = domain.high if domain.high < 1e4 else 6.0
    if dtype == "qint16":
        return [params_for(low, high, dtype), (1.0 / 32768, 0), (0.01, 0)]
    offset = 128 if dtype == "quint8" else 0
    return [
        params_for(low, high, dtype),
        (1.0 / 256, -128 + offset),
        (0.0473, -13 + offset),
        (0.5, 100 + offset),
    ]


def output_params(values: np.ndarray, dtype: str) -> list[QuantParams]:
    """Parameters that cover the float results, and ones that make some of them saturate."""
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return [params_for(-1.0, 1.0, dtype)]
    low, high = (float(v) for v in np.quantile(finite, (0.02, 0.98)))
    whole = params_for(float(finite.min()), float(finite.max()), dtype)
    narrow = params_for(low / 2, high / 2, dtype)
    return [whole] if whole == narrow else [whole, narrow]


def all_codes(dtype: str) -> np.ndarray:
    """Every code of a quantized dtype, ascending."""
    info = np.iinfo(numpy_dtype(dtype))
    return np.arange(int(info.min), int(info.max) + 1).astype(info.dtype)


def grids(dtype: str, count: int) -> Iterator[tuple[np.ndarray, ...]]:
    """Arrays that hold all combinations of codes for `count` pointwise inputs (8-bit, count <= 2);
    otherwise all codes of one beside a shuffle of the others."""
    codes = all_codes(dtype)
    if count == 1:
        yield (codes,)
    elif count == 2 and codes.size == 256:
        a, b = np.meshgrid(codes, codes, indexing="ij")
        yield a.ravel(), b.ravel()
    else:
        rng = np.random.default_rng(7)
        yield (codes, *(rng.permutation(codes) for _ in range(count - 1)))
