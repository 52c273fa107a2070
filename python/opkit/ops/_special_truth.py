"""Truths of the special functions: mpmath, or SciPy where it is good to some ULP of float64.

Every function takes float64 arrays of shapes that broadcast and returns float64.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np
from scipy import special

_DIGITS = 40


def _each(scalar: Callable[..., Any]) -> Callable[..., np.ndarray]:
    """The array version of a function of floats; 40 digits, NaN for complex results."""

    def evaluate(*values: float) -> float:
        with mp.workdps(_DIGITS):
            result = scalar(*values)
            return float(result) if not isinstance(result, mp.mpc) else math.nan

    @functools.wraps(scalar)
    def over(*arrays: np.ndarray) -> np.ndarray:
        made = np.vectorize(evaluate, otypes=[np.float64])
        return (
            made(*arrays)
            if all(np.size(a) for a in arrays)
            else np.zeros(np.broadcast_shapes(*(np.shape(a) for a in arrays)))
        )

    return over


def _whole(x: float) -> bool:
    return math.isfinite(x) and x == math.floor(x)


@_each
def lgamma(x: float) -> Any:
    """log |Gamma(x)|."""
    if math.isnan(x):
        return x
    if math.isinf(x) or (x <= 0 and _whole(x)):
        return math.inf
    return mp.re(mp.loggamma(mp.mpf(x)))


@_each
def digamma(x: float) -> Any:
    """The logarithmic derivative of Gamma; NaN at the poles as in TensorFlow."""
    if math.isnan(x) or x == -math.inf or (x <= 0 and _whole(x)):
        return math.nan
    return x if math.isinf(x) else mp.digamma(mp.mpf(x))


@_each
def erfinv(x: float) -> Any:
    """Newton's step from SciPy's value."""
    if math.isnan(x) or abs(x) > 1:
        return math.nan
    if abs(x) == 1:
        return math.copysign(math.inf, x)
    if abs(x) < 1e-8:
        return mp.mpf(x) * mp.sqrt(mp.pi) / 2 * (1 + mp.pi * mp.mpf(x) ** 2 / 12)
    y = mp.mpf(float(special.erfinv(x)))
    return y - (mp.erf(y) - x) * mp.exp(y * y) * mp.sqrt(mp.pi) / 2


@_each
def ndtri(p: float) -> Any:
    """Newton's step from SciPy's value, in the nearer tail."""
    if math.isnan(p) or p < 0 or p > 1:
        return math.nan
    if p in (0, 1):
        return math.inf if p else -math.inf
    tail = mp.mpf(p) if p < 0.5 else 1 - mp.mpf(p)
    g = mp.mpf(abs(float(special.ndtri(p)) if p < 0.9 else float(special.ndtri(float(tail)))))
    density = mp.exp(-g * g / 2) / mp.sqrt(2 * mp.pi)
    g += (mp.erfc(g / mp.sqrt(2)) / 2 - tail) / density
    return -g if p < 0.5 else g


def _bessel_j(order: int, x: float) -> Any:
    return math.nan if math.isnan(x) or math.isinf(x) else mp.besselj(order, mp.mpf(x))


def _bessel_y(order: int, x: float) -> Any:
    if math.isnan(x) or x == math.inf:
        return math.nan
    return -math.inf if x <= 0 else mp.bessely(order, mp.mpf(x))


bessel_j0 = _each(lambda x: _bessel_j(0, x))
bessel_j1 = _each(lambda x: _bessel_j(1, x))
bessel_y0 = _each(lambda x: _bessel_y(0, x))
bessel_y1 = _each(lambda x: _bessel_y(1, x))


def _hankel(order: int, x: Any, sign: int) -> Any:
    """The sum of DLMF 10.40.1 (sign -1, for I) and 10.40.2 (1, for K), x >= 40."""
    mu = 4 * order * order
    total = term = mp.mpf(1)
    for k in range(1, 60):
        term *= sign * (mu - (2 * k - 1) ** 2) / (k * 8 * x)
        total += term
        if abs(term) < 1e-28:
            break
    return total


def _bessel_i(order: int, scaled: bool, x: float) -> Any:
    if math.isnan(x) or (math.isinf(x) and not scaled):
        return math.nan
    if math.isinf(x):
        return 0.0
    v = abs(mp.mpf(x))
    if v < 40:
        y = mp.besseli(order, v) * (mp.exp(-v) if scaled else 1)
    elif scaled or v < 1e4:
        y = _hankel(order, v, -1) / mp.sqrt(2 * mp.pi * v) * (1 if scaled else mp.exp(v))
    else:
        y = mp.inf
    return -y if order == 1 and x < 0 else y


def _bessel_k(order: int, scaled: bool, x: float) -> Any:
    if math.isnan(x):
        return x
    if x <= 0:
        return math.inf  # as TensorFlow
    if math.isinf(x):
        return 0.0
    v = mp.mpf(x)
    if v < 1e-12:  # the leading terms of 10.31.2 and 10.30.2
        y = 1 / v if order else -mp.log(v / 2) - mp.euler
        return y * mp.exp(v) if scaled else y
    if v < 40:
        # DLMF 10.32.9 by the trapezoidal rule, which errs by exp(-pi^2 / h) only.
        h = mp.mpf("0.15") if v < 8 else mp.mpf("0.05")  # of the width of the peak
        total, t = mp.mpf(1) / 2, mp.mpf(0)
        while True:
            t += h
            c = mp.cosh(t)
            term = mp.exp(-v * (c - 1)) * (c if order else 1)
            total += term
            if term < 1e-28 * total:
                break
        return h * total * (1 if scaled else mp.exp(-v))
    return _hankel(order, v, 1) * mp.sqrt(mp.pi / (2 * v)) * (1 if scaled else mp.exp(-v))


bessel_i0 = _each(lambda x: _bessel_i(0, False, x))
bessel_i0e = _each(lambda x: _bessel_i(0, True, x))
bessel_i1 = _each(lambda x: _bessel_i(1, False, x))
bessel_i1e = _each(lambda x: _bessel_i(1, True, x))
bessel_k0 = _each(lambda x: _bessel_k(0, False, x))
bessel_k0e = _each(lambda x: _bessel_k(0, True, x))
bessel_k1 = _each(lambda x: _bessel_k(1, False, x))
bessel_k1e = _each(lambda x: _bessel_k(1, True, x))


@_each
def expint(x: float) -> Any:
    """Ei(x), NaN below 0 as in TensorFlow."""
    if math.isnan(x) or x < 0 or x == math.inf:
        return math.nan
    return mp.ei(mp.mpf(x)) if x else -math.inf


@_each
def fresnel_cos(x: float) -> Any:
    """The integral of cos(pi t^2 / 2) from 0 to x."""
    if abs(x) > 1e17:
        return math.copysign(0.5, x)
    return mp.fresnelc(mp.mpf(x)) if not math.isnan(x) else x


@_each
def fresnel_sin(x: float) -> Any:
    """The integral of sin(pi t^2 / 2) from 0 to x."""
    if abs(x) > 1e17:
        return math.copysign(0.5, x)
    return mp.fresnels(mp.mpf(x)) if not math.isnan(x) else x


@_each
def spence(x: float) -> Any:
    """Li2(1 - x), NaN below 0 and at infinity as in TensorFlow; DLMF 25.12.4 where x is large."""
    if math.isnan(x) or x < 0 or x == math.inf:
        return math.nan
    v = mp.mpf(x)
    if v < 2:
        return mp.re(mp.polylog(2, 1 - v))
    u = 1 / v
    return -(mp.log(v) ** 2) / 2 - mp.re(mp.polylog(2, 1 - u))


@_each
def dawsn(x: float) -> Any:
    """Dawson's integral; beyond 20 by its asymptotic series (DLMF 7.12)."""
    if math.isnan(x) or math.isinf(x):
        return 0.0 if math.isinf(x) else x
    v = mp.mpf(x)
    if abs(v) < 20:
        return mp.sqrt(mp.pi) / 2 * mp.exp(-v * v) * mp.erfi(v)
    total = term = 1 / (2 * v)
    for k in range(1, 40):
        term *= (2 * k - 1) / (2 * v * v)
        total += term
    return total


def _hurwitz_positive(s: Any, q: Any) -> Any:
    """Euler-Maclaurin relative to the first term: mpmath's own error is absolute."""
    total = mp.fsum((1 + k / q) ** -s for k in range(30))
    w = q + 30
    power = (w / q) ** -s
    if power > 1e-35 * total:
        total += power * (w / (s - 1) + mp.mpf(1) / 2)
        t = power * s / w
        for j in range(1, 25):
            term = mp.bernoulli(2 * j) / mp.factorial(2 * j) * t
            total += term
            t *= (s + 2 * j - 1) * (s + 2 * j) / (w * w)
            if abs(term) < 1e-30 * total:
                break
    return total * q**-s


def _hurwitz(s: float, q: float) -> Any:
    """sum (q + k)^-s; q < 0 by the terms up to a positive argument."""
    if q > 0:
        return _hurwitz_positive(mp.mpf(s), mp.mpf(q))
    if s != math.floor(s) or q < -1e4:
        return mp.nan
    steps = math.floor(-q) + 1
    low = mp.mpf(q)
    positive = _hurwitz_positive(mp.mpf(s), low + steps)
    return positive + mp.fsum((low + k) ** -int(s) for k in range(steps))


@_each
def zeta(s: float, q: float) -> Any:
    """Hurwitz zeta with TensorFlow's values where it diverges."""
    if s == 1:
        return math.inf
    if math.isnan(s) or math.isnan(q) or s < 1:
        return math.nan
    if math.isinf(s):
        return math.inf if q < 1 else float(q == 1)
    if q <= 0 and (math.isinf(q) or _whole(q)):
        return math.inf if _whole(s / 2) else math.nan
    if q == math.inf:
        return 0.0
    if s > 1e4:  # the first term is all
        return mp.mpf(q) ** -mp.mpf(s) if q > 0 else math.nan
    return _hurwitz(s, q)


@_each
def polygamma(n: float, x: float) -> Any:
    """The n-th derivative of digamma."""
    if math.isnan(n) or math.isnan(x) or n < 0 or not _whole(n):
        return math.nan
    if n == 0:
        if x == -math.inf or (x <= 0 and _whole(x)):
            return math.nan
        return x if x == math.inf else mp.digamma(mp.mpf(x))
    sign = 1 if n % 2 else -1
    if x == math.inf:
        return 0.0 * sign
    if x <= 0 and (math.isinf(x) or _whole(x)):
        return math.inf if _whole((n + 1) / 2) else math.nan
    return sign * mp.factorial(n) * _hurwitz(n + 1, x)


def igamma(a: np.ndarray, x: np.ndarray) -> np.ndarray:
    """P(a, x); TensorFlow's 0 at x = 0 and at a = inf, NaN outside a > 0, x >= 0."""
    inside = (a > 0) & (x >= 0)
    p = np.where(inside, special.gammainc(a, x), np.nan)
    p = np.where(inside & (a < 1e-290), 1.0, p)  # NaN in SciPy
    p = np.where(np.isinf(a) & inside, 0.0, p)
    return np.where(x == 0, 0.0, p)


def igammac(a: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Q(a, x); TensorFlow's 0 where both are infinite, NaN outside a > 0, x >= 0."""
    q = np.where((a > 0) & (x >= 0), special.gammaincc(a, x), np.nan)
    q = np.where((a > 0) & (a < 1e-290) & (x > 0), a * special.exp1(x), q)
    q = np.where(np.isinf(a) & (x >= 0) & (a > 0), 1.0, q)
    return np.where(np.isinf(a) & (a > 0) & (x == np.inf), 0.0, q)


def betainc(a: np.ndarray, b: np.ndarray, x: np.ndarray) -> np.ndarray:
    """I_x(a, b); NaN as in TensorFlow, which looks at x = 0 and 1 before NaN and inf in a, b."""
    value = np.where((x > 0) & (x < 1), special.betainc(a, b, x), np.nan)
    value = np.where(np.isinf(a) | np.isinf(b), np.nan, value)
    value = np.where((x == 0) | (x == 1), x, value)
    return np.where((a <= 0) | (b <= 0), np.nan, value)
