"""How far factors are from what they stand for.

Factors are judged as numerical analysts do: by what they reconstruct, by their orthogonality, and
by their agreement with TensorFlow's where they are unique. Errors are in units of
eps * sqrt(order), eps being the dtype's. The metrics are those of `opkit.spec.Custom`: functions
of inputs, attributes, what the kernel gave and what TensorFlow gave.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Metric = Callable[[dict[str, Any], dict[str, Any], Any, Any], float]

_EPS = {"float16": 2.0**-10, "float32": 2.0**-23, "float64": 2.0**-52}


def conjugate_transpose(x: np.ndarray) -> np.ndarray:
    return np.conj(np.swapaxes(x, -1, -2))


def _wide(x: Any) -> np.ndarray:
    x = np.asarray(x)
    return x.astype(np.complex128 if x.dtype.kind == "c" else np.float64)


def _unit(x: np.ndarray) -> float:
    part = {"complex64": "float32", "complex128": "float64"}.get(x.dtype.name, x.dtype.name)
    return float(_EPS[part] * np.sqrt(max(1, *x.shape[-2:])))


def _norm(x: np.ndarray) -> np.ndarray:
    return np.sqrt(np.sum(np.abs(x) ** 2, axis=(-2, -1)))


def _relative(got: np.ndarray, want: np.ndarray, unit: float) -> float:
    """Worst distance of matrices relative to their norm, in units."""
    if want.size == 0:
        return 0.0
    size = _norm(want)
    return float(np.max(_norm(got - want) / np.where(size == 0, 1, size)) / unit)


def _settled(got: Sequence[np.ndarray], want: Sequence[np.ndarray]) -> float | None:
    """0 or inf where shapes, emptiness or non-finite values settle the matter; else None."""
    if any(g.shape != w.shape or g.dtype != w.dtype for g, w in zip(got, want, strict=True)):
        return float("inf")
    if all(w.size == 0 for w in want):
        return 0.0
    if not all(np.isfinite(w).all() for w in want):
        same = all(np.array_equal(np.isnan(g), np.isnan(w)) for g, w in zip(got, want, strict=True))
        return 0.0 if same else float("inf")
    return None


def _where_finite(metric: Metric) -> Metric:
    """The metric, asked only where shapes and finiteness leave something to measure."""

    @functools.wraps(metric)
    def judge(inputs: dict[str, Any], attrs: dict[str, Any], got: Any, want: Any) -> float:
        settled = _settled(got, want)
        return metric(inputs, attrs, got, want) if settled is None else settled

    return judge


@_where_finite
def inverse_error(inputs: dict[str, Any], attrs: dict[str, Any], got: Any, want: Any) -> float:
    a, x = _wide(inputs["input"]), _wide(got[0])
    if attrs.get("adjoint"):
        a = conjugate_transpose(a)
    residual = _norm(a @ x - np.eye(a.shape[-1])) / (_norm(a) * _norm(x))
    return float(residual.max() / _unit(np.asarray(inputs["input"])))


@_where_finite
def solve_error(inputs: dict[str, Any], attrs: dict[str, Any], got: Any, want: Any) -> float:
    a, b, x = _wide(inputs["matrix"]), _wide(inputs["rhs"]), _wide(got[0])
    if attrs.get("adjoint"):
        a = conjugate_transpose(a)
    residual = _norm(a @ x - b) / (_norm(a) * _norm(x) + _norm(b))
    return float(residual.max() / _unit(np.asarray(inputs["matrix"])))


def triangular_error(inputs: dict[str, Any], attrs: dict[str, Any], got: Any, want: Any) -> float:
    triangle = np.tril if attrs.get("lower", True) else np.triu
    matrix = np.asarray(inputs["matrix"])
    return solve_error({**inputs, "matrix": triangle(matrix)}, attrs, got, want)


def cholesky_error(inputs: dict[str, Any], attrs: dict[str, Any], got: Any, want: Any) -> float:
    upper = np.triu(got[0], 1)
    if np.any(upper != 0):
        return float("inf")
    settled = _settled([np.tril(got[0])], [np.tril(want[0])])
    if settled is not None:
        return settled
    a = np.tril(_wide(inputs["input"]))
    whole = a + conjugate_transpose(np.tril(a, -1))
    x = _wide(got[0])
    return _relative(x @ conjugate_transpose(x), whole, _unit(np.asarray(inputs["input"])))


@_where_finite
def lu_error(inputs: dict[str, Any], attrs: dict[str, Any], got: Any, want: Any) -> float:
    if not np.array_equal(got[1], want[1]):
        return float("inf")
    lu = _wide(got[0])
    n = lu.shape[-1]
    product = (np.tril(lu, -1) + np.eye(n)) @ np.triu(lu)
    a = np.take_along_axis(_wide(inputs["input"]), np.asarray(got[1])[..., None], axis=-2)
    return _relative(product, a, _unit(np.asarray(inputs["input"])))


def _orthogonality(q: np.ndarray, unit: float) -> float:
    if q.size == 0:
        return 0.0
    return float(np.max(_norm(conjugate_transpose(q) @ q - np.eye(q.shape[-1]))) / unit)


@_where_finite
def qr_error(inputs: dict[str, Any], attrs: dict[str, Any], got: Any, want: Any) -> float:
    a = np.asarray(inputs["input"])
    unit = _unit(a)
    if np.any(np.tril(got[1], -1) != 0):
        return float("inf")
    q, r = _wide(got[0]), _wide(got[1])
    error = _orthogonality(q, unit)
    if r.size:
        error = max(error, _relative(q @ r, _wide(a), unit))
    k = min(a.shape[-2:])
    pivots = np.abs(np.diagonal(r, axis1=-2, axis2=-1))
    if k > 0 and a.shape[-2] <= 16 and pivots.min() > 1e-2 * pivots.max():
        # Columns of full rank: signs and phases are TensorFlow's.
        error = max(error, _relative(q[..., :k], _wide(want[0])[..., :k], unit) / 50)
    return error


@_where_finite
def svd_error(inputs: dict[str, Any], attrs: dict[str, Any], got: Any, want: Any) -> float:
    a = np.asarray(inputs["input"])
    unit = _unit(a)
    s = _wide(got[0])
    error = 0.0
    if s.size:
        scale = np.maximum(np.abs(_wide(want[0])).max(axis=-1), np.finfo(np.float64).tiny)
        error = float((np.abs(s - _wide(want[0])).max(axis=-1) / scale).max() / unit)
        if np.any(s.real[..., 1:] > s.real[..., :-1]):
            return float("inf")
    if not attrs.get("compute_uv", True):
        return error
    u, v = _wide(got[1]), _wide(got[2])
    error = max(error, _orthogonality(u, unit), _orthogonality(v, unit))
    k = s.shape[-1]
    if s.size:
        product = (u[..., :k] * s[..., None, :]) @ conjugate_transpose(v[..., :k])
        error = max(error, _relative(product, _wide(a), unit))
    return error


@_where_finite
def eigh_error(inputs: dict[str, Any], attrs: dict[str, Any], got: Any, want: Any) -> float:
    a = np.asarray(inputs["input"])
    unit = _unit(a)
    e, wanted = _wide(got[0]), _wide(want[0])
    scale = np.maximum(np.abs(wanted).max(axis=-1), np.finfo(np.float64).tiny)
    error = float((np.abs(e - wanted).max(axis=-1) / scale).max() / unit)
    if attrs.get("compute_v", True):
        lower = np.tril(_wide(a))
        whole = lower + conjugate_transpose(np.tril(lower, -1))
        v = _wide(got[1])
        error = max(error, _orthogonality(v, unit))
        error = max(error, _relative((v * e[..., None, :]) @ conjugate_transpose(v), whole, unit))
    return error
