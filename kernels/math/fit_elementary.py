"""Writes elementary_pieces.h: tables and polynomials of float32 logarithms and of erfc.

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


ERFC_SHIFT = 2.0  # spreads the coefficients' decay well
ERFC_END = 10.19  # erfc rounds to 0 from here on


def erfc_pieces(bits: int, count: int) -> tuple[list[list[float]], float]:
    """Rows of c and of `count` coefficients of exp(a^2) erfc(a) in (a - c) / (a + ERFC_SHIFT).

    The pieces are entered by the `bits` lowest exponent and highest mantissa bits of a + 1; two of
    them of the exponent. Each c is one near the middle at which the function is nearly a float, the
    coefficient of power 0. Also returns the worst error, relative to the function.
    """
    pieces = 1 << bits
    per = pieces // 4
    columns: list[list[float]] = [[]] * pieces
    worst = 0.0
    for i in range(pieces):
        low = 2.0 ** (i // per) * (1 + (i % per) / per) - 1
        high = 2.0 ** (i // per) * (1 + (i % per + 1) / per) - 1
        if low < ERFC_END:
            middle = 2 / (1 / (low + ERFC_SHIFT) + 1 / (high + ERFC_SHIFT)) - ERFC_SHIFT
            near = np.float32(middle) + np.arange(-500, 501) * np.spacing(np.float32(middle))
            value = erfcx(near.astype(float))
            best = np.argmin(np.abs(value.astype(np.float32) / value - 1))
            c, first = float(near[best]), float(np.float32(value[best]))

            def argument(t: np.ndarray, c: float = c) -> np.ndarray:
                return (c + ERFC_SHIFT * t) / (1 - t)

            def rest(t: np.ndarray, first: float = first, at: Fn = argument) -> np.ndarray:
                return (erfcx(at(t)) - first) / t

            def weight(t: np.ndarray, at: Fn = argument) -> np.ndarray:
                return np.abs(t) / erfcx(at(t))

            ends = [(v - c) / (v + ERFC_SHIFT) for v in (low, min(high, ERFC_END))]
            coefficients, error = fit(rest, weight, *ends, count - 1)
            worst = max(worst, error)
            column = [c, first, *coefficients]
        # a + 1 = 1 has the exponent 127, whose two lowest bits are 3.
        columns[(i + 3 * per) % pieces] = column
    return [list(row) for row in zip(*columns, strict=True)], worst


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
        print(f"// of exp(a^2) erfc(a), relative error 2^{np.log2(worst):.1f}.")
        print(f"alignas(64) constexpr float kErfc{1 << bits}[{count + 1}][{1 << bits}] = {{")
        for row in rows:
            print("    {" + ",\n     ".join(text(v) for v in row) + "},")
        print("};\n")
    print(f"constexpr float kErfcShift = {text(ERFC_SHIFT)};\n")
    print("}  // namespace opkit::tables\n\n#endif  // OPKIT_MATH_ELEMENTARY_PIECES_H_")


if __name__ == "__main__":
    main()
