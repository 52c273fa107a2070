"""Writes gamma_tables.h: log gamma, digamma and the dilogarithm in float32 lanes.

Fits as in fit_pieces.py. Run: python fit_gamma.py > gamma_tables.h. Needs mpmath and NumPy.
"""

from itertools import pairwise

import mpmath as mp
from fit_pieces import OUT, header, literal, pieces, polynomial, single


def reflection_tables() -> None:
    """What the sine and the cotangent of reflections lack from their poles, in e^2, |e| <= 1/2."""

    def log_sine(z: mp.mpf) -> mp.mpf:
        e = mp.sqrt(max(z, mp.mpf("1e-12")))
        return -mp.log(mp.sin(mp.pi * e) / (mp.pi * e)) / e**2

    def cotangent(z: mp.mpf) -> mp.mpf:
        e = mp.sqrt(max(z, mp.mpf("1e-12")))
        return (mp.pi * mp.cot(mp.pi * e) - 1 / e) / e

    OUT.append("// log(pi e / sin(pi e)) / e^2 and (pi cot(pi e) - 1 / e) / e.")
    polynomial("kLogSine", log_sine, 0, 0.25)
    polynomial("kCotangent", cotangent, 0, 0.25)


def lgamma_tables() -> None:
    """log Gamma(m + e) = log((m - 1)!) + e Lgamma(e) at m = 1 .. 16, |e| <= 1/2."""
    parts: list = []
    for m in range(1, 17):

        def slope(e: mp.mpf, m: int = m) -> mp.mpf:
            if abs(e) < 1e-12:
                return mp.digamma(m)
            return (mp.loggamma(m + e) - mp.loggamma(m)) / e

        # Below 1 the argument is raised by 1.
        parts.append((slope, 0.0 if m == 1 else -0.5, 0.5, 0.0))
    pieces("kLgamma", parts, 1, wanted=4e-8, centred=False)
    OUT.append("// (m - 1)! and its logarithm.")
    factorials = [mp.factorial(m - 1) for m in range(1, 17)]
    for name, f in (("kFactorial", lambda x: x), ("kLogFactorial", mp.log)):
        row = [single(f(x)) for x in factorials]
        row = row[-1:] + row[:-1]
        OUT.append(f"alignas(64) constexpr float {name}[16] = {{{', '.join(map(literal, row))}}};")

    def tail(v: mp.mpf) -> mp.mpf:
        x = 1 / max(v, mp.mpf("1e-6"))
        return mp.loggamma(x) - (x - mp.mpf("0.5")) * (mp.log(x) - 1)

    OUT.append("// From 15.5 on log Gamma(x) = (x - 1/2) (log(x) - 1) + LgammaTail(1 / x).")
    polynomial("kLgammaTail", tail, 0, 1 / 15.5, wanted=2e-7)


def digamma_tables() -> None:
    """digamma(1 + u) at quarters (halves) of the octaves of u + 1, centres less 1."""
    zero = mp.findroot(mp.digamma, 1.4616)
    for count, per in ((16, 4), (8, 2)):
        cuts = [2.0 ** (i // per) * (1 + i % per / per) - 1 for i in range(count + 1)]
        # The pieces around the zero have it as centre.
        parts: list = [
            (
                lambda u: mp.digamma(u + 1),
                lo,
                hi,
                float(zero) - 1 if abs(mp.mpf(lo + hi) / 2 + 1 - zero) < 0.3 else None,
            )
            for lo, hi in pairwise(cuts)
        ]
        pieces(f"kDigamma{count}", parts, 127 * per % count, wanted=4e-8)

    def tail(v: mp.mpf) -> mp.mpf:
        x = 1 / max(v, mp.mpf("1e-4"))
        return (mp.log(x) - 1 / (2 * x) - mp.digamma(x)) * x * x

    OUT.append("// From 15 on digamma(x) = log(x) - v / 2 - v^2 DigammaTail, v = 1 / x.")
    polynomial("kDigammaTail", tail, 0, 1 / 15, wanted=1e-5)


def spence_tables() -> None:
    """Spence(x) / (1 - x) at halves of the octaves (octaves) of [1/16, 16)."""

    def spence(x: mp.mpf) -> mp.mpf:
        return mp.re(mp.polylog(2, 1 - x))

    def ratio(x: mp.mpf) -> mp.mpf:
        return spence(x) / (1 - x) if abs(x - 1) > 1e-10 else mp.mpf(1) - (x - 1) / 4

    for count, per in ((16, 2), (8, 1)):
        cuts = [2.0 ** (i // per - 4) * (1 + i % per / per) for i in range(count + 1)]
        parts = [(ratio, lo, hi, None) for lo, hi in pairwise(cuts)]
        pieces(f"kSpence{count}", parts, 123 * per % count, wanted=2.5e-8)

    OUT.append("// Below: SpenceConstant + log(x) x SpenceLog - x SpenceRest.")
    polynomial("kSpenceLog", lambda x: -mp.log1p(-x) / x if x else mp.mpf(1), 0, 1 / 16)
    polynomial("kSpenceRest", lambda x: spence(1 - x) / x if x else mp.mpf(1), 0, 1 / 16)


def main() -> None:
    """Prints the header."""
    for make in (reflection_tables, lgamma_tables, digamma_tables, spence_tables):
        OUT.append(f"\n// {make.__doc__}")
        make()
    header("gamma", "fit_gamma.py")


if __name__ == "__main__":
    main()
