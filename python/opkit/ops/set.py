"""Distinct values: Unique and its relatives."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from opkit.spec import Case, Draw, Peers, Reject, Spec, Types, arr, draw, register

_SOURCE = "tensorflow/core/kernels/unique_op.cc"


def _few(n: int, values: int = 20) -> Draw:
    """`n` numbers with many repeats."""
    return arr(n, low=0, high=values)


def _spread(n: int) -> Draw:
    """`n` numbers over the whole range of the dtype, each about twice."""

    def make(rng: np.random.Generator, dtype: np.dtype) -> np.ndarray:
        if dtype.kind in "iu":
            info = np.iinfo(dtype)
            pool = rng.integers(info.min, info.max, n // 2 + 1, dtype=dtype, endpoint=True)
        else:
            pool = (rng.standard_normal(n // 2 + 1) * 1e3).astype(dtype)
        return rng.choice(pool, n)

    return draw(make, f"{n} values, each about twice")


def _specials() -> Draw:
    """Both zeros, several NaNs and infinities, repeated."""
    values = [0.0, -0.0, np.nan, np.inf, -np.inf, np.nan, 1.5, -0.0, np.inf]
    return draw(lambda rng, dtype: np.array(values * 2).astype(dtype), "zeros, NaN, Inf")


def _flat(types: Types, axis: dict[str, list[int]]) -> Iterator[Case]:
    for n in (0, 1, 2, 100, 5000):
        yield Case(f"few-{n}", {"x": _few(n), **axis})
    if types.main not in ("string", "bool"):
        yield Case("spread-5000", {"x": _spread(5000), **axis})
        yield Case("all-equal", {"x": draw(lambda rng, d: np.full(77, 3, d), "threes"), **axis})
    if types.floating:
        yield Case("specials", {"x": _specials(), **axis})


def _flat_cases(types: Types) -> Iterator[Case]:
    yield from _flat(types, {})


def _axis_cases(types: Types) -> Iterator[Case]:
    yield from _flat(types, {"axis": []})
    for axis in (0, -1):
        yield Case(f"vector-axis{axis}", {"x": _few(50), "axis": [axis]})
    for shape, axis in (
        ((40, 2), 0),
        ((2, 40), 1),
        ((2, 40), -1),
        ((2, 30, 2), 1),
        ((1, 30, 1), 1),
        ((5, 0), 0),
        ((0, 5), 0),
        ((3, 1, 1, 2), 3),
    ):
        name = "x".join(map(str, shape))
        yield Case(f"{name}-axis{axis}", {"x": arr(*shape, low=0, high=3), "axis": [axis]})
    if types.floating:
        rows = [[0.0, 1.0], [-0.0, 1.0], [np.nan, 1.0], [np.nan, 1.0], [1.0, 0.0]]
        zeros = draw(lambda rng, dtype: np.array(rows).astype(dtype), "rows with zeros and NaN")
        yield Case("special-rows", {"x": zeros, "axis": [0]})


def _bench(types: Types, axis: dict[str, list[int]]) -> Iterator[Case]:
    for n in (1000, 100_000):
        yield Case(f"few-{n}", {"x": _few(n, 100), **axis})
        if types.main not in ("string", "bool"):
            yield Case(f"spread-{n}", {"x": _spread(n), **axis})


def _numpy_unique(x: np.ndarray, axis: np.ndarray) -> tuple[np.ndarray, ...]:
    """The same parts, values in ascending order; the timed cases have no axis."""
    return np.unique(x, return_inverse=True)


_AXIS_REJECTS = (
    Reject("axis-out-of-range", {"x": arr(3, 4), "axis": [2]}, "axis is 2"),
    Reject("axis-below-range", {"x": arr(3, 4), "axis": [-3]}, "axis is -3"),
    Reject("two-axes", {"x": arr(3, 4), "axis": [0, 1]}, "axis has 2 values"),
    Reject("matrix-without-axis", {"x": arr(3, 4), "axis": []}, "want rank 1"),
)

_DOC = (
    "Distinct values in order of first occurrence; -0 equals 0, a NaN equals nothing, as in "
    "TensorFlow."
)

register(
    *(
        Spec(
            name,
            _flat_cases,
            rejects=(Reject("matrix", {"x": arr(2, 3)}, r"want \[n\]"),),
            bench=lambda types: _bench(types, {}),
            bench_dtypes=("int32", "int64", "float32", "string"),
            peers=Peers(numpy="numpy.unique", lowering=False),
            doc=_DOC,
            source=_SOURCE,
        )
        for name in ("Unique", "UniqueWithCounts")
    ),
    *(
        Spec(
            name,
            _axis_cases,
            rejects=_AXIS_REJECTS,
            bench=lambda types: _bench(types, {"axis": []}),
            bench_dtypes=("int32", "int64", "float32", "string"),
            peers=Peers(numpy=_numpy_unique, lowering=False),
            doc=_DOC,
            source=_SOURCE,
        )
        for name in ("UniqueV2", "UniqueWithCountsV2")
    ),
)
