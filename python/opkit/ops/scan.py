"""Running products, sums and log-sum-exps along an axis."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from opkit.spec import (
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
    draw,
    register,
    walk,
)

_SOURCE = "tensorflow/core/kernels/scan_ops.h"


def _modes() -> Iterator[tuple[str, dict[str, bool]]]:
    for exclusive in (False, True):
        for reverse in (False, True):
            name = ("-exclusive" if exclusive else "") + ("-reverse" if reverse else "")
            yield name, {"exclusive": exclusive, "reverse": reverse}


def _cases(types: Types) -> Iterator[Case]:
    shapes = [((1,), 0), ((7,), 0), ((3, 5), 0), ((3, 5), 1), ((9, 33), -1), ((17, 4), 1)]
    shapes += [((2, 3, 4), 1), ((2, 3, 4), -3), ((1, 2, 1, 3, 2, 2, 1, 2), 5), ((5, 200), 0)]
    shapes += [((15, 6), 1), ((2, 2, 2500), 1)]  # a group of rows less one; blocks of columns
    if types.main in ("float16", "bfloat16"):
        shapes += [((70, 131), 1), ((4, 600), 0)]  # more than a block of rows, steps, columns
    low, high = (0.5, 1.5) if types.floating or types.complex else (None, None)
    for shape, axis in shapes:
        for name, attrs in _modes():
            case = f"{'x'.join(map(str, shape))}-axis{axis}{name}"
            x = arr(*shape, low=low, high=high)
            yield Case(case, {"x": x, "axis": np.array(axis)}, attrs)
    for shape in ((0,), (3, 0), (0, 2, 3)):
        name = "x".join(map(str, shape))
        yield Case(f"empty-{name}", {"x": arr(*shape), "axis": np.array(0)})
    yield Case("constant-axis", {"x": arr(4, 6), "axis": np.array(1)}, constant=("axis",))
    if types.floating or types.complex:
        for shape, axis in (((5,), 0), ((19, 6), 1), ((6, 19), 0)):
            for name, attrs in _modes():
                case = f"negative-zeros-{'x'.join(map(str, shape))}{name}"
                yield Case(case, {"x": _negative_zeros(*shape), "axis": np.array(axis)}, attrs)
    if types.integral:
        yield Case("wraps", {"x": walk(), "axis": np.array(0)})


def _negative_zeros(*shape: int) -> Draw:
    """Few of them are 1: what comes before is -0 at every place."""

    def make(rng: np.random.Generator, dtype: np.dtype) -> np.ndarray:
        return np.where(rng.uniform(size=shape) < 0.1, 1.0, -0.0).astype(dtype)

    return draw(make, f"{list(shape)} negative zeros and ones")


def _product_cases(types: Types) -> Iterator[Case]:
    """Also complex numbers with infinite parts, along rows and along columns that fill vectors."""
    yield from _cases(types)
    if not types.complex:
        return
    for shape, axis in (((7, 9), 1), ((9, 16), 0)):
        for name, attrs in _modes():
            case = f"infinite-{'x'.join(map(str, shape))}{name}"
            yield Case(case, {"x": _infinite(*shape), "axis": np.array(axis)}, attrs)


def _infinite(*shape: int) -> Draw:
    """Complex numbers about 1, some of them with an infinite part."""

    def make(rng: np.random.Generator, dtype: np.dtype) -> np.ndarray:
        x = np.empty(shape, dtype)
        x.real, x.imag = rng.uniform(0.5, 1.5, shape), rng.uniform(-1, 1, shape)
        x.real[rng.uniform(size=shape) < 0.1] = np.inf
        x.imag[rng.uniform(size=shape) < 0.1] = -np.inf
        return x

    return draw(make, f"{list(shape)} with infinite parts")


def _log_cases(types: Types) -> Iterator[Case]:
    """Also values far apart, infinities, and an axis of several chunks."""
    yield from _cases(types)
    if types.main not in ("float32", "float64"):
        return
    for name, attrs in _modes():
        far = draw(lambda rng, d: rng.uniform(-3e3, 3e3, (40, 3)).astype(d), "from -3000 to 3000")
        yield Case(f"far{name}", {"x": far, "axis": np.array(0)}, attrs)
        hard = draw(lambda rng, d: rng.choice(_HARD, (60, 5)).astype(d), "infinities, 0, 700")
        yield Case(f"infinite{name}", {"x": hard, "axis": np.array(1)}, attrs)
        long = arr(2, 5000, low=-2, high=2)
        yield Case(f"long{name}", {"x": long, "axis": np.array(1)}, attrs)


_HARD = np.array([-np.inf, -np.inf, -np.inf, np.inf, -800.0, 0.0, 700.0, 1e30, -1e30])


def _bench(types: Types) -> Iterator[Case]:
    for shape, axis in (((1000, 1000), 1), ((1000, 1000), 0), ((64, 128, 128), 1), ((100000,), 0)):
        name = "x".join(map(str, shape))
        x = arr(*shape, low=0.999, high=1.001) if types.floating else arr(*shape)
        if types.complex:
            x = _unit_circle(*shape)
        yield Case(f"{name}-axis{axis}", {"x": x, "axis": np.array(axis)})


def _unit_circle(*shape: int) -> Draw:
    """Complex numbers of modulus 1, whose products neither grow nor vanish."""

    def make(rng: np.random.Generator, dtype: np.dtype) -> np.ndarray:
        return np.exp(2j * np.pi * rng.uniform(size=shape)).astype(dtype)

    return draw(make, f"{list(shape)} on the unit circle")


_REJECTS = (
    Reject("axis-too-large", {"x": arr(2, 3), "axis": np.array(2)}, r"axis is 2"),
    Reject("axis-too-small", {"x": arr(2, 3), "axis": np.array(-3)}, r"axis is -3"),
)


def _log_sum_exp(
    x: np.ndarray, axis: np.ndarray, exclusive: bool = False, reverse: bool = False
) -> Any:
    """TensorFlow's result; for float32 that of float64, as a float32 kernel's roundings add up from
    step to step: TensorFlow's is 3 ULP off after 200 of them, and ours is not."""
    import tensorflow as tf

    wide = x.astype(np.float64) if x.dtype == np.float32 else x
    result = tf.raw_ops.CumulativeLogsumexp(
        x=tf.constant(wide), axis=axis, exclusive=exclusive, reverse=reverse
    )
    with np.errstate(over="ignore"):
        return result.numpy().astype(x.dtype)


def _spec(name: str, tolerance: object, cases: Any = _cases, **more: Any) -> Spec:
    return Spec(
        name,
        cases,
        tolerance,
        rejects=_REJECTS,
        bench=_bench,
        domain=(Domain(-2, 2),),
        peers=Peers(numpy={"Cumprod": "numpy.cumprod", "Cumsum": "numpy.cumsum"}.get(name)),
        source=_SOURCE,
        **more,
    )


_IN_ORDER = "along an axis, in order, so equal to TensorFlow's."

register(
    _spec("Cumprod", Exact(), _product_cases, doc=f"Running product {_IN_ORDER}"),
    _spec("Cumsum", Exact(), doc=f"Running sum {_IN_ORDER}"),
    _spec(
        "CumulativeLogsumexp",
        {"float32": Ulp(1), "float64": Ulp(2)},
        _log_cases,
        reference=_log_sum_exp,
        doc="Running log(sum(exp(x))) along an axis; float32 is computed in float64. A NaN"
        " stays, which TensorFlow drops.",
    ),
)
