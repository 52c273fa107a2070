"""Fits of one function each: polynomials and rationals at Chebyshev nodes, as C++ tables.

Every function is sampled with mpmath at Chebyshev nodes and interpolated there, which is within a
small factor of minimax. A polynomial is given in u = t - mid; a rational p/q likewise, found by
solving p(t_i) - f(t_i) q(t_i) = 0 at m + n + 1 nodes with q(0) = 1. For each function the least
degree whose relative error (checked between the nodes, with coefficients rounded to double, in
multiple precision) is below the wanted one is taken: "d" for float64 kernels, "f" for float32
kernels, which run in double lanes and so need about 1e-10 only.
"""

import sys
from collections.abc import Callable

import mpmath as mp

mp.mp.dps = 50
Fn = Callable[[mp.mpf], mp.mpf]
OUT: list[str] = []


def nodes(lo: float, hi: float, count: int) -> list:
    """Chebyshev nodes of the first kind in [lo, hi]."""
    mid, half = (mp.mpf(lo) + hi) / 2, (mp.mpf(hi) - lo) / 2
    return [mid + half * mp.cos(mp.pi * (2 * i + 1) / (2 * count)) for i in range(count)]


def check_points(lo: float, hi: float) -> list:
    """Where the error is measured: dense at both ends."""
    mid, half = (mp.mpf(lo) + hi) / 2, (mp.mpf(hi) - lo) / 2
    return [mid + half * mp.cos(mp.pi * i / 77) * mp.mpf("0.99999999") for i in range(78)]


def poly_fit(f: Fn, lo: float, hi: float, degree: int, mid: mp.mpf) -> list:
    """Coefficients in u = t - mid, lowest first, interpolating f at Chebyshev nodes."""
    xs = nodes(lo, hi, degree + 1)
    coef = [f(x) for x in xs]
    for j in range(1, degree + 1):  # Newton's divided differences
        for i in range(degree, j - 1, -1):
            coef[i] = (coef[i] - coef[i - 1]) / (xs[i] - xs[i - j])
    out = [coef[degree]]
    for k in range(degree - 1, -1, -1):
        shift = xs[k] - mid
        nxt = [coef[k] - shift * out[0]]
        nxt += [out[i - 1] - shift * out[i] for i in range(1, len(out))]
        nxt.append(out[-1])
        out = nxt
    return out


def rational_fit(f: Fn, lo: float, hi: float, m: int, n: int, mid: mp.mpf) -> tuple[list, list]:
    """p of degree m and q of degree n (q[0] = 1) in u = t - mid."""
    xs = nodes(lo, hi, m + n + 1)
    half = (mp.mpf(hi) - lo) / 2
    rows, rhs = [], []
    for x in xs:
        u, y = (x - mid) / half, f(x)
        rows.append([u**i for i in range(m + 1)] + [-y * u**j for j in range(1, n + 1)])
        rhs.append(y)
    sol = mp.lu_solve(mp.matrix(rows), mp.matrix(rhs))
    p = [sol[i] / half**i for i in range(m + 1)]
    q = [mp.mpf(1)] + [sol[m + j] / half**j for j in range(1, n + 1)]
    return p, q


def evaluate(c: list, u: mp.mpf) -> mp.mpf:
    """Horner, lowest coefficient first."""
    r = mp.mpf(0)
    for v in reversed(c):
        r = r * u + v
    return r


def rounded(c: list) -> list:
    """Coefficients as doubles."""
    return [mp.mpf(float(v)) for v in c]


class Memo:
    """f with its values kept."""

    def __init__(self, f: Fn) -> None:
        self.f, self.seen = f, {}

    def __call__(self, x: mp.mpf) -> mp.mpf:
        if x not in self.seen:
            self.seen[x] = self.f(x)
        return self.seen[x]


def worst(f: Fn, pts: list, p: list, q: list | None, mid: mp.mpf) -> mp.mpf:
    """Greatest relative error at the check points."""
    err = mp.mpf(0)
    for x in pts:
        u = x - mid
        y = evaluate(p, u)
        if q:
            den = evaluate(q, u)
            if den <= 0:
                return mp.inf
            y /= den
        err = max(err, abs(y / f(x) - 1))
    return err


def array(name: str, c: list) -> None:
    """One constexpr table."""
    body = ", ".join(repr(float(v)) for v in c)
    OUT.append(f"inline constexpr double {name}[] = {{{body}}};")


def emit(
    name: str,
    f: Fn,
    lo: float,
    hi: float,
    tol_d: float | None = 1.2e-17,
    tol_f: float | None = 2e-9,
    rational: bool = False,
    mid: float | None = None,
) -> None:
    """Fits f on [lo, hi] and writes k<name>D and k<name>F."""
    memo = Memo(f)
    center = (mp.mpf(lo) + hi) / 2 if mid is None else mp.mpf(mid)
    center = mp.mpf(float(center))
    pts = check_points(lo, hi)
    OUT.append(f"// t in [{lo:.6g}, {hi:.6g}], u = t - mid.")
    OUT.append(f"inline constexpr double k{name}Mid = {float(center)!r};")
    for tag, tol in (("D", tol_d), ("F", tol_f)):
        if tol is None:
            continue
        # A rational saves multiplications, unless its rounded coefficients cancel.
        trials = [(n, True) for n in range(4, 26, 2)] if tag == "D" and rational else []
        trials += [(n, False) for n in range(3, 50)]
        for degree, with_q in trials:
            q = None
            if with_q:
                n = degree // 2
                p, q = rational_fit(memo, lo, hi, n, n, center)
                err = worst(memo, pts, p, q, center)
                p, q = rounded(p), rounded(q)
                real = worst(memo, pts, p, q, center)
                if real > 4e-16:
                    continue
            else:
                p = poly_fit(memo, lo, hi, degree, center)
                err = worst(memo, pts, p, None, center)
                p = rounded(p)
                real = worst(memo, pts, p, None, center)
            if err < tol:
                OUT.append(
                    f"// {name}{tag}: relative error {float(err):.1e}, "
                    f"{float(real):.1e} with rounded coefficients."
                )
                array(f"k{name}{tag}", p)
                if tag == "D":
                    array(f"k{name}Q", q or [mp.mpf(1)])
                elif tol_d is None:
                    array(f"k{name}D", p)
                    array(f"k{name}Q", [mp.mpf(1)])
                print(
                    name,
                    tag,
                    "degree",
                    degree,
                    with_q,
                    "err",
                    float(err),
                    float(real),
                    "max|c|h^i",
                    float(
                        max(abs(v) * ((mp.mpf(hi) - lo) / 2) ** i for i, v in enumerate(p))
                        / abs(memo(pts[39]))
                    ),
                    file=sys.stderr,
                    flush=True,
                )
                break
        else:
            raise SystemExit(f"no fit for {name}{tag}: {err}")
