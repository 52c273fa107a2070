"""Writes pieces_tables.h: what the float32 special functions evaluate in float32.

A function is cut into 16 pieces (8 for shorter registers), each with a polynomial in the distance
from the piece's centre. Fits are least squares with weights moved towards the worst points
(Lawson's iteration, near minimax), of the error relative to the result; coefficients are rounded
to float one at a time, lowest first, the rest fitted again. Centres are floats at which the value
is almost a float itself, or is zero, so that the leading coefficient is exact.

Run: python fit_pieces.py > pieces_tables.h  (takes a minute). Needs mpmath and NumPy.
"""

import sys
from itertools import pairwise

import mpmath as mp
import numpy as np
from fit import Fn, Memo

mp.mp.dps = 30
OUT: list[str] = []
WANTED = 2e-8
"""Relative error of a fit: a third of an ULP at most."""


def single(x: mp.mpf | float) -> float:
    """x rounded to float."""
    return float(np.float32(float(x)))


def near_minimax(t: np.ndarray, f: np.ndarray, w: np.ndarray, skip: int, count: int) -> np.ndarray:
    """Coefficients of t^skip, ... whose worst weighted error is nearly least."""
    h = np.abs(t).max()
    basis = (t / h)[:, None] ** np.arange(skip, skip + count)
    lawson = np.ones_like(t)
    c = np.zeros(count)
    for _ in range(30):
        root = np.sqrt(lawson) * w
        c = np.linalg.lstsq(basis * root[:, None], f * root, rcond=None)[0]
        error = np.abs((basis @ c - f) * w)
        if not error.any():
            break
        lawson *= error / error.max() + 1e-3
        lawson /= lawson.sum()
    return c / h ** np.arange(skip, skip + count)


def fit(f: Fn, lo: float, hi: float, centre: float, degree: int, floor: float) -> tuple:
    """Coefficients rounded to float and the worst error, relative to max(|f|, floor)."""
    half, mid = (hi - lo) / 2, (hi + lo) / 2
    xs = [mid + half * float(mp.cos(mp.pi * i / 60)) for i in range(61)]
    t = np.array([x - centre for x in xs])
    values = np.array([float(f(mp.mpf(x))) for x in xs])
    w = 1 / np.maximum(np.abs(values), floor)
    rest, done = values.copy(), []
    while len(done) <= degree:
        k = len(done)
        # The leading coefficient is the value at the centre.
        c = f(mp.mpf(centre)) if k == 0 else near_minimax(t, rest, w, k, degree + 1 - k)[0]
        done.append(single(c))
        rest = rest - done[-1] * t**k
    return done, float(np.abs(rest * w).max())


def good_centre(f: Fn, lo: float, hi: float) -> float:
    """A float near the middle of the piece where f is almost a float."""
    mid, half = (lo + hi) / 2, (hi - lo) / 2
    best = (mp.inf, mid)
    for i in range(200):
        c = single(mid + half * (i - 100) / 4000)
        y = f(mp.mpf(c))
        best = min(best, (abs(y - single(y)) / abs(y), c))
    return best[1]


def split(name: str, x: mp.mpf) -> None:
    """x in two parts and 1 / x."""
    parts = (x, x - single(x), 1 / x)
    array(name, [single(p) for p in parts])


def literal(x: float) -> str:
    """A float in C++."""
    if x == int(x) and abs(x) < 100:
        return f"{int(x)}"
    sign, digits = ("-", x.hex()[1:]) if x < 0 else ("", x.hex())
    mantissa, exponent = digits.split("p")
    return f"{sign}{mantissa[:10]}p{exponent}f"


def array(name: str, c: list) -> None:
    """One polynomial, lowest coefficient first."""
    OUT.append(f"constexpr float {name}[] = {{{', '.join(map(literal, c))}}};")


def one_row(name: str, line: list) -> None:
    """A table of one row."""
    values = ", ".join(map(literal, line))
    OUT.append(f"alignas(64) constexpr float {name}[1][{len(line)}] = {{{{{values}}}}};")


def polynomial(
    name: str, f: Fn, lo: float, hi: float, scale: Fn | None = None, wanted: float = WANTED
) -> None:
    """A polynomial on [lo, hi] in the argument itself; its error counts relative to `scale`."""
    memo = Memo(f)
    for degree in range(1, 16):
        half, mid = (hi - lo) / 2, (hi + lo) / 2
        t = np.array([mid + half * float(mp.cos(mp.pi * i / 60)) for i in range(61)])
        values = np.array([float(memo(mp.mpf(x))) for x in t])
        w = 1 / np.abs(values if scale is None else [float(scale(mp.mpf(x))) for x in t])
        rest, done = values.copy(), []
        while len(done) <= degree:
            k = len(done)
            done.append(single(near_minimax(t, rest, w, k, degree + 1 - k)[0]))
            rest = rest - done[-1] * t**k
        error = float(np.abs(rest * w).max())
        if error < wanted:
            OUT.append(f"// {name[1:]}: error {error:.1e}.")
            array(name, done)
            return
    raise SystemExit(f"no fit for {name}: {error}")


def pieces(
    name: str,
    parts: list,
    first: int,
    floor: float = 0,
    wanted: float = WANTED,
    centred: bool = True,
    rounded: bool = True,
) -> None:
    """Rows of centres, if centred, and coefficients; parts (f, lo, hi, centre) go to columns
    first, ..."""
    count = len(parts)
    made = []
    for f, lo, hi, centre in parts:
        memo = Memo(f)
        if centre is None:
            centre = good_centre(memo, lo, hi)
        made.append((memo, lo, hi, single(centre) if rounded else centre))
    for degree in range(3, 14):
        fits = [fit(f, lo, hi, c, degree, floor) for f, lo, hi, c in made]
        worst = max(error for _, error in fits)
        print(name, degree, worst, [f"{e:.1e}" for _, e in fits], file=sys.stderr, flush=True)
        if worst < wanted:
            break
    else:
        raise SystemExit(f"no fit for {name}: {worst}")
    OUT.append(f"// {name[1:]}: relative error {worst:.1e}.")
    rows = range(0 if centred else 1, degree + 2)
    OUT.append(f"alignas(64) constexpr float {name}[{len(rows)}][{count}] = {{")
    for row in rows:
        line = [0.0] * count
        for i, (_, _, _, c) in enumerate(made):
            line[(first + i) % count] = single(c) if row == 0 else fits[i][0][row - 1]
        OUT.append("    {" + ", ".join(map(literal, line)) + "},")
    OUT.append("};")


def even_cuts(count: int, scale: float) -> list:
    """Where the pieces of EvenPieces begin and end."""
    per = 2 if count == 16 else 1
    bits = [((192 * per + i) * 2**24 // per + 2) // 3 for i in range(count + 1)]
    return [(float(np.int32(b).view(np.float32)) - 2) * scale for b in bits]


def even_pieces(name: str, f: Fn, scale: float, wanted16: float, wanted8: float) -> None:
    """f(a) at even steps of a logarithm of a / scale + 2, from 0 to 83 scale."""
    for count, wanted in ((16, wanted16), (8, wanted8)):
        parts: list = [(f, lo, hi, None) for lo, hi in pairwise(even_cuts(count, scale))]
        pieces(f"{name}{count}", parts, 192 * (2 if count == 16 else 1) % count, wanted=wanted)


LOG2_E = single(1 / mp.log(2))


def roots_shift() -> float:
    """The exponent below 1/8 for which all 2^(k / 8 + shift) are nearest to floats."""
    shifts = np.arange(1, 400000) / 400000 / 8
    roots = 2.0 ** (shifts[:, None] + np.arange(8) / 8)
    error = np.abs(roots.astype(np.float32) / roots - 1).max(axis=1)
    return float(shifts[error.argmin()])


ROOTS_SHIFT = roots_shift()


def power(a: mp.mpf) -> mp.mpf:
    """2^(LOG2_E a + ROOTS_SHIFT), which TimesPower multiplies by: about exp(a)."""
    return mp.power(2, LOG2_E * mp.mpf(a) + ROOTS_SHIFT)


def power_table() -> None:
    """2^(r / 8) = 1 + r Eighth(r), |r| <= 1/2."""

    def eighth(r: mp.mpf) -> mp.mpf:
        return (mp.power(2, r / 8) - 1) / r if abs(r) > 1e-9 else mp.log(2) / 8

    roots = (2.0 ** (ROOTS_SHIFT + np.arange(8) / 8)).astype(np.float32)
    row = (roots.view(np.int32) - (np.arange(8, dtype=np.int32) << 20)).view(np.float32)
    OUT.append("// 2^(k / 8 + shift), less what k adds to their exponent: all almost floats.")
    for count in (8, 16):
        one_row(f"kPowerRoots{count}", np.resize(row, count).tolist())
    step = 1 / (8 * mp.mpf(LOG2_E))
    high = mp.mpf(int(step * 2**15)) / 2**15
    OUT.append("// 1 / (8 LOG2_E): 12 bits and the rest.")
    array("kPowerStep", [single(high), single(step - high)])
    for name, wanted in (("kEighth", 4e-8), ("kEighthLong", 1e-8)):
        polynomial(name, eighth, -0.501, 0.501, lambda r: 1 / max(abs(r), mp.mpf("0.1")), wanted)


def log_tables() -> None:
    """log(1 + m) = m - m^2 / 2 + m^3 Log1p(m)."""

    def log1p(m: mp.mpf) -> mp.mpf:
        return (mp.log1p(m) - m + m * m / 2) / m**3 if abs(m) > 1e-9 else mp.mpf(1) / 3

    polynomial("kLog1p", log1p, -0.25, 0.5, lambda m: 1 / max(abs(m), 0.01) ** 2 / 1.2)


def modified_bessel_tables() -> None:
    """Modified Bessel functions times exp(-x) or exp(x), or over power(x) or power(-x)."""
    # I_0, I_1 / x, unscaled times 2^(6 + 6 order); beyond the pieces exp(-x) I sqrt(x) in 1 / x.
    for order in (0, 1):

        def i_scaled(x: mp.mpf, order: int = order) -> mp.mpf:
            if x == 0:
                return mp.mpf(1) / (1 + order)
            return mp.besseli(order, x) * mp.exp(-x) / x**order

        def i_plain(x: mp.mpf, order: int = order, f: Fn = i_scaled) -> mp.mpf:
            return f(x) * mp.exp(x) / power(x) * 2 ** (6 * (order + 1))

        def i_far(v: mp.mpf, order: int = order) -> mp.mpf:
            v = max(v, mp.mpf(1e-9))
            return mp.besseli(order, 1 / v) * mp.exp(-1 / v) / mp.sqrt(v)

        even_pieces(f"kI{order}Scaled", i_scaled, 1.13, 3e-8, 5.5e-8)
        even_pieces(f"kI{order}", i_plain, 1.13, 3e-8, 4e-8)
        polynomial(f"kI{order}Far", i_far, 0, 1 / 94, wanted=6e-8)

    # K_0 sqrt(x) and K_1 x, times exp(x) or 1 / power(-x), in w = sqrt(x), cut at octaves (pairs of
    # octaves) of x from 2^-9 to 2^7; K_1's first piece begins at 0. Beyond, both times
    # exp(x) sqrt(x) in 1 / x.
    for order in (0, 1):

        def k_scaled(w: mp.mpf, order: int = order) -> mp.mpf:
            w = max(w, mp.mpf("1e-6"))
            return mp.besselk(order, w * w) * mp.exp(w * w) * w ** (order + 1)

        def k_plain(w: mp.mpf, f: Fn = k_scaled) -> mp.mpf:
            return f(w) / power(-w * w) / mp.exp(w * w)

        def k_far(v: mp.mpf, order: int = order) -> mp.mpf:
            v = max(v, mp.mpf(1e-9))
            return mp.besselk(order, 1 / v) * mp.exp(1 / v) / mp.sqrt(v)

        for count, octaves in ((16, 1), (8, 2)):
            cuts = [2.0 ** ((i * octaves - 9) / 2) for i in range(count + 1)]
            if order == 1:
                cuts[0] = 0.0
            parts = [(k_scaled, lo, hi, None) for lo, hi in pairwise(cuts)]
            pieces(f"kK{order}Scaled{count}", parts, 118 // octaves % count, wanted=2.2e-8)
            plain = [(k_plain, *part[1:]) for part in parts]
            wanted = 2.2e-8 if order else 1e-8  # 4 ULP are nearly used up by roundings
            pieces(f"kK{order}{count}", plain, 118 // octaves % count, wanted=wanted)
        polynomial(f"kK{order}Far", k_far, 0, 1 / 128, wanted=6e-8)

    # For x < 2^-9, z = x^2 (DLMF 10.31): K_0 = K0Small - log(x) I0Small.
    def i0(z: mp.mpf) -> mp.mpf:
        return mp.besseli(0, mp.sqrt(z))

    def k0(z: mp.mpf) -> mp.mpf:
        z = max(z, mp.mpf(1e-20))
        return mp.besselk(0, mp.sqrt(z)) + mp.log(z) / 2 * i0(z)

    polynomial("kI0Small", i0, 0, 2.0**-18)
    polynomial("kK0Small", k0, 0, 2.0**-18, lambda z: mp.mpf(1))


def step_pieces(name: str, f: Fn, zeros: list, lo: float, hi: float, steps: dict) -> None:
    """f on [lo, hi] around multiples of a step less a shift; pieces that hold a zero have it as
    centre. steps: for each number of pieces steps between the zeros, and the first's piece."""
    for count, (between, first) in steps.items():
        step = single((zeros[1] - zeros[0]) / between)
        shift = single(max(first - zeros[0] / step, mp.mpf("-0.49") if lo == 0 else -mp.inf))
        parts: list = []
        for k in range(count):
            left = max((k - 0.5 - shift) * step, lo - 0.01 if lo else 0.0)
            right = max(min((k + 0.5 - shift) * step, hi + 0.01), left + 0.01)
            inside = [z for z in zeros if left < z < right]
            centre = inside[0] if inside else 0.0 if left == 0 else None
            parts.append((f, left, right, centre))
        assert (-0.5 - shift) * step <= lo, (name, count)
        assert (count - 0.5 - shift) * step > hi, (name, count)
        OUT.append(f"constexpr float k{name}Scale{count} = {literal(single(1 / step))};")
        OUT.append(f"constexpr float k{name}Shift{count} = {literal(shift)};")
        pieces(f"k{name}{count}", parts, 0, floor=0.02, wanted=4e-8)


def bessel_tables() -> None:
    """J and Y of orders 0 and 1: pieces in the middle, modulus and phase beyond."""
    for order, low, top in ((0, 1.45, 7.4), (1, 1.25, 7.4)):
        zeros = [mp.besseljzero(order, k) for k in (1, 2)]
        steps = {16: (6, 5 + 2 * order), 8: (3, 2 + order)}
        step_pieces(f"J{order}", lambda x, n=order: mp.besselj(n, x), zeros, 0, top, steps)
        zeros = [mp.besselyzero(order, k) for k in (2 - order, 3 - order)]
        steps = {16: (8, 6 - 4 * order), 8: (4, 3 - 2 * order)}
        step_pieces(f"Y{order}", lambda x, n=order: mp.bessely(n, x), zeros, low, top, steps)

    OUT.append(
        "// Below: Y_0 = 2 / pi log(x / x0) J0Small + (z - x0^2) Y0Small, z = x^2, x0 its zero;"
    )
    OUT.append("// Y_1 = x (log(x) J1Small + Y1Small) - 2 / (pi x).")
    x0 = mp.besselyzero(0, 1)
    split("kY0Zero", x0)
    two_pi = 2 / mp.pi

    def y0(z: mp.mpf) -> mp.mpf:
        z = max(z, mp.mpf(1e-20))
        z += mp.mpf(1e-12) if abs(z - x0 * x0) < 1e-12 else 0
        x = mp.sqrt(z)
        rest = mp.bessely(0, x) - two_pi * mp.log(x / x0) * mp.besselj(0, x)
        return rest / (z - x0 * x0)

    def j(order: int, z: mp.mpf) -> mp.mpf:
        x = mp.sqrt(z)
        return mp.besselj(order, x) / x**order if z else mp.mpf(1) / (1 + order)

    def y1(z: mp.mpf) -> mp.mpf:
        x = mp.sqrt(max(z, mp.mpf(1e-12)))
        return (mp.bessely(1, x) + two_pi / x) / x - two_pi * mp.log(x) * mp.besselj(1, x) / x

    polynomial("kJ0Small", lambda z: two_pi * j(0, z), 0, 2.2, lambda z: mp.mpf(1), 3e-8)
    polynomial("kY0Small", y0, 0, 2.2, wanted=6e-8)
    polynomial("kJ1Small", lambda z: two_pi * j(1, z), 0, 1.6, wanted=6e-8)
    polynomial("kY1Small", y1, 0, 1.6, wanted=6e-8)
    # A scale c with sqrt(2 / (pi c)) almost a float.
    root = [(mp.sqrt(2 / (mp.pi * (1 + k * 2.0**-23))), 1 + k * 2.0**-23) for k in range(20000)]
    scale = min(root, key=lambda r: abs(r[0] - single(r[0])))[1]
    OUT.append("// Modulus and phase beyond: J = sqrt(u) M(w) cos(x - pi/4 - order pi/2 + u T(w)),")
    OUT.append("// u = c / x, w = u^2, c such that M(0) is almost a float (DLMF 10.18).")
    OUT.append(f"constexpr float kScale = {literal(scale)};")
    for order in (0, 1):

        def modulus(w: mp.mpf, order: int = order) -> tuple:
            x = scale / mp.sqrt(max(w, mp.mpf(1e-8)))
            chi = x - mp.pi / 4 - order * mp.pi / 2
            j, y = mp.besselj(order, x), mp.bessely(order, x)
            s = mp.sqrt(x / scale)
            p = s * (j * mp.cos(chi) + y * mp.sin(chi))
            q = s * (y * mp.cos(chi) - j * mp.sin(chi))
            return mp.sqrt(p * p + q * q), mp.atan2(q, p) * x / scale

        polynomial(f"kModulus{order}", lambda w: modulus(w)[0], 0, 1 / 54)
        # A part of the phase of at most 1 / 20.
        polynomial(
            f"kPhase{order}", lambda w: modulus(w)[1], 0, 1 / 54, lambda _: mp.mpf(1), 1.5e-8
        )

    def sine(z: mp.mpf) -> mp.mpf:
        r = mp.sqrt(max(z, mp.mpf(1e-12)))
        return (mp.sin(r) / r - 1) / (r * r)

    OUT.append("// sin(r) = r + r z P(z), z = r^2, |r| <= pi/2 and the phase.")
    polynomial(
        "kSine",
        sine,
        0,
        2.53,
        lambda z: mp.sin(mp.sqrt(z + 1e-12)) / mp.sqrt(z + 1e-12) / (z + mp.mpf("1e-3")),
    )


def normal_tables() -> None:
    """erfinv(x) / x."""

    def ratio(w: mp.mpf) -> mp.mpf:
        with mp.workdps(90):
            if w < mp.mpf("1e-20"):
                return mp.sqrt(mp.pi) / 2
            x = mp.sqrt(-mp.expm1(-w))
            tail = mp.exp(-w) / (1 + x)
            y = mp.sqrt(w) if w > 3 else x
            for _ in range(100):  # Newton on log erfc
                q = mp.erfc(y)
                step = mp.log(q / tail) * q * mp.sqrt(mp.pi) / 2 * mp.exp(y * y)
                y += step
                if abs(step) < mp.mpf("1e-35"):
                    break
            return y / x

    # In u = 1 - x^2 in (2^-8, 1], at halves of its octaves (octaves).
    for count, per in ((16, 2), (8, 1)):
        cuts = [2.0 ** (i // per - 8) * (1 + i % per / per) for i in range(count + 1)]
        near: list = [(lambda u: ratio(-mp.log(u)), lo, hi, None) for lo, hi in pairwise(cuts)]
        pieces(f"kErfinvNear{count}", near, 119 * per % count)

    # In w = -log(1 - x^2), at quarters (halves) of the octaves of w + 8.
    for count, per in ((16, 4), (8, 2)):
        cuts = [8 * (2.0 ** (i // per) * (1 + i % per / per) - 1) for i in range(count)]
        cuts.append(cuts[-1] + 16)
        parts: list = [(ratio, lo, hi, None) for lo, hi in pairwise(cuts)]
        pieces(f"kErfinv{count}", parts, 130 * per % count)


def integral_tables() -> None:
    """Dawson's, the exponential and the Fresnel integrals (DLMF 7.12, 6.12, 7.5)."""

    def dawson(x: mp.mpf) -> mp.mpf:
        with mp.workdps(30 + int(x * x / 2)):
            return mp.sqrt(mp.pi) / 2 * mp.exp(-x * x) * mp.erfi(x) / x if x else mp.mpf(1)

    def dawson_far(v: mp.mpf) -> mp.mpf:
        u = v * v / 2
        return sum(mp.fac2(2 * k - 1) * u**k for k in range(1, 15)) / 2 + mp.mpf("0.5")

    # In z = x^2; beyond 11 times x^2 in 1 / x.
    even_pieces("kDawson", lambda z: dawson(mp.sqrt(z)), 1.6, 5e-8, 5e-8)
    polynomial("kDawsonFar", dawson_far, 0, 1 / 11)

    # 128 Ei(x) / power(x) in w = sqrt(x) from 5/8 on, at halves of the octaves (octaves) of x;
    # w - c = (x - c^2) / (w + c). Below Ei(x) = log(x / x0) + (x - x0) EiSmall(x), x0 its zero.
    def ei(w: mp.mpf) -> mp.mpf:
        return 128 * mp.ei(w * w) / power(w * w)

    for count, per in ((16, 2), (8, 1)):
        cuts = [2.0 ** (i // per - 1) * (1 + i % per / per) for i in range(count + 1)]
        squares = [
            good_centre(lambda x: ei(mp.sqrt(x)), lo, min(hi, 97)) for lo, hi in pairwise(cuts)
        ]
        parts = [
            (ei, lo**0.5, min(hi, 97) ** 0.5, c**0.5)
            for (lo, hi), c in zip(pairwise(cuts), squares, strict=True)
        ]
        first = 126 * per % count
        OUT.append(f"// Squares of the centres of Ei{count}.")
        one_row(f"kEiSquare{count}", squares[-first:] + squares[:-first])
        pieces(f"kEi{count}", parts, first, wanted=5e-8, rounded=False)
    x0 = mp.findroot(mp.ei, 0.3725)
    split("kEiZero", x0)

    def ei_small(x: mp.mpf) -> mp.mpf:
        x = max(x, mp.mpf("1e-15"))
        x += mp.mpf("1e-12") if abs(x - x0) < 1e-12 else 0
        return (mp.ei(x) - mp.log(x / x0)) / (x - x0)

    polynomial("kEiSmall", ei_small, 0, 0.625)

    # C(x) / x and S(x) / x^3 up to 1.6, beyond f and g of DLMF 7.5 over 1 / x and 1 / x^3
    # in 1 / x^2; they are added to 1 / 2.
    for name, f, at_zero in (
        ("kFresnelCos", lambda x: mp.fresnelc(x) / x, mp.mpf(1)),
        ("kFresnelSin", lambda x: mp.fresnels(x) / x**3, mp.pi / 6),
    ):
        for count in (16, 8):
            step = single(1.6 / (count - 1))
            parts = [
                (
                    lambda x, f=f, z=at_zero: f(x) if x > 1e-6 else z,
                    max(k - 0.5, 0) * step,
                    min(k + 0.5, count - 1) * step + 0.001,
                    None,
                )
                for k in range(count)
            ]
            OUT.append(f"constexpr float {name}Scale{count} = {literal(single(1 / step))};")
            OUT.append(f"constexpr float {name}Shift{count} = 0;")
            pieces(f"{name}{count}", parts, 0)

    def auxiliary(u: mp.mpf) -> tuple:
        x = 1 / mp.sqrt(max(u, mp.mpf("1e-6")))
        with mp.workdps(60):
            s, c, a = mp.mpf(0.5) - mp.fresnels(x), mp.mpf(0.5) - mp.fresnelc(x), mp.pi * x * x / 2
            f = s * mp.cos(a) - c * mp.sin(a)
            g = c * mp.cos(a) + s * mp.sin(a)
            return f * x, g * x**3

    top = 1.6**-2
    polynomial("kFresnelF", lambda u: auxiliary(u)[0], 0, top, lambda u: mp.mpf("0.318"), 6e-8)
    polynomial("kFresnelG", lambda u: auxiliary(u)[1], 0, top, lambda u: mp.mpf("0.101"), 7e-7)

    def sine(z: mp.mpf) -> mp.mpf:
        r = mp.sqrt(max(z, mp.mpf("1e-20")))
        return mp.sin(mp.pi * r) / r

    OUT.append("// sin(pi r) / r in r^2, |r| <= 1/2.")
    polynomial("kSinPi", sine, 0, 0.25, wanted=4e-8)


def header(name: str, script: str) -> None:
    """Prints all that was fitted as name_tables.h."""
    guard = f"OPKIT_MATH_SPECIAL_{name.upper()}_TABLES_H_"
    print(f"// Written by {script}; do not edit.\n// clang-format off")
    print(f"#ifndef {guard}\n#define {guard}\n\nnamespace opkit::pieces {{")
    print("\n".join(OUT))
    print(f"\n}}  // namespace opkit::pieces\n\n#endif  // {guard}")


def main() -> None:
    """Prints the header."""
    wanted = sys.argv[1:]
    for name, make in (
        ("power", power_table),
        ("log", log_tables),
        ("modified-bessel", modified_bessel_tables),
        ("bessel", bessel_tables),
        ("normal", normal_tables),
        ("integrals", integral_tables),
    ):
        if wanted and name not in wanted:
            continue
        OUT.append(f"\n// {make.__doc__}")
        make()
    header("pieces", "fit_pieces.py")


if __name__ == "__main__":
    main()
