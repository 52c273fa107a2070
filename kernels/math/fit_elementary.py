"""Writes elementary_pieces.h: tables and polynomials of float32 logarithms, erfc, asin and acos.

Polynomials are weighted minimax fits (least squares, reweighted by the error until it is level) in
float64, which is far finer than the float32 results. Coefficients are rounded to float lowest
first, each time fitting the rest again.

Run: python fit_elementary.py > elementary_pieces.h. Needs NumPy, SciPy and mpmath.
"""

from __future__ import annotations

from collections.abc import Callable

import mpmath as mp
import numpy as np
from scipy.special import erfcx

Fn = Callable[[np.ndarray], np.ndarray]


def level(t: np.ndarray, f: np.ndarray, w: np.ndarray, powers: range) -> np.ndarray:
    """Coefficients of t^powers that make the greatest |f - p| w least, nearly."""
    basis = np.stack([t**k for k in powers], axis=1)
    scale = np.abs(basis).max(axis=0)
    share = np.ones_like(t)
    best, least = np.zeros(len(powers)), np.inf
    for _ in range(200):
        root = np.sqrt(share) * w
        c = np.linalg.lstsq(basis / scale * root[:, None], f * root, rcond=None)[0] / scale
        error = np.abs((basis @ c - f) * w)
        if error.max() < least:
            best, least = c, error.max()
        share = share * (error + 0.01 * error.max())
        share /= share.mean()
    return best


def fit(f: Fn, weight: Fn, lo: float, hi: float, count: int) -> tuple[list[float], float]:
    """`count` coefficients rounded to float, and the worst weighted error with them."""
    t = (lo + hi) / 2 - (hi - lo) / 2 * np.cos(np.pi * (np.arange(400) + 0.5) / 400)
    rest, w = f(t), weight(t)
    done: list[float] = []
    for k in range(count):
        done.append(float(np.float32(level(t, rest, w, range(k, count))[0])))
        rest = rest - done[-1] * t**k
    return done, float(np.abs(rest * w).max())


def text(v: float) -> str:
    """A float literal."""
    return float(np.float32(v)).hex().replace("0000000p", "p") + "f" if v else "0"


def show(name: str, comment: str, values: list[float], align: bool = False) -> None:
    """Prints an array."""
    print(f"// {comment}")
    rows = ",\n    ".join(text(v) for v in values)
    prefix = "alignas(64) " if align else ""
    print(f"{prefix}constexpr float {name}[{len(values)}] = {{\n    {rows}}};")


def log_pieces(pieces: int, below: float) -> tuple[int, list[float], list[float], float, float]:
    """Reciprocals of a factor of 2 cut in `pieces` equal steps of the bits of floats.

    `below` steps lie below 1, which so is inside of a piece, whose reciprocal is 1. The others have
    12 bits, so that products with half a float are exact, and are those near the middle of their
    piece whose logarithms are nearest to floats. Returns the bits of the first float, the
    reciprocals, minus their logarithms, and the range of x / c - 1.
    """
    step = (1 << 23) // pieces
    first = 0x3F800000 - int(below * step)
    ends = np.arange(first, first + (pieces + 1) * step, step, dtype=np.uint32)
    ends = ends.view(np.float32).astype(float)
    inverse, logs = [], []
    low = high = 0.0
    for i in range(pieces):
        a, b = ends[i], ends[i + 1]
        best = (mp.inf, 1.0, 0.0)
        for n in range(2048, 4096):
            for scale in (2.0**-12, 2.0**-11):
                c = n * scale
                if i == int(below) or abs(c * (a + b) / 2 - 1) * 12 > (b - a) / (a + b):
                    continue
                exact = -mp.log(mp.mpf(c))
                best = min(best, (abs(float(np.float32(float(exact))) - exact), c, float(exact)))
        inverse.append(best[1])
        logs.append(best[2])
        low, high = min(low, a * best[1] - 1), max(high, b * best[1] - 1)
    return first, inverse, logs, low, high


ERFC_FIRST = 0.75  # the pieces are entered by a + ERFC_FIRST
ERFC_SHIFT = 2.0  # spreads the coefficients' decay well
ERFC_END = 10.19  # erfc rounds to 0 from here on
# exp(-a^2) is reduced by the float nearest to ln(2). What that changes, a factor exp(a^2
# LN2_ERROR), is taken from the table.
LN2 = float(np.float32(np.log(2)))
LN2_ERROR = float(1 - LN2 / mp.log(2))


def erfc_scaled(a: np.ndarray) -> np.ndarray:
    """erfc(a) / exp(-a^2), the latter as the kernel computes it."""
    return erfcx(a) * np.exp(a * a * LN2_ERROR)


def erfc_pieces(bits: int, count: int) -> tuple[list[list[float]], float]:
    """Rows of c and of `count` coefficients of erfc_scaled(a) in (a - c) / (a + ERFC_SHIFT).

    The pieces are entered by the `bits` lowest exponent and highest mantissa bits of a +
    ERFC_FIRST; two of them of the exponent. Each c is one near the middle at which the function is
    nearly a float, the coefficient of power 0. Also returns the worst error, relative to the
    function.
    """
    pieces = 1 << bits
    per = pieces // 4
    columns: list[list[float]] = [[]] * pieces
    worst = 0.0
    for i in range(pieces):
        # The exponents are -1 to 2, and ERFC_FIRST is in the middle of the first.
        at = i + per // 2
        low = 2.0 ** (at // per - 1) * (1 + (at % per) / per) - ERFC_FIRST
        high = 2.0 ** (at // per - 1) * (1 + (at % per + 1) / per) - ERFC_FIRST
        if low < ERFC_END:
            middle = 2 / (1 / (low + ERFC_SHIFT) + 1 / (high + ERFC_SHIFT)) - ERFC_SHIFT
            near = np.float32(middle) + np.arange(-500, 501) * np.spacing(np.float32(middle))
            value = erfc_scaled(near.astype(float))
            best = np.argmin(np.abs(value.astype(np.float32) / value - 1))
            c, first = float(near[best]), float(np.float32(value[best]))

            def argument(t: np.ndarray, c: float = c) -> np.ndarray:
                return (c + ERFC_SHIFT * t) / (1 - t)

            def rest(t: np.ndarray, first: float = first, at: Fn = argument) -> np.ndarray:
                return (erfc_scaled(at(t)) - first) / t

            def weight(t: np.ndarray, at: Fn = argument) -> np.ndarray:
                return np.abs(t) / erfc_scaled(at(t))

            ends = [(v - c) / (v + ERFC_SHIFT) for v in (low, min(high, ERFC_END))]
            coefficients, error = fit(rest, weight, *ends, count - 1)
            worst = max(worst, error)
            column = [c, first, *coefficients]
        # The exponent -1 is 126, whose two lowest bits are 2.
        columns[(at + 2 * per) % pieces] = column
    return [list(row) for row in zip(*columns, strict=True)], worst


def acos_root(a: np.ndarray) -> np.ndarray:
    """acos(a) / sqrt(1 - a)."""
    half = (1 - a) / 2
    return np.sqrt(2) * np.where(half > 0, np.arcsin(np.sqrt(half)) / np.sqrt(half + 1e-300), 1)


def asin_rest(z: np.ndarray) -> np.ndarray:
    """(asin(u) / u - 1) / z, z = 4 u^2."""
    u = np.sqrt(z) / 2
    return (np.arcsin(u) / u - 1) / z


def product(value: mp.mpf) -> tuple[float, float]:
    """Two floats whose product is nearest to `value`, of 2000 pairs."""
    best = (mp.inf, 0.0, 0.0)
    for n in range(2000):
        a = float(np.float32(1 + n * 2.0**-11))
        b = float(np.float32(float(value / a)))
        best = min(best, (abs(mp.mpf(a) * mp.mpf(b) - value), a, b))
    return best[1], best[2]


def main() -> None:
    """Prints the header."""
    print("// Written by fit_elementary.py; do not edit.")
    print("// clang-format off")
    print("#ifndef OPKIT_MATH_ELEMENTARY_PIECES_H_\n#define OPKIT_MATH_ELEMENTARY_PIECES_H_\n")
    print("#include <cstdint>\n\nnamespace opkit::tables {\n")
    for pieces, below in ((16, 9 + 1 / 2), (8, 4 + 2 / 3)):
        first, inverse, logs, low, high = log_pieces(pieces, below)
        print(
            f"// The first float of a factor of 2 cut in {pieces} pieces; 1 / c and log(c) of each."
        )
        print(f"constexpr int32_t kLogFirst{pieces} = {first:#x};")
        show(f"kLogInverse{pieces}", "1 / c.", inverse, True)
        show(f"kLogCentre{pieces}", "log(c).", logs, True)

        def tail(r: np.ndarray) -> np.ndarray:
            exact = [(mp.log1p(mp.mpf(v)) - mp.mpf(v)) / mp.mpf(v) ** 2 for v in r]
            return np.array([float(v) for v in exact])

        # Outside of the piece of 1 no logarithm is below `least`.
        least = (below % 1) / pieces / 2

        def weight(r: np.ndarray, least: float = least) -> np.ndarray:
            return r**2 / np.minimum(np.abs(r), least)

        coefficients, worst = fit(tail, weight, low, high, 4)
        show(
            f"kLogTail{pieces}",
            f"(log1p(r) - r) / r^2, {low:.4f} <= r <= {high:.4f}. 2^{np.log2(worst):.1f}.",
            coefficients,
        )
        print()
    for bits, count in ((4, 5), (3, 6)):
        rows, worst = erfc_pieces(bits, count)
        print(
            "// Row 0: c; row j + 1: coefficients of ((a - c) / (a + kErfcShift))^j of the pieces"
        )
        print(f"// of erfc(a) / exp(-a^2), relative error 2^{np.log2(worst):.1f}.")
        print(f"alignas(64) constexpr float kErfc{1 << bits}[{count + 1}][{1 << bits}] = {{")
        for row in rows:
            print("    {" + ",\n     ".join(text(v) for v in row) + "},")
        print("};\n")
    print(f"constexpr float kErfcFirst = {text(ERFC_FIRST)};")
    print(f"constexpr float kErfcShift = {text(ERFC_SHIFT)};")
    print("// ln(2), to whose error the tables of erfc are fit.")
    print(f"constexpr float kErfcLn2 = {text(LN2)};")
    print()
    first = float(np.float32(np.pi / 2))  # exact at 0
    coefficients, worst = fit(
        lambda a: (acos_root(a) - first) / a, lambda a: a / acos_root(a), 0, 1, 7
    )
    show(
        "kAcos",
        f"acos(a) / sqrt(1 - a), 0 <= a <= 1. 2^{np.log2(worst):.1f}.",
        [first, *coefficients],
    )
    coefficients, worst = fit(asin_rest, lambda z: z / (1 + z * asin_rest(z)), 0, 1, 5)
    show(
        "kAsin",
        f"(asin(u) / u - 1) / z in z = 4 u^2, 0 <= z <= 1. 2^{np.log2(worst):.1f}.",
        coefficients,
    )
    print("// Their product is pi / 2, in more digits than a float has.")
    for name, value in zip("AB", product(mp.pi / 2), strict=True):
        print(f"constexpr float kPi2{name} = {text(value)};")
    print()
    print("}  // namespace opkit::tables\n\n#endif  // OPKIT_MATH_ELEMENTARY_PIECES_H_")


if __name__ == "__main__":
    main()
