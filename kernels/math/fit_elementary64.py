"""Writes elementary64_tables.h: the polynomials of the float64 elementary functions.

Each is a least-squares fit on points as dense at the ends as Chebyshev's, which is within a small
factor of minimax, in multiple precision; the weight makes the error that of the final result
relative to its size. The coefficients are then rounded to double, lowest first, each time fitting
the rest again. The bits printed are of the worst error with rounded coefficients.

Run: python fit_elementary64.py > elementary64_tables.h  (takes minutes). Needs mpmath only.
"""

from collections.abc import Callable

import mpmath as mp

mp.mp.dps = 80
Fn = Callable[[mp.mpf], mp.mpf]


def evaluate(c: list, t: mp.mpf) -> mp.mpf:
    """Horner, lowest coefficient first."""
    r = mp.mpf(0)
    for v in reversed(c):
        r = r * t + v
    return r


def grid(lo: mp.mpf, hi: mp.mpf, count: int) -> list:
    """Points of [lo, hi], dense at both ends."""
    mid, half = (lo + hi) / 2, (hi - lo) / 2
    return [mid - half * mp.cos(mp.pi * i / (count - 1)) for i in range(count)]


def least_squares(ts: list, fs: list, ws: list, skip: int, count: int) -> list:
    """Coefficients of t^skip, ... with the least sum of ((f - p) w)^2 over the grid."""
    sums = mp.matrix(count, count)
    rhs = mp.matrix(count, 1)
    powers = [
        mp.fsum(w * w * t ** (2 * skip + k) for t, w in zip(ts, ws, strict=True))
        for k in range(2 * count - 1)
    ]
    for i in range(count):
        rhs[i] = mp.fsum(f * w * w * t ** (skip + i) for t, f, w in zip(ts, fs, ws, strict=True))
        for j in range(count):
            sums[i, j] = powers[i + j]
    solution = mp.lu_solve(sums, rhs)
    return [solution[j] for j in range(count)]


def fit(f: Fn, weight: Fn, lo: float, hi: float, count: int) -> tuple[list, mp.mpf]:
    """`count` coefficients rounded to double, and the worst weighted error with them."""
    ts = grid(mp.mpf(lo), mp.mpf(hi), 20 * count)
    fs, ws = [f(t) for t in ts], [weight(t) for t in ts]
    done: list = []
    rest = list(fs)
    while len(done) < count:
        done.append(mp.mpf(float(least_squares(ts, rest, ws, len(done), count - len(done))[0])))
        rest = [r - done[-1] * t ** (len(done) - 1) for r, t in zip(rest, ts, strict=True)]
    worst = max(abs((x - evaluate(done, t)) * w) for x, t, w in zip(fs, ts, ws, strict=True))
    return done, worst


def emit(
    name: str, comment: str, f: Fn, weight: Fn, lo: float, hi: float, count: int, mid: float = 0
) -> None:
    """Prints a table in t - mid; f and weight are functions of t in [lo, hi]."""
    coefficients, worst = fit(
        lambda u: f(u + mid), lambda u: weight(u + mid), lo - mid, hi - mid, count
    )
    print(f"\n// {comment}. 2^{float(mp.log(worst, 2)):.1f}.")
    rows = ",\n    ".join(float(v).hex() for v in coefficients)
    print(f"constexpr double {name}[{count}] = {{\n    {rows}}};")


def series(f: Fn, first: list) -> Fn:
    """f away from 0, near 0 the first terms of its series."""
    return lambda t: f(t) if abs(t) > mp.mpf(10) ** -8 else evaluate(first, t)


def root(f: Fn) -> Fn:
    """(f(s) / s - 1) / s^2 as a function of t = s^2."""
    return lambda t: (f(mp.sqrt(t)) / mp.sqrt(t) - 1) / t


def erfcx(a: mp.mpf) -> mp.mpf:
    """exp(a^2) erfc(a)."""
    return mp.exp(a * a) * mp.erfc(a)


# erfc's variable t = K / (a + K); K spreads the coefficients' decay well.
ERFC_K = 4


def main() -> None:
    """Prints the header."""
    print("// Written by fit_elementary64.py; do not edit.")
    print("// Coefficients of the float64 elementary functions, lowest powers first, and the worst")
    print("// error that the fit leaves in the function's result, relative to its size.")
    print("// clang-format off")
    print("#ifndef OPKIT_MATH_ELEMENTARY64_TABLES_H_\n#define OPKIT_MATH_ELEMENTARY64_TABLES_H_\n")
    print("namespace opkit::tables64 {")
    half = mp.mpf("0.3466")
    emit(
        "kExpm1",
        "(expm1(r) - r) / r^2, |r| <= ln(2) / 2",
        series(lambda r: (mp.expm1(r) - r) / r**2, [mp.mpf(1) / 2, mp.mpf(1) / 6]),
        lambda r: r**2 / abs(mp.expm1(r)) if r else mp.mpf(10) ** -9,
        -half,
        half,
        10,
    )
    emit(
        "kLog",
        "(atanh(s) / s - 1) / s^2 * 2 in s^2, |s| <= 3 - sqrt(8)",
        series(lambda t: 2 * root(mp.atanh)(t), [mp.mpf(2) / 3, mp.mpf(2) / 5]),
        lambda t: t / 2,
        0,
        mp.mpf("0.02945"),
        7,
    )
    emit(
        "kAtan",
        "(atan(y) / y - 1) / y^2 in y^2, |y| <= 1/2",
        series(root(mp.atan), [-mp.mpf(1) / 3, mp.mpf(1) / 5]),
        lambda t: t,
        0,
        0.25,
        12,
    )
    emit(
        "kAsin",
        "(asin(s) / s - 1) / s^2 in s^2, |s| <= 1/2",
        series(root(mp.asin), [mp.mpf(1) / 6, mp.mpf(3) / 40]),
        lambda t: t,
        0,
        0.25,
        13,
    )
    emit(
        "kSin",
        "(sin(r) / r - 1) / r^2 in r^2, |r| <= pi/4",
        series(root(mp.sin), [-mp.mpf(1) / 6, mp.mpf(1) / 120]),
        lambda t: t,
        0,
        mp.mpf("0.617"),
        6,
    )
    emit(
        "kCos",
        "(cos(r) - 1 + r^2 / 2) / r^4 in r^2, |r| <= pi/4",
        series(lambda t: (mp.cos(mp.sqrt(t)) - 1 + t / 2) / t**2, [mp.mpf(1) / 24]),
        lambda t: t**2,
        0,
        mp.mpf("0.617"),
        6,
    )
    emit(
        "kTan",
        "(tan(r) / r - 1) / r^2 in r^2, |r| <= pi/4",
        series(root(mp.tan), [mp.mpf(1) / 3, mp.mpf(2) / 15]),
        lambda t: t * mp.sqrt(t) / mp.tan(mp.sqrt(t)) if t else mp.mpf(0) + mp.mpf(10) ** -9,
        0,
        mp.mpf("0.617"),
        15,
    )
    emit(
        "kErf",
        "(log(erfc(a)) / a + kErf0) in a, 0 <= a <= 5.93",
        series(
            lambda a: mp.log(mp.erfc(a)) / a + mp.mpf(float(2 / mp.sqrt(mp.pi))),
            [mp.mpf(float(2 / mp.sqrt(mp.pi))) - 2 / mp.sqrt(mp.pi), -2 / mp.pi],
        ),
        lambda a: a * mp.erfc(a) / mp.erf(a) if a else mp.sqrt(mp.pi) / 2,
        0,
        mp.mpf("5.93"),
        25,
    )
    print(f"constexpr double kErf0 = {float(2 / mp.sqrt(mp.pi)).hex()};  // 2 / sqrt(pi)")
    k = mp.mpf(ERFC_K)
    emit(
        "kErfc",
        f"exp(a^2) erfc(a) / t in t - 3/8, t = {ERFC_K} / (a + {ERFC_K}), 0 <= a <= 27.4",
        lambda t: erfcx(k / t - k) / t,
        lambda t: t / erfcx(k / t - k),
        k / (mp.mpf("27.4") + k),
        1,
        24,
        0.375,
    )
    print("\n}  // namespace opkit::tables64\n\n#endif  // OPKIT_MATH_ELEMENTARY64_TABLES_H_")


if __name__ == "__main__":
    main()
