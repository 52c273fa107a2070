"""Pointwise functions, bit operations, and a few kin (Cross, Angle)."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

import numpy as np

from opkit.ops._elementwise_bounds import FLUSHES, SAME, TRUTH, ulp
from opkit.spec import (
    AbsRel,
    Case,
    Domain,
    Draw,
    Exact,
    Peers,
    Reject,
    Spec,
    Types,
    Ulp,
    arr,
    binary,
    draw,
    register,
    shape_id,
    special,
    unary,
    walk,
)

_PI2 = math.pi / 2


def _plane(spec: Spec) -> Spec:
    """The spec with cases of its own for complex dtypes: a square around 0, small shapes, empty."""
    assert callable(spec.cases)
    real = spec.cases

    def cases(types: Types) -> Iterator[Case]:
        if not types.complex:
            yield from real(types)
            return
        yield Case("square", {"x": arr(2000, low=-3, high=3)})
        yield Case("near0", {"x": arr(500, low=-1e-3, high=1e-3)})
        for shape in ((), (1,), (7,), (2, 3, 4), (0,), (1, 2, 1, 2, 1, 2, 1, 2)):
            yield Case("shape" + shape_id(shape), {"x": arr(*shape, low=-2, high=2)})

    return dataclasses.replace(spec, cases=cases)


# --- functions of one argument ------------------------------------------------------------------
# float32 bounds are the worst over all 2^32 inputs (kernels/math/ACCURACY.md), rounded up.

register(
    unary(
        "Erf", Domain(-6, 6, near=(0,)), ulp(2), truth="scipy.special.erf", doc="Error function."
    ),
    unary(
        "Erfc",
        Domain(-6, 11, near=(0, 9.19)),
        ulp(2.5),
        truth=TRUTH + "erfc",  # SciPy's float64 erfc is off by 70 ULP in the tail
        truth_limit=4096,
        doc="1 - erf(x), with full relative accuracy in the tail.",
    ),
    _plane(
        unary("Expm1", Domain(-20, 89, near=(0,)), ulp(2), truth="numpy.expm1", doc="exp(x) - 1.")
    ),
    _plane(
        unary(
            "Log1p",
            Domain(-1, math.inf, near=(0, -1)),
            ulp(2),
            truth=TRUTH + "log1p",
            numpy="numpy.log1p",
            doc="log(1 + x).",
        )
    ),
    _plane(
        unary(
            "Acos", Domain(-1, 1, near=(0, 0.5, 1)), ulp(3), truth="numpy.arccos", doc="Arccosine."
        )
    ),
    _plane(
        unary("Asin", Domain(-1, 1, near=(0, 0.5, 1)), ulp(2), truth="numpy.arcsin", doc="Arcsine.")
    ),
    _plane(unary("Atan", Domain(near=(0, 1)), ulp(2), truth="numpy.arctan", doc="Arctangent.")),
    _plane(
        unary(
            "Acosh",
            Domain(1, math.inf, near=(1,)),
            ulp(2),
            truth="numpy.arccosh",
            doc="Inverse hyperbolic cosine.",
        )
    ),
    _plane(unary("Asinh", Domain(near=(0,)), ulp(2.5), truth="numpy.arcsinh", doc="Inverse sinh.")),
    _plane(
        unary(
            "Atanh",
            Domain(-1, 1, near=(0, 1)),
            ulp(2.5),
            truth="numpy.arctanh",
            doc="Inverse tanh.",
        )
    ),
    _plane(
        unary(
            "Sinh",
            Domain(-90, 90, near=(0,)),
            ulp(2.5),
            truth="numpy.sinh",
            doc="Hyperbolic sine.",
        )
    ),
    _plane(
        unary(
            "Cosh",
            Domain(-90, 90, near=(0,)),
            ulp(2),
            truth="numpy.cosh",
            doc="Hyperbolic cosine.",
        )
    ),
    _plane(
        unary(
            "Tan",
            Domain(near=(0, _PI2, -_PI2, math.pi, 1000 * _PI2)),
            ulp(4),
            truth="numpy.tan",
            doc="Tangent; huge arguments are reduced exactly.",
        )
    ),
    unary(
        "Softplus",
        Domain(-104, 100, near=(0,)),
        ulp(3.5),
        arg="features",
        truth=TRUTH + "softplus",
        doc="log(1 + exp(x)), accurate in both tails.",
    ),
    unary(
        "Softsign",
        Domain(near=(0,)),
        ulp(2),
        arg="features",
        truth=TRUTH + "softsign",
        doc="x / (1 + |x|).",
    ),
    unary(
        "Selu",
        Domain(-20, math.inf, near=(0,)),
        ulp(2),
        arg="features",
        truth=TRUTH + "selu",
        doc="Scaled exponential linear unit.",
        source="Klambauer et al. 2017",
    ),
    unary(
        "Elu",
        Domain(-20, math.inf, near=(0,)),
        ulp(2),
        arg="features",
        truth=TRUTH + "elu",
        doc="Exponential linear unit.",
        source="Clevert et al. 2015",
    ),
    _plane(
        unary("Inv", Domain(near=(0,)), ulp(0.51, 0.51), truth="numpy.reciprocal", doc="1 / x.")
    ),
    _plane(
        unary(
            "Reciprocal",
            Domain(near=(0,)),
            ulp(0.51, 0.51),
            truth="numpy.reciprocal",
            doc="1 / x.",
        )
    ),
    unary(
        "Rint",
        Domain(near=(0.5, 1.5, 8388608)),
        Exact(),
        numpy="numpy.rint",
        doc="Nearest integer, halves to even.",
    ),
    unary("IsFinite", Domain(), Exact(), numpy="numpy.isfinite", doc="Neither NaN nor infinite."),
    unary("IsInf", Domain(), Exact(), numpy="numpy.isinf", doc="Infinite of either sign."),
    unary("IsNan", Domain(), Exact(), numpy="numpy.isnan", doc="Not a number."),
    unary("Invert", Domain(), Exact(), numpy="numpy.invert", doc="All bits flipped."),
    unary(
        "PopulationCount", Domain(), Exact(), numpy="numpy.bitwise_count", doc="Number of 1 bits."
    ),
)

# --- functions of two arguments -----------------------------------------------------------------

_ANY2 = (Domain(), Domain())
_POSITIVE = Domain(0, math.inf, near=(0, 1))


def _next_after(x1: np.ndarray, x2: np.ndarray) -> np.ndarray:
    return np.nextafter(x1, x2)


register(
    binary(
        "Xlogy",
        (Domain(), _POSITIVE),
        ulp(2.5),
        truth=TRUTH + "xlogy",
        doc="x log(y), 0 where x is 0.",
    ),
    binary(
        "Xlog1py",
        (Domain(), Domain(-1, math.inf, near=(0,))),
        ulp(2.5),
        truth=TRUTH + "xlog1py",
        doc="x log1p(y), 0 where x is 0.",
    ),
    binary("Xdivy", _ANY2, ulp(0.51, 0.51), truth=TRUTH + "xdivy", doc="x / y, 0 where x is 0."),
    binary(
        "DivNoNan",
        _ANY2,
        ulp(0.51, 0.51),
        truth=TRUTH + "div_no_nan",
        doc="x / y, 0 where y is 0.",
    ),
    binary(
        "MulNoNan", _ANY2, ulp(0.51, 0.51), truth=TRUTH + "mul_no_nan", doc="x y, 0 where y is 0."
    ),
    binary(
        "NextAfter",
        _ANY2,
        Exact(),
        args=("x1", "x2"),
        reference=_next_after,  # TensorFlow's thread would flush the denormals around zero
        numpy="numpy.nextafter",
        doc="The next float after x1 towards x2.",
    ),
    binary("BitwiseAnd", _ANY2, Exact(), numpy="numpy.bitwise_and", doc="x & y."),
    binary("BitwiseOr", _ANY2, Exact(), numpy="numpy.bitwise_or", doc="x | y."),
    binary("BitwiseXor", _ANY2, Exact(), numpy="numpy.bitwise_xor", doc="x ^ y."),
    binary("LeftShift", _ANY2, Exact(), doc="x << y, y clamped to the width."),
    binary("RightShift", _ANY2, Exact(), doc="x >> y, y clamped to the width; signed keep sign."),
)


def _divisor(domain: Domain) -> Draw:
    """Values of `walk` and `special`, with integer zeros replaced by 3."""

    def make(rng: np.random.Generator, dtype: np.dtype, budget: int) -> np.ndarray:
        values = np.concatenate(
            [walk(domain).make(rng, dtype, budget), special(domain).make(rng, dtype, budget)]
        )
        values = rng.permutation(values)[: max(budget, 64)]
        if dtype.kind in "iu":
            values = np.where(values == 0, np.array(3, dtype), values)
        return values

    return Draw(make, "walk without integer zeros")


def _dividend(domain: Domain) -> Draw:
    def make(rng: np.random.Generator, dtype: np.dtype, budget: int) -> np.ndarray:
        values = np.concatenate(
            [walk(domain).make(rng, dtype, budget), special(domain).make(rng, dtype, budget)]
        )
        return rng.permutation(values)[: max(budget, 64)]

    return Draw(make, "walk")


def _nonzero(*shape: int) -> Draw:
    return draw(
        lambda rng, dtype: (rng.integers(1, 50, size=shape)).astype(dtype),
        f"{list(shape)} in [1, 50)",
    )


def _division_cases(types: Types) -> Iterator[Case]:
    yield Case("walk", {"x": _dividend(Domain()), "y": _divisor(Domain())})
    if types.integral:
        info = np.iinfo(types.main)
        ends = [info.min, info.min + 1, info.max, 7, 100]
        by = [1, 2, 3, info.max, *([-1, -7, info.min] if info.min < 0 else [])]
        x = np.repeat(np.array(ends, types.main), len(by))
        yield Case("extremes", {"x": x, "y": np.tile(np.array(by, types.main), len(ends))})
    else:
        values = special().make(np.random.default_rng(0), np.dtype("float64"), 0)
        pairs = np.meshgrid(values, values)
        yield Case("special", {"x": pairs[0].ravel(), "y": pairs[1].ravel()})
    shapes = [
        ((), ()),
        ((5,), ()),
        ((), (7,)),
        ((3, 1), (1, 4)),
        ((2, 3, 4), (4,)),
        ((1000,), (1,)),
    ]
    shapes += [((2, 1, 2, 1, 2, 1, 2, 1), (1, 3, 1, 2, 1, 2, 1, 2)), ((0, 3), (1,)), ((70,), (70,))]
    for a, b in shapes:
        tag = "x".join(map(str, a)) + "-" + "x".join(map(str, b))
        yield Case(f"shape{tag}", {"x": arr(*a, low=0, high=100), "y": _nonzero(*b)})


def _division_bench(types: Types) -> Iterator[Case]:
    for n in (1, 1000, 100_000, 1_000_000):
        yield Case(f"n{n}", {"x": arr(n, low=0, high=100), "y": _nonzero(n)})


_BY_ZERO = Reject(
    "by-zero",
    {"x": [1, 2], "y": [3, 0]},
    r"(?i)division by zero",
    at="run",
    dtypes=("int32", "int64"),
)

register(
    Spec(
        "TruncateDiv",
        _division_cases,
        SAME,
        pointwise=True,
        known=(FLUSHES,),
        bench=_division_bench,
        rejects=(_BY_ZERO,),
        doc="x / y rounded towards 0; the most negative integer over -1 wraps.",
    ),
    Spec(
        "TruncateMod",
        _division_cases,
        SAME,
        pointwise=True,
        known=(FLUSHES,),
        bench=_division_bench,
        rejects=(_BY_ZERO,),
        via={"float16": "float32", "bfloat16": "float32"},
        doc="C's remainder, sign of x.",
    ),
)

# --- Cross, Angle -------------------------------------------------------------------------------


def _cross_cases(types: Types) -> Iterator[Case]:
    for shape in ((3,), (1, 3), (5, 3), (100, 3), (2, 3, 4, 3), (0, 3), (1, 2, 1, 2, 1, 2, 1, 3)):
        tag = "x".join(map(str, shape))
        yield Case(f"shape{tag}", {"a": arr(*shape), "b": arr(*shape)})
    if types.integral:
        wide = np.iinfo(types.main)
        low, high = wide.min, wide.max
        values = draw(
            lambda rng, dtype: rng.integers(low, high, size=(50, 3), dtype=dtype, endpoint=True),
            "any integers",
        )
        yield Case("wrapping", {"a": values, "b": values})


register(
    Spec(
        "Cross",
        _cross_cases,
        {
            "float32": AbsRel(atol=3e-7),
            "float64": AbsRel(atol=6e-16),
            "float16": AbsRel(atol=2.5e-3),
            "bfloat16": AbsRel(atol=2e-2),
        },
        bench=lambda types: [Case("n100000", {"a": arr(100_000, 3), "b": arr(100_000, 3)})],
        rejects=(
            Reject("last-not-3", {"a": arr(2, 4), "b": arr(2, 4)}, r"last dimension must be 3"),
            Reject("shapes-differ", {"a": arr(2, 3), "b": arr(1, 3)}, r"differ"),
        ),
        doc="Cross products of 3-vectors; the bounds are for components up to 1 in size, where "
        "TensorFlow's own products round.",
    ),
)


def _angle_cases(types: Types) -> Iterator[Case]:
    if types["Tout"] != {"complex64": "float32", "complex128": "float64"}[types.main]:
        return
    out = {"Tout": types["Tout"]}
    yield Case("walk", {"input": walk()}, out)
    yield Case("special", {"input": special()}, out)
    for shape in ((), (1,), (5,), (2, 3), (0,), (1, 2, 1, 2, 1, 2, 1, 2)):
        yield Case("shape" + ("x".join(map(str, shape)) or "scalar"), {"input": arr(*shape)}, out)


def _angle_truth(z: np.ndarray, Tout: str = "float32") -> np.ndarray:
    return np.arctan2(z.imag, z.real)


register(
    Spec(
        "Angle",
        _angle_cases,
        {"complex64": Ulp(2), "complex128": Ulp(2)},
        truth=_angle_truth,
        bench=lambda types: (
            [Case("n100000", {"input": arr(100_000)}, {"Tout": types["Tout"]})]
            if types.main == "complex64" and types["Tout"] == "float32"
            else []
        ),
        peers=Peers(numpy="numpy.angle"),
        doc="Argument of complex numbers.",
    ),
)
