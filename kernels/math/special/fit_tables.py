"""Writes tables.h: the polynomial and rational approximants of the special functions.

Run: python fit_tables.py > tables.h  (takes minutes). Needs mpmath only; fit.py has the fitting.
"""

import sys
from typing import Any

import mpmath as mp
from fit import OUT, array, emit, evaluate, poly_fit

mp.mp.dps = 50


def digamma_zero() -> mp.mpf:
    """The positive zero of digamma."""
    return mp.findroot(mp.digamma, 1.46)


def normal_tail(z: mp.mpf) -> mp.mpf:
    """g with Q(g) = exp(-z^2/2), Newton on log Q."""
    if z > 3:
        g = z - (mp.log(z) + mp.log(mp.sqrt(2 * mp.pi))) / z
    else:
        g = z - mp.mpf("0.9")
    for _ in range(60):
        q = mp.erfc(g / mp.sqrt(2)) / 2
        step = (mp.log(q) + z * z / 2) * q / (mp.exp(-g * g / 2) / mp.sqrt(2 * mp.pi))
        g += step
        if abs(step) < mp.mpf(10) ** (-44) * g:
            break
    return g


def atanh_tail(z: mp.mpf) -> mp.mpf:
    """(atanh(s) / s - 1) / z, z = s^2 < 0.2."""
    return mp.fsum(z**k / (2 * k + 3) for k in range(60))


def exp_log_tables() -> None:
    """exp(r) for |r| <= log(2) / 2; atanh for logarithms of [sqrt(1/2), sqrt(2)]."""
    emit("Exp", mp.exp, -0.3467, 0.3467, mid=0, tol_d=6e-18, tol_f=1e-10)
    emit64("AtanhNear", atanh_tail, 0, 0.02945, mid=0, tol_d=1e-15)
    emit("AtanhMedium", atanh_tail, 0, 0.02945, mid=0, tol_d=None, tol_f=1e-11)


def trig_tables() -> None:
    """sin(pi r) / r in r^2 for |r| <= 1/2; sin(r) / r and cos(r) in r^2 for |r| <= pi/4."""

    def ratio(z: mp.mpf, c: mp.mpf) -> mp.mpf:
        return mp.sin(c * mp.sqrt(z)) / mp.sqrt(z)

    emit64("SinPi", lambda z: ratio(z, mp.pi), 1e-14, 0.25, mid=0)
    emit64("SinQuarter", lambda z: ratio(z, mp.mpf(1)), 1e-14, 0.617, mid=0)
    emit64("CosQuarter", lambda z: mp.cos(mp.sqrt(z)), 1e-14, 0.617, mid=0)


def gamma_tables() -> None:
    """Lgamma and digamma: DLMF 5.11 and 5.7."""

    def lgamma(u: mp.mpf) -> mp.mpf:
        with mp.workdps(130):  # the zeros at u = 0 and 1 divide out, a step beside them
            u += mp.mpf(10) ** (-55) if u in (0, 1) else 0
            return mp.loggamma(1 + u) / (u * (u - 1))

    emit64("LgammaMid", lgamma, 0, 2, rational=True)

    def stirling(w: mp.mpf) -> mp.mpf:
        if w == 0:
            return mp.mpf(1) / 12
        x = 1 / mp.sqrt(w)
        with mp.workdps(90):
            return x * (mp.loggamma(x) - ((x - 0.5) * mp.log(x) - x + mp.log(2 * mp.pi) / 2))

    emit64("Stirling", stirling, 0, 1 / 64, mid=0, tol_d=3e-16)
    emit("StirlingLow", stirling, 0, 1 / 9, mid=0, tol_d=None, tol_f=5e-9)
    x0 = digamma_zero()
    OUT.append(f"inline constexpr double kDigammaZeroHi = {float(x0)!r};")
    OUT.append(f"inline constexpr double kDigammaZeroLo = {float(x0 - float(x0))!r};")
    emit64("DigammaMid", lambda u: mp.digamma(1 + u) / (u + 1 - x0), 0, 2, rational=True)

    def asym(w: mp.mpf) -> mp.mpf:
        x = 1 / mp.sqrt(w)
        with mp.workdps(90):
            return (mp.log(x) - 1 / (2 * x) - mp.digamma(x)) * x * x

    emit64("DigammaAsym", asym, 0, 1 / 64, mid=0, tol_d=3e-15)


def normal_tables() -> None:
    """Inverse error function and normal quantile."""
    emit64(
        "ErfinvMid",
        lambda z: mp.erfinv(mp.sqrt(z)) / mp.sqrt(z) if z else mp.sqrt(mp.pi) / 2,
        0,
        0.5625,
        rational=True,
    )
    emit64("NdtriA", normal_tail, 2.03, 6, rational=True)
    emit64("NdtriB", normal_tail, 6, 16, rational=True)
    emit64("NdtriC", normal_tail, 16, 39)
    # erfcx(z) in t = 1 / (1 + z / 2).
    emit("Erfcx", lambda t: _erfcx(2 * (1 / t - 1)) / t, 0.0, 1.0, rational=True)


def _erfcx(z: mp.mpf) -> mp.mpf:
    if z > 1000:
        w = 1 / (2 * z * z)
        return (1 - w + 3 * w * w - 15 * w**3 + 105 * w**4 - 945 * w**5 + 10395 * w**6) / (
            z * mp.sqrt(mp.pi)
        )
    return mp.exp(z * z) * mp.erfc(z)


def bessel_tables() -> None:
    """I, K (DLMF 10.31, 10.40), J, Y (10.8, 10.17): float64 only, see fit_pieces.py."""
    emit64("I0Small", lambda z: mp.besseli(0, mp.sqrt(z)), 0, 64, mid=0)
    emit64(
        "I1Small",
        lambda z: mp.besseli(1, mp.sqrt(z)) / mp.sqrt(z) if z else mp.mpf(1) / 2,
        0,
        64,
        mid=0,
    )
    emit64(
        "I0Big",
        lambda v: mp.besseli(0, 1 / v) * mp.exp(-1 / v) / mp.sqrt(v),
        1e-12,
        0.125,
        rational=True,
    )
    emit64(
        "I1Big",
        lambda v: mp.besseli(1, 1 / v) * mp.exp(-1 / v) / mp.sqrt(v),
        1e-12,
        0.125,
        rational=True,
    )
    emit64("I0One", lambda z: mp.besseli(0, mp.sqrt(z)), 0, 1, mid=0)
    emit64(
        "I1One",
        lambda z: mp.besseli(1, mp.sqrt(z)) / mp.sqrt(z) if z else mp.mpf(1) / 2,
        0,
        1,
        mid=0,
    )
    emit64(
        "K0Small",
        lambda z: mp.besselk(0, mp.sqrt(z)) + mp.log(z) / 2 * mp.besseli(0, mp.sqrt(z)),
        1e-12,
        1,
        mid=0,
    )
    emit64(
        "K1Small",
        lambda z: (
            (mp.besselk(1, mp.sqrt(z)) - mp.log(z) / 2 * mp.besseli(1, mp.sqrt(z))) / mp.sqrt(z)
            - 1 / z
        ),
        1e-12,
        1,
        mid=0,
        tol_d=1e-16,
    )
    emit64(
        "K0Big",
        lambda v: mp.besselk(0, 1 / v) * mp.exp(1 / v) / mp.sqrt(v),
        1e-12,
        1,
        rational=True,
    )
    emit64(
        "K1Big",
        lambda v: mp.besselk(1, 1 / v) * mp.exp(1 / v) / mp.sqrt(v),
        1e-12,
        1,
        rational=True,
    )
    for order in (0, 1):
        zeros = [mp.besseljzero(order, k) for k in (1, 2)]
        for k, r in enumerate(zeros):
            OUT.append(f"inline constexpr double kJ{order}Zero{k}Hi = {float(r)!r};")
            OUT.append(f"inline constexpr double kJ{order}Zero{k}Lo = {float(r - float(r))!r};")

        def small(z: mp.mpf, order: int = order, zeros: list = zeros) -> mp.mpf:
            x = mp.sqrt(z)
            y = mp.besselj(order, x) if order == 0 else mp.besselj(1, x) / x
            return y / ((z - zeros[0] ** 2) * (z - zeros[1] ** 2))

        emit64(f"J{order}Small", small, 1e-12, 64)

        def modulus(w: mp.mpf, order: int = order) -> tuple:
            x = 1 / mp.sqrt(w)
            chi = x - mp.pi / 4 - order * mp.pi / 2
            j, y = mp.besselj(order, x), mp.bessely(order, x)
            s = mp.sqrt(mp.pi * x / 2)
            c, d = mp.cos(chi), mp.sin(chi)
            return s * (j * c + y * d), s * (y * c - j * d) * x

        emit64(f"P{order}", lambda w: modulus(w)[0], 1e-7, 1 / 64, mid=0, tol_d=3e-17)
        emit64(f"Q{order}", lambda w: modulus(w)[1], 1e-7, 1 / 64, mid=0, tol_d=3e-16)
    two_pi = 2 / mp.pi

    def y0(z: mp.mpf) -> mp.mpf:
        x = mp.sqrt(z)
        return mp.bessely(0, x) - two_pi * mp.log(x) * mp.besselj(0, x)

    def y1(z: mp.mpf) -> mp.mpf:
        x = mp.sqrt(z)
        return (mp.bessely(1, x) - two_pi * (mp.log(x) * mp.besselj(1, x) - 1 / x)) / x

    # These have zeros inside: fitted with an offset, absolute error counts there.
    emit64("Y0Small", lambda z: y0(z) + 2, 1e-10, 64, tol_d=2e-17)
    emit64("Y1Small", lambda z: y1(z) + 1, 1e-10, 64, tol_d=2e-17)


def misc_tables() -> None:
    """Dawson, Ei, Fresnel, dilogarithm."""

    def dawson(x: mp.mpf) -> mp.mpf:
        return mp.sqrt(mp.pi) / 2 * mp.exp(-x * x) * mp.erfi(x)

    def dawson_tail(t: mp.mpf) -> mp.mpf:
        x = 1 / mp.sqrt(t)
        if x > 100:
            return sum((mp.fac2(2 * k - 1) if k else mp.mpf(1)) * (t / 2) ** k for k in range(18))
        with mp.workdps(50 + int(x * x / 2)):
            return 2 * x * dawson(x)

    emit64(
        "DawsnA", lambda z: dawson(mp.sqrt(z)) / mp.sqrt(z) if z else mp.mpf(1), 0, 4, rational=True
    )
    emit64("DawsnB", dawson_tail, 1 / 27, 0.25, rational=True)
    emit64("DawsnC", dawson_tail, 1e-12, 1 / 27, rational=True)
    emit64("ExpintA", lambda x: (mp.ei(x) - mp.euler - mp.log(x)) / x, 1e-12, 2, mid=0)
    emit64("ExpintB", lambda x: x * mp.exp(-x) * mp.ei(x), 2, 6, rational=True)
    emit64("ExpintC", lambda x: x * mp.exp(-x) * mp.ei(x), 6, 12)

    def big_ei(v: mp.mpf) -> mp.mpf:
        return mp.exp(-1 / v) * mp.ei(1 / v) / v

    emit64("ExpintD", big_ei, 1 / 40, 1 / 12)
    emit64("ExpintE", big_ei, 1e-4, 1 / 40, rational=True)

    def fres(t: mp.mpf) -> tuple:
        """f and g of DLMF 7.5, scaled: pi x f and pi^2 x^3 g, in t = 1 / x^4."""
        x = 1 / mp.sqrt(mp.sqrt(t))
        # A shift off zero is enough: f and g are smooth down to t = 0.
        with mp.workdps(90):
            s, c = mp.fresnels(x), mp.fresnelc(x)
            a = mp.pi * x * x / 2
            f = (mp.mpf(1) / 2 - s) * mp.cos(a) - (mp.mpf(1) / 2 - c) * mp.sin(a)
            g = (mp.mpf(1) / 2 - c) * mp.cos(a) + (mp.mpf(1) / 2 - s) * mp.sin(a)
            return mp.pi * x * f, mp.pi**2 * x**3 * g

    top = 6.5536
    emit64("FresnelS", lambda t: mp.fresnels(t**0.25) / t ** mp.mpf("0.75"), 1e-12, top, mid=0)
    emit64("FresnelC", lambda t: mp.fresnelc(t**0.25) / t ** mp.mpf("0.25"), 1e-12, top, mid=0)
    emit64("FresnelF", lambda t: fres(t)[0], 1e-7, 0.1526, tol_d=3e-16)
    emit64("FresnelG", lambda t: fres(t)[1], 1e-7, 0.1526, tol_d=1e-15)

    def spence(w: mp.mpf) -> mp.mpf:
        return mp.re(mp.polylog(2, -w)) / w if w else mp.mpf(-1)

    emit64("Spence", spence, -0.5, 0.5)


def incomplete_tables() -> None:
    """Temme's uniform expansion of the incomplete gamma functions (DLMF 8.12)."""

    # log(1 + mu) = 2 atanh(s), s = mu / (2 + mu), |mu| <= 1/2.
    emit("AtanhWide", atanh_tail, 0, 1 / 9, mid=0, tol_f=3e-10, tol_d=3e-17)
    n, orders = 44, 12
    with mp.workdps(80):
        total = n + 2 * orders + 4
        # mu(eta) from eta^2 / 2 = mu - log(1 + mu): mu' = eta (1 + mu) / mu.
        mu = [mp.mpf(0), mp.mpf(1)]
        for k in range(2, total + 2):
            # mu mu' = eta + eta mu, coefficient of eta^k.
            acc = mu[k - 1]
            for i in range(2, k):
                acc -= mu[i] * (k - i + 1) * mu[k - i + 1]
            mu.append(acc / (k + 1))
        # 1/mu = (1/eta) * inv(mu/eta).
        base = mu[1:]
        inv = [mp.mpf(1)]
        for k in range(1, len(base)):
            inv.append(-sum(base[i] * inv[k - i] for i in range(1, k + 1)))
        # C_0 = 1/mu - 1/eta.
        c = [inv[1:total]]
        stirling_g = gamma_star(orders)
        for k in range(1, orders):
            prev = c[-1]
            nxt = []
            # (1/eta) dC/dEta + (-1)^k g_k / mu: the poles in 1/eta cancel.
            for j in range(-1, len(prev) - 2):
                d = (j + 2) * prev[j + 2] if j + 2 < len(prev) else mp.mpf(0)
                nxt.append(d + (-1) ** k * stirling_g[k] * inv[j + 1])
            assert abs(nxt[0]) < mp.mpf(10) ** (-50), nxt[0]
            c.append(nxt[1:])
        # Fitted over the eta of |mu| <= 1/2; for a >= 16 the rows count less and less.
        points = [mp.mpf(i) / 100 for i in range(-62, 44, 3)]
        for tag, tol, count in (("D", 1e-18, orders), ("F", 2e-10, 5)):
            for k in range(count):
                degree = 2
                while True:
                    p = poly_fit(lambda e, k=k: evaluate(c[k], e), -0.622, 0.435, degree, 0)
                    error = max(abs(evaluate(c[k], e) - evaluate(p, e)) for e in points)
                    if error < tol * 16**k:
                        break
                    degree += 1
                array(f"kTemme{k}{tag}", p)


def factorial_tables() -> None:
    """n! and its logarithm up to the largest that fits."""
    array("kFactorial", [mp.factorial(n) for n in range(171)])
    array("kLogFactorial", [mp.log(mp.factorial(n)) for n in range(171)])


def gamma_star(count: int) -> list:
    """g_k of Gamma(z) ~ e^-z z^z sqrt(2 pi / z) sum g_k / z^k (DLMF 5.11.3)."""
    log_terms = [mp.mpf(0)] * (count + 1)
    for j in range(1, count // 2 + 2):
        if 2 * j - 1 <= count:
            log_terms[2 * j - 1] = mp.bernoulli(2 * j) / (2 * j * (2 * j - 1))
    g = [mp.mpf(1)]
    for k in range(1, count + 1):
        g.append(sum(i * log_terms[i] * g[k - i] for i in range(1, k + 1)) / k)
    return g


def emit64(*args: Any, **more: Any) -> None:
    """emit without a table for float32 kernels."""
    emit(*args, **more, tol_f=None)


def main() -> None:
    """Prints the header."""
    wanted = sys.argv[1:]
    for name, make in (
        ("exp", exp_log_tables),
        ("trig", trig_tables),
        ("gamma", gamma_tables),
        ("normal", normal_tables),
        ("bessel", bessel_tables),
        ("misc", misc_tables),
        ("incomplete", incomplete_tables),
        ("factorial", factorial_tables),
    ):
        if wanted and name not in wanted:
            continue
        OUT.append(f"\n// {name}: {make.__doc__}")
        make()
    print(
        "// Written by fit_tables.py; do not edit.\n// clang-format off\n"
        "#ifndef OPKIT_MATH_SPECIAL_TABLES_H_\n"
        "#define OPKIT_MATH_SPECIAL_TABLES_H_\n\nnamespace opkit::special {"
    )
    print("\n".join(OUT))
    print("\n}  // namespace opkit::special\n\n#endif  // OPKIT_MATH_SPECIAL_TABLES_H_")


if __name__ == "__main__":
    main()
