"""Special functions: gamma family, Bessel, error function inverses, integrals, zeta.

Float32 of one argument runs in float32 lanes, of several in float64 lanes, to 0.6 ULP of the
truth. At the zeros of J, Y and those of Lgamma and Digamma below 0, where the true relative error
is unbounded, there is an absolute floor. DLMF numbers name the mathematics.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from opkit.spec import (
    Case,
    Domain,
    Known,
    Peers,
    Reject,
    Spec,
    Types,
    Ulp,
    arr,
    binary,
    draw,
    register,
    special,
    unary,
    walk,
    with_cases,
)

_TRUTH = "opkit.ops._special_truth."
_FEW = 400
"""Points at which a slow truth is evaluated in a case."""


def _bounds(
    float64: float = 8, floor32: float = 0, floor64: float = 0, float32: float = 0.6
) -> Mapping[str, Any]:
    """Against the truth; float16 is rounded from float32."""
    return {
        "float32": Ulp(float32, floor=floor32),
        "float64": Ulp(float64, floor=floor64),
        "float16": Ulp(0.51),
    }


register(
    unary(
        "Lgamma",
        Domain(near=(1, 2, -0.5, -1, -2.4570247, -2, -2.7476827, -3.1435809, 3, 8)),
        _bounds(4, float32=4, floor32=3e-7, floor64=2e-14),
        truth=_TRUTH + "lgamma",
        truth_limit=_FEW,
        numpy="scipy.special.gammaln",
        doc="log |Gamma(x)|; infinite at 0 and the negative integers.",
        source="DLMF 5.5, 5.11",
    ),
    unary(
        "Digamma",
        Domain(near=(1.4616321, 1, -0.5, -0.504083, -1.5734985, -2, 3, 8)),
        _bounds(8, float32=4, floor32=3e-6, floor64=1e-13),
        truth=_TRUTH + "digamma",
        truth_limit=_FEW,
        numpy="scipy.special.psi",
        doc="Derivative of log Gamma; NaN at 0 and the negative integers.",
        source="DLMF 5.5, 5.11",
    ),
    unary(
        "Erfinv",
        Domain(-1, 1, near=(0, 0.75, 1, -1)),
        _bounds(6, float32=2.5),
        truth=_TRUTH + "erfinv",
        truth_limit=_FEW,
        numpy="scipy.special.erfinv",
        doc="Inverse of erf on [-1, 1], NaN outside.",
        source="DLMF 7.17",
    ),
    unary(
        "Ndtri",
        Domain(0, 1, near=(0.125, 0.5, 0.875, 1.52e-8)),
        _bounds(6, float32=4),
        truth=_TRUTH + "ndtri",
        truth_limit=_FEW,
        numpy="scipy.special.ndtri",
        doc="Quantile of the standard normal distribution on [0, 1], NaN outside.",
        source="DLMF 7.17",
    ),
    unary(
        "BesselI0",
        Domain(-88, 88, near=(0, 8)),
        _bounds(4, float32=3.5),
        truth=_TRUTH + "bessel_i0",
        truth_limit=_FEW,
        numpy="scipy.special.i0",
        doc="Modified Bessel function of the first kind, order 0.",
        source="DLMF 10.25, 10.40",
    ),
    unary(
        "BesselI0e",
        Domain(near=(0, 8)),
        _bounds(4, float32=3.5),
        truth=_TRUTH + "bessel_i0e",
        truth_limit=_FEW,
        numpy="scipy.special.i0e",
        doc="exp(-|x|) I_0(x).",
        source="DLMF 10.25, 10.40",
    ),
    unary(
        "BesselI1",
        Domain(-88, 88, near=(0, 8)),
        _bounds(4, float32=4),
        truth=_TRUTH + "bessel_i1",
        truth_limit=_FEW,
        numpy="scipy.special.i1",
        doc="Modified Bessel function of the first kind, order 1.",
        source="DLMF 10.25, 10.40",
    ),
    unary(
        "BesselI1e",
        Domain(near=(0, 8)),
        _bounds(4, float32=3.5),
        truth=_TRUTH + "bessel_i1e",
        truth_limit=_FEW,
        numpy="scipy.special.i1e",
        doc="exp(-|x|) I_1(x).",
        source="DLMF 10.25, 10.40",
    ),
    unary(
        "BesselK0",
        Domain(0, 85, near=(1,)),
        _bounds(4, float32=4),
        truth=_TRUTH + "bessel_k0",
        truth_limit=_FEW,
        numpy="scipy.special.k0",
        doc="Modified Bessel function of the second kind, order 0; inf for x <= 0.",
        source="DLMF 10.25, 10.40",
    ),
    unary(
        "BesselK0e",
        Domain(0, math.inf, near=(1,)),
        _bounds(4, float32=4),
        truth=_TRUTH + "bessel_k0e",
        truth_limit=_FEW,
        numpy="scipy.special.k0e",
        doc="exp(x) K_0(x).",
        source="DLMF 10.25, 10.40",
    ),
    unary(
        "BesselK1",
        Domain(0, 85, near=(1,)),
        _bounds(4, float32=4),
        truth=_TRUTH + "bessel_k1",
        truth_limit=_FEW,
        numpy="scipy.special.k1",
        doc="Modified Bessel function of the second kind, order 1; inf for x <= 0.",
        source="DLMF 10.25, 10.40",
    ),
    unary(
        "BesselK1e",
        Domain(0, math.inf, near=(1,)),
        _bounds(4, float32=4),
        truth=_TRUTH + "bessel_k1e",
        truth_limit=_FEW,
        numpy="scipy.special.k1e",
        doc="exp(x) K_1(x).",
        source="DLMF 10.25, 10.40",
    ),
    unary(
        "BesselJ0",
        Domain(-1e9, 1e9, near=(2.4048256, 5.5200781, 8, 8.6537279)),
        _bounds(4, float32=4, floor32=2e-9, floor64=1e-15),
        truth=_TRUTH + "bessel_j0",
        truth_limit=_FEW,
        numpy="scipy.special.j0",
        doc="Bessel function of the first kind, order 0.",
        source="DLMF 10.2, 10.17",
    ),
    unary(
        "BesselJ1",
        Domain(-1e9, 1e9, near=(3.8317060, 7.0155867, 8, 10.173468)),
        _bounds(4, float32=4, floor32=2e-9, floor64=1e-15),
        truth=_TRUTH + "bessel_j1",
        truth_limit=_FEW,
        numpy="scipy.special.j1",
        doc="Bessel function of the first kind, order 1.",
        source="DLMF 10.2, 10.17",
    ),
    unary(
        "BesselY0",
        Domain(0, 1e9, near=(0.89357697, 3.9576784, 7.0860511, 8)),
        _bounds(4, float32=4, floor32=2e-9, floor64=2e-15),
        truth=_TRUTH + "bessel_y0",
        truth_limit=_FEW,
        numpy="scipy.special.y0",
        doc="Bessel function of the second kind, order 0; -inf for x <= 0.",
        source="DLMF 10.2, 10.17",
    ),
    unary(
        "BesselY1",
        Domain(0, 1e9, near=(2.1971413, 5.4296810, 8, 8.5960059)),
        _bounds(4, float32=4.5, floor32=2e-9, floor64=2e-15),
        truth=_TRUTH + "bessel_y1",
        truth_limit=_FEW,
        numpy="scipy.special.y1",
        doc="Bessel function of the second kind, order 1; -inf for x < 0.",
        source="DLMF 10.2, 10.17",
    ),
    unary(
        "Dawsn",
        Domain(near=(0, 2, 5.19, 0.92413887)),
        _bounds(8, float32=3.5),
        truth=_TRUTH + "dawsn",
        truth_limit=_FEW,
        numpy="scipy.special.dawsn",
        doc="Dawson's integral exp(-x^2) int_0^x exp(t^2) dt.",
        source="DLMF 7.2.5, 7.12",
    ),
    unary(
        "Expint",
        Domain(0, 88, near=(0.37250741, 2, 6, 12, 40)),
        _bounds(8, float32=4, floor64=4e-16),
        truth=_TRUTH + "expint",
        truth_limit=_FEW,
        numpy="scipy.special.expi",
        known=(
            Known(
                "exp(x) = inf times a flushed 1 / x gives NaN", lambda inputs: inputs["x"] > 1e30
            ),
        ),
        doc="Exponential integral Ei(x) for x >= 0, NaN below.",
        source="DLMF 6.2.5, 6.12",
    ),
    unary(
        "FresnelCos",
        Domain(near=(0, 1.6)),
        _bounds(8, float32=3.5),
        truth=_TRUTH + "fresnel_cos",
        truth_limit=_FEW,
        doc="int_0^x cos(pi t^2 / 2) dt.",
        source="DLMF 7.2.7, 7.5",
    ),
    unary(
        "FresnelSin",
        Domain(near=(0, 1.6)),
        _bounds(8, float32=3.5),
        truth=_TRUTH + "fresnel_sin",
        truth_limit=_FEW,
        doc="int_0^x sin(pi t^2 / 2) dt.",
        source="DLMF 7.2.8, 7.5",
    ),
    unary(
        "Spence",
        Domain(0, math.inf, near=(0.5, 1, 1.5, 2)),
        _bounds(8, float32=4),
        truth=_TRUTH + "spence",
        truth_limit=_FEW,
        numpy="scipy.special.spence",
        doc="Dilogarithm -int_1^x log(t) / (t - 1) dt; NaN for x < 0.",
        source="DLMF 25.12",
    ),
)

# The far tails of float64 lose what the exponent of x^a exp(-x) and log Gamma cost; TensorFlow's
# own error is several times larger.
_TAILS = {"float32": Ulp(1, floor=1e-15), "float64": Ulp(16384, floor=2e-15)}

_GAMMA = (
    binary(
        "Igamma",
        (Domain(1e-3, 1e3), Domain(0, 2e3)),
        _TAILS,
        args=("a", "x"),
        truth=_TRUTH + "igamma",
        numpy="scipy.special.gammainc",
        doc="Regularised lower incomplete gamma function P(a, x).",
        source="DLMF 8.7.1, 8.9.2, 8.12",
    ),
    binary(
        "Igammac",
        (Domain(1e-3, 1e3), Domain(0, 2e3)),
        _TAILS,
        args=("a", "x"),
        truth=_TRUTH + "igammac",
        numpy="scipy.special.gammaincc",
        doc="Regularised upper incomplete gamma function Q(a, x).",
        source="DLMF 8.7.1, 8.9.2, 8.12",
    ),
)


def _gamma_cases(types: Types) -> Iterator[Case]:
    # Where a + 1 rounds to a whole number: the edges of the recurrence for Gamma(a + 1).
    around = draw(_around_whole, "around 1, 2, ... 10")
    yield Case("around-whole", {"a": around, "x": arr(300, low=0.01, high=14)})


def _around_whole(_: np.random.Generator, dtype: np.dtype) -> np.ndarray:
    """Each whole number and both its neighbours, ten times."""
    whole = np.arange(1, 11).astype(dtype)
    away = [np.nextafter(whole, dtype.type(end)) for end in (0, 99)]
    return np.tile(np.concatenate([whole, *away]), 10)


register(
    *(with_cases(spec, _gamma_cases) for spec in _GAMMA),
    binary(
        "Zeta",
        (Domain(1, 60), Domain(0, 1e3)),
        _bounds(32),
        args=("x", "q"),
        truth=_TRUTH + "zeta",
        truth_limit=_FEW,
        numpy="scipy.special.zeta",
        doc="Hurwitz zeta function, sum over k >= 0 of (q + k)^-x.",
        source="DLMF 25.11.1, 25.11.28",
    ),
)


_POLYGAMMA = binary(
    "Polygamma",
    (Domain(0, 20, special=False), Domain(0, 1e3)),
    _bounds(48, floor64=1e-13),
    args=("a", "x"),
    truth=_TRUTH + "polygamma",
    truth_limit=_FEW,
    doc="The a-th derivative of digamma; NaN unless a is a whole number >= 0.",
    source="DLMF 5.15, 25.11.12",
)


def _polygamma_cases(types: Types) -> Iterator[Case]:
    odd = np.array([math.nan, math.inf, -math.inf, -1.0, -2.0, 0.5, 1.5, -0.0])
    yield Case("special-orders", {"a": odd, "x": 0.75})
    orders = draw(lambda rng, dtype: rng.integers(0, 20, 2000).astype(dtype), "orders 0 to 19")
    yield Case("orders", {"a": orders, "x": arr(2000, low=0.3, high=30)})
    # Below 0 away from the poles, where float32 overflows, and from the zeros of even orders.
    low = draw(lambda rng, dtype: rng.integers(0, 6, 2000).astype(dtype), "orders 0 to 5")
    between = draw(
        lambda rng, dtype: (rng.uniform(0.05, 0.4, 2000) - rng.integers(1, 20, 2000)).astype(dtype),
        "0.05 to 0.4 above a negative integer",
    )
    yield Case("orders-negative", {"a": low, "x": between})
    for n in (0, 1, 2, 7):
        yield Case(f"order{n}", {"a": float(n), "x": walk(Domain(1e-3, 1e3))})
    for n in (40, 150):
        large = {"a": float(n), "x": walk(Domain(5, 1e3))}
        yield Case(f"order{n}", large, dtypes=("float64",))


def _betainc_cases(types: Types) -> Iterator[Case]:
    positive = Domain(1e-2, 1e3)
    yield Case(
        "walk",
        {
            "a": arr(4096, low=0.05, high=60),
            "b": arr(4096, low=0.05, high=60),
            "x": arr(4096, low=0, high=1),
        },
    )
    yield Case("walk-x", {"a": 2.5, "b": 0.75, "x": walk(Domain(0, 1))})
    yield Case("walk-a", {"a": walk(positive), "b": 3.5, "x": 0.4})
    yield Case("walk-b", {"a": 3.5, "b": walk(positive), "x": 0.4})
    for which in ("a", "b", "x"):
        yield Case(f"special-{which}", {"a": 2.0, "b": 3.0, "x": 0.25, which: special()})
        yield Case(f"special-{which}-at-one", {"a": 2.0, "b": 3.0, "x": 1.0, which: special()})
    for n in (0, 1, 7, 8, 9, 15, 16, 17, 33, 1023, 4099):
        yield Case(
            f"size{n}",
            {
                "a": arr(n, low=0.1, high=20),
                "b": arr(n, low=0.1, high=20),
                "x": arr(n, low=0, high=1),
            },
        )
    yield Case("rank0", {"a": 2.0, "b": 3.0, "x": 0.25})
    yield Case(
        "rank8",
        {
            "a": arr(2, 1, 2, 1, 2, 1, 1, 3, low=0.1, high=20),
            "b": 0.5,
            "x": arr(2, 1, 2, 1, 2, 1, 1, 3, low=0, high=1),
        },
    )


def _betainc_bench(types: Types) -> Iterator[Case]:
    for n in (1, 1000, 100_000, 1_000_000):
        yield Case(
            f"n{n}",
            {
                "a": arr(n, low=0.1, high=20),
                "b": arr(n, low=0.1, high=20),
                "x": arr(n, low=0, high=1),
            },
        )


def _polygamma_bench(types: Types) -> Iterator[Case]:
    orders = draw(lambda rng, dtype: rng.integers(0, 20, 100_000).astype(dtype), "orders 0 to 19")
    yield Case("orders-n100000", {"a": orders, "x": arr(100_000, low=0.3, high=30)})
    # NaN for most orders, which are not whole: what that costs.
    assert callable(_POLYGAMMA.bench)
    yield from _POLYGAMMA.bench(types)


register(
    replace(with_cases(_POLYGAMMA, _polygamma_cases), bench=_polygamma_bench),
    Spec(
        "Betainc",
        _betainc_cases,
        _TAILS,
        truth=_TRUTH + "betainc",
        pointwise=True,
        rejects=(
            Reject("shapes", {"a": arr(3), "b": arr(4), "x": arr(3)}, r"(?i)shape", at="load"),
        ),
        bench=_betainc_bench,
        peers=Peers(numpy="scipy.special.betainc"),
        doc="Regularised incomplete beta function I_x(a, b).",
        source="DLMF 8.17.22; Didonato and Morris 1992",
    ),
)
