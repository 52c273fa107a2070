"""Compares a result with what is wanted: worst error, where it is, and whether it is within bounds.

Errors in ULP are taken against the wanted real number, in units of the result's own dtype at that
number's magnitude (the smallest denormal below the normal range). A value that overflows counts as
the power of two just above the largest finite value.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from opkit.spec import AbsRel, Exact, Steps, Tolerance, Ulp, float_limits, numpy_dtype


@dataclass
class Comparison:
    """One output against what is wanted.

    error: the worst error, in `unit`; infinite where NaN, Inf or the sign of zero disagree.
    bound: what the tolerance allows, in the same unit.
    where: index of the worst element, with the values there; empty when there are no elements.
    reference_error: the reference's own error against the truth, where a truth is known.
    disputed: elements where reference and truth disagree on NaN or Inf and ours follows the truth.
    """

    ok: bool
    error: float
    bound: float
    unit: str
    elements: int = 0
    failing: int = 0
    where: tuple[int, ...] = ()
    got: str = ""
    want: str = ""
    reference_error: float | None = None
    disputed: int = 0
    note: str = ""
    mask: Any = field(default=None, repr=False)  # bool array of failing elements

    def summary(self) -> str:
        """ "got 0.1 want 0.2 at [3]", or the note of a mismatch without a place."""
        if self.note:
            return self.note
        place = "[" + ",".join(str(i) for i in self.where) + "]"
        return f"at {place}: got {self.got}, want {self.want}"


def ulp_error(got: np.ndarray, want: np.ndarray, dtype: str) -> np.ndarray:
    """|got - want| in units in the last place of `dtype` at |want|, float64, same shape.

    Non-finite values that agree give 0, those that do not give inf; an infinite `got` where `want`
    is finite (or the reverse) is taken at the first power of two beyond the dtype's range.
    """
    tiny, normal, largest = float_limits(numpy_dtype(dtype))
    digits = round(np.log2(normal / tiny))
    beyond = 2.0 ** (np.floor(np.log2(largest)) + 1) if dtype != "float64" else np.inf
    g, w = got.astype(np.float64), want.astype(np.float64)
    with np.errstate(all="ignore"):
        exponent = np.floor(np.log2(np.clip(np.abs(w), normal, largest)))
        unit = np.exp2(exponent - digits)
        g_at = np.where(np.isinf(g) & np.isfinite(w), np.copysign(beyond, g), g)
        w_at = np.where(np.isinf(w) & np.isfinite(g), np.copysign(beyond, w), w)
        error = np.abs(g_at - w_at) / unit
    same = (np.isnan(g) & np.isnan(w)) | (g == w)
    error = np.where(same, 0.0, error)
    return np.where(np.isnan(error), np.inf, error)


def _parts(x: np.ndarray) -> np.ndarray:
    """Complex as float with a last axis of 2; others unchanged."""
    if x.dtype.kind != "c":
        return x
    return np.stack([x.real, x.imag], axis=-1)


def _show(x: Any) -> str:
    if isinstance(x, bytes):
        return repr(x if len(x) <= 60 else x[:57] + b"...")
    return str(x) if np.asarray(x).dtype.kind in "iub" else f"{x:.9g}"


def _worst(error: np.ndarray) -> tuple[int, ...]:
    if error.size == 0:
        return ()
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(error)), error.shape))


def _finish(
    error: np.ndarray, bad: np.ndarray, bound: float, unit: str, got: Any, want: Any
) -> Comparison:
    ranked = np.where(bad, np.where(np.isfinite(error), error + 1e300, np.inf), error)
    at = _worst(ranked)
    failing = int(np.count_nonzero(bad))
    shown_got = _show(got[at]) if error.size else ""
    shown_want = _show(want[at]) if error.size else ""
    worst = float(error[at]) if error.size else 0.0
    return Comparison(
        failing == 0,
        worst,
        bound,
        unit,
        int(error.size),
        failing,
        at,
        shown_got,
        shown_want,
        mask=bad,
    )


def _exact(got: np.ndarray, want: np.ndarray, tolerance: Exact) -> Comparison:
    if got.dtype == object:
        pairs = zip(got.ravel(), want.ravel(), strict=True)
        flat = np.array([bytes(g) != bytes(w) for g, w in pairs], dtype=bool)
        bad: Any = flat.reshape(got.shape)
    elif got.dtype.kind in "iub" and got.dtype.name != "bfloat16":
        bad = np.asarray(got != want)
    else:
        g, w = _parts(got), _parts(want)
        bad = np.asarray(~((g == w) & (np.signbit(g) == np.signbit(w)) | (g != g) & (w != w)))
        if got.dtype.kind == "c":
            bad = bad.any(axis=-1)
    result = _finish(bad.astype(np.float64), bad, 0.0, tolerance.unit, got, want)
    result.error = float(result.failing)
    return result


def _steps(got: np.ndarray, want: np.ndarray, tolerance: Steps) -> Comparison:
    error = np.abs(got.astype(np.int64) - want.astype(np.int64)).astype(np.float64)
    return _finish(error, error > tolerance.n, tolerance.n, tolerance.unit, got, want)


def _absrel(got: np.ndarray, want: np.ndarray, tolerance: AbsRel) -> Comparison:
    wide = np.complex128 if got.dtype.kind == "c" else np.float64
    g, w = got.astype(wide), want.astype(wide)
    size = np.abs(w)
    if tolerance.scale:
        finite = size[np.isfinite(size)]
        size = np.full_like(size, finite.max() if finite.size else 0.0)
    with np.errstate(all="ignore"):
        allowed = tolerance.atol + tolerance.rtol * size
        error = np.abs(g - w) / np.where(allowed > 0, allowed, np.finfo(np.float64).tiny)
    same = (g == w) | ((g != g) & (w != w))
    error = np.where(same, 0.0, np.where(np.isnan(error), np.inf, error))
    error = np.where(np.isfinite(g) == np.isfinite(w), error, np.inf)
    return _finish(error, error > 1.0, 1.0, tolerance.unit, got, want)


def _classes_agree(got: np.ndarray, want: np.ndarray) -> np.ndarray:
    """Whether NaN meets NaN, Inf the same Inf, and finite finite."""
    nan = (got != got) | (want != want)
    inf = np.isinf(got) | np.isinf(want)
    return np.where(nan, (got != got) & (want != want), ~inf | (got == want))


def _ulp(
    got: np.ndarray,
    want: np.ndarray,
    tolerance: Ulp,
    dtype: str,
    truth: np.ndarray | None,
    known: np.ndarray,
    loose: np.ndarray,
    also: np.ndarray | None,
) -> Comparison:
    target = truth if truth is not None else want
    g, w, t = got.astype(np.float64), want.astype(np.float64), target.astype(np.float64)
    error = ulp_error(got, t, dtype)
    _, normal, largest = float_limits(numpy_dtype(dtype))

    def within(e: np.ndarray, base: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            absolute = np.abs(g - base)
        near = absolute <= tolerance.floor
        # results below the normal range: flushing to zero, as TensorFlow does, is allowed
        flushed = (np.abs(base) < normal) & (absolute <= normal)
        return (e <= tolerance.n) | near | flushed

    ok = within(error, t)
    if truth is not None:
        # The reference decides NaN and Inf, unless it fails where the truth is an ordinary number.
        finite_truth = np.isfinite(t) & (np.abs(t) <= largest)
        wrong = ~np.isfinite(w) & finite_truth
        at_limit = np.abs(t) > largest * (1 - 1e-5)  # the last values before overflow
        decided = _classes_agree(g, w) | wrong | known | (at_limit & np.isfinite(t))
        follows = ~np.isfinite(w) & _classes_agree(g, w) & ~finite_truth & ~known
        ok = np.where(follows, True, ok & decided)
        error = np.where(follows, 0.0, np.where(decided, error, np.inf))
        # Where the truth is NaN or Inf and the reference is a number, that number is wanted.
        number = np.isfinite(w) & ~np.isfinite(t) & ~known
        by_reference = ulp_error(got, w, dtype)
        ok = np.where(number, by_reference <= tolerance.n, ok)
        error = np.where(number, by_reference, error)
        disputed = int(np.count_nonzero(wrong & np.isfinite(g)))
    else:
        disputed = 0
        ok = ok & _classes_agree(g, w) | known
        error = np.where(known, 0.0, error)
    if tolerance.signed_zero:
        zero = (w == 0) & (g == 0) & (t == 0) & ~known
        wrong_sign = zero & (np.signbit(g) != np.signbit(w))
        ok, error = ok & ~wrong_sign, np.where(wrong_sign, np.inf, error)
    # Denormal inputs: the reference flushes them in some kernels and not in others.
    for base in (w, also, t):
        if base is None:
            continue
        other = ulp_error(got, base, dtype)
        accept = loose & ~ok & (within(other, base.astype(np.float64)))
        ok, error = ok | accept, np.where(accept, np.minimum(other, error), error)
    with np.errstate(all="ignore"):
        error = np.where(ok & (np.abs(g - t) <= tolerance.floor), 0.0, error)
    error = np.where(ok & (error > tolerance.n), 0.0, error)
    decides = ~_classes_agree(g, w) | ((w == 0) & (np.signbit(w) != np.signbit(t)))
    result = _finish(error, ~ok, tolerance.n, tolerance.unit, got, np.where(decides, w, t))
    result.disputed = disputed
    if truth is not None:
        own = ulp_error(want, t, dtype)
        own = own[np.isfinite(w) & np.isfinite(t) & (np.abs(t) >= normal) & ~loose]
        result.reference_error = float(own.max()) if own.size else None
    return result


def compare(
    got: np.ndarray,
    want: np.ndarray,
    tolerance: Tolerance,
    dtype: str,
    *,
    truth: np.ndarray | None = None,
    known: np.ndarray | None = None,
    loose: np.ndarray | None = None,
    also: np.ndarray | None = None,
) -> Comparison:
    """Compares one output.

    Args:
      got, want: arrays of the output's dtype (object arrays of bytes for strings).
      tolerance: anything but Custom, which judges all outputs at once.
      dtype: name of the output's dtype; unit of ULP errors.
      truth: float64 of the same shape; the ULP bound is then measured against it.
      known: bool mask of elements where `want` is known to be wrong.
      loose: bool mask of elements computed from denormal inputs; they may follow `want`, `also`
        or the truth.
      also: a second acceptable result for loose elements.
    """
    if got.shape != want.shape:
        note = f"shape {list(got.shape)}, want {list(want.shape)}"
        return Comparison(False, np.inf, 0.0, tolerance.unit, note=note)
    if got.dtype != want.dtype:
        note = f"dtype {got.dtype}, want {want.dtype}"
        return Comparison(False, np.inf, 0.0, tolerance.unit, note=note)
    none = np.zeros(got.shape, dtype=bool)
    known = none if known is None else np.broadcast_to(known, got.shape)
    loose = none if loose is None else np.broadcast_to(loose, got.shape)
    floating = got.dtype.kind in "fc" or got.dtype.name == "bfloat16"
    if isinstance(tolerance, Steps):
        return _steps(got, want, tolerance)
    if isinstance(tolerance, Exact) or not floating:
        return _exact(got, want, Exact())
    if isinstance(tolerance, AbsRel):
        base = want if truth is None else truth.astype(want.dtype)
        return _absrel(got, np.where(known, got, base), tolerance)
    assert isinstance(tolerance, Ulp), f"{tolerance} judges all outputs at once"
    if got.dtype.kind == "c":
        half = "float32" if got.dtype.itemsize == 8 else "float64"
        return _complex(got, want if truth is None else truth, tolerance, half)
    return _ulp(got, want, tolerance, dtype, truth, known, loose, also)


def _complex(got: np.ndarray, want: np.ndarray, tolerance: Ulp, half: str) -> Comparison:
    """|got - want| in ULP of |want|; not finite where that is not, or is beyond the type."""
    g, w = got.astype(np.complex128), want.astype(np.complex128)
    with np.errstate(all="ignore"):
        size = np.abs(w)
        distance = np.abs(g - w)
        error = ulp_error(size + distance, size, half)
        fits = np.isfinite(w.astype(got.dtype))
    tiny, normal, _ = float_limits(numpy_dtype(half))
    del tiny
    exact = (g == w) | ((g != g) & (w != w))
    both = ~np.isfinite(g) & ~fits
    small = (size < normal) & (distance <= normal)
    error = np.where(exact | both | small | (distance <= tolerance.floor), 0.0, error)
    error = np.where(np.isfinite(g) == fits, error, np.inf)
    return _finish(error, error > tolerance.n, tolerance.n, tolerance.unit, got, w)
