"""Float64 truths of the elementwise ops that NumPy and SciPy have under no name of their own.

Every function takes float64 (or complex128) arrays of shapes that broadcast and returns float64.
"""

from __future__ import annotations

import math

import mpmath
import numpy as np
from scipy import special

_SCALE = 1.0507009873554804934193349852946
_SCALE_ALPHA = 1.7580993408473768599402175208123


def erfc(x: np.ndarray) -> np.ndarray:
    """1 - erf(x) by mpmath, rounded to float64."""
    values = [float(mpmath.erfc(v)) if abs(v) < 30 else math.erfc(v) for v in x.ravel()]
    return np.array(values).reshape(x.shape)


def log1p(x: np.ndarray) -> np.ndarray:
    """log(1 + x); complex by mpmath, as NumPy's loses the real part near 0."""
    if x.dtype.kind != "c":
        return np.log1p(x)
    with mpmath.workprec(120):
        values = [complex(mpmath.log(1 + mpmath.mpc(v.real, v.imag))) for v in x.ravel()]
    return np.array(values, np.complex128).reshape(x.shape)


def softplus(x: np.ndarray) -> np.ndarray:
    """log(1 + exp(x)); logaddexp loses nothing at either end."""
    return np.logaddexp(0.0, x)


def softsign(x: np.ndarray) -> np.ndarray:
    """x / (1 + |x|), NaN at infinities as TensorFlow has it."""
    return x / (1.0 + np.abs(x))


def elu(x: np.ndarray) -> np.ndarray:
    """x, or expm1(x) below 0."""
    return np.where(x < 0, np.expm1(x), x)


def selu(x: np.ndarray) -> np.ndarray:
    """Klambauer et al. 2017, "Self-Normalizing Neural Networks"."""
    return np.where(x < 0, _SCALE_ALPHA * np.expm1(x), _SCALE * x)


def xdivy(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """x / y, 0 where x is 0."""
    return np.where(x == 0, x, x / y)


def xlogy(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """x log(y), 0 where x is 0."""
    return np.where(x == 0, x, x * np.log(y))


def xlog1py(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """x log1p(y), 0 where x is 0."""
    return np.where(x == 0, x, x * np.log1p(y))


def div_no_nan(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """x / y, 0 where y is 0."""
    return np.where(y == 0, 0.0, x / y)


def mul_no_nan(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """x y, 0 where y is 0."""
    return np.where(y == 0, 0.0, x * y)


def elu_grad(g: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Gradient of elu from its output y."""
    return np.where(y < 0, (y + 1.0) * g, g)


def selu_grad(g: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Gradient of selu from its output y."""
    return np.where(y < 0, g * (y + _SCALE_ALPHA), g * _SCALE)


def softplus_grad(g: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Gradient of softplus: g times the logistic function."""
    return g * special.expit(x)


def softsign_grad(g: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Gradient of softsign: g / (1 + |x|)^2."""
    return g / (1.0 + np.abs(x)) ** 2


def tanh_grad(y: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """Gradient of tanh from its output y: dy (1 - y^2)."""
    return dy * ((1.0 - y) * (1.0 + y))


def sigmoid_grad(y: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """Gradient of the logistic function from its output y: dy y (1 - y)."""
    return dy * y * (1.0 - y)


def reciprocal_grad(y: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """Gradient of 1 / x from its output y: -dy y^2."""
    wide = y.astype(np.longdouble)  # dy y may be denormal in float64
    return (-wide * wide * dy).astype(np.float64)


def sqrt_grad(y: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """Gradient of sqrt from its output y: dy / (2 y)."""
    return dy / (2.0 * y)


def rsqrt_grad(y: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """Gradient of 1 / sqrt(x) from its output y: -dy y^3 / 2."""
    wide = y.astype(np.longdouble)  # dy y may be denormal in float64
    return (-0.5 * wide * wide * wide * dy).astype(np.float64)
