"""Reductions over segments: rows of a tensor that carry the same id."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from opkit.spec import (
    Case,
    Custom,
    Exact,
    Peers,
    Reject,
    Spec,
    Types,
    arr,
    draw,
    ints,
    register,
)

_SOURCE = "tensorflow/core/kernels/segment_reduction_ops_impl.h"


def _sorted_ids(n: int, segments: int) -> Any:
    return draw(
        lambda rng, dtype: np.sort(rng.integers(0, segments, n)).astype(dtype),
        f"{n} sorted ids below {segments}",
    )


def _data(types: Types, *shape: int) -> Any:
    # Products of up to a few dozen values must neither overflow nor vanish in float16.
    return arr(*shape, low=0.5, high=1.5) if types.floating else arr(*shape)


def _near_one(types: Types, *shape: int) -> Any:
    return arr(*shape, low=0.98, high=1.02) if types.floating or types.complex else arr(*shape)


def _unsorted(types: Types) -> Iterator[Case]:
    def call(x: Any, ids: Any, n: int) -> dict[str, Any]:
        return {"data": x, "segment_ids": ids, "num_segments": np.array(n)}

    for inner in ((), (1,), (3,), (16,), (33,), (2, 3), (200,)):
        name = "x".join(map(str, inner)) or "vector"
        yield Case(name, call(_data(types, 50, *inner), ints(50, low=-2, high=7), 9))
    # More than 16-bit floats are widened at once.
    yield Case("large", call(_data(types, 700, 100), ints(700, low=-1, high=300), 300))
    yield Case("ids-of-rank-2", call(_data(types, 4, 5, 3), ints(4, 5, low=-1, high=6), 6))
    yield Case("ids-of-full-rank", call(_data(types, 4, 5), ints(4, 5, low=-1, high=6), 6))
    yield Case("scalar-id", call(_data(types, 4), ints(low=0, high=3), 3))
    yield Case("all-dropped", call(_data(types, 6, 2), ints(6, low=-5, high=0), 3))
    yield Case("no-segments", call(_data(types, 3, 2), ints(3, low=-5, high=0), 0))
    yield Case("no-rows", call(_data(types, 0, 2), ints(0), 4))
    yield Case("no-columns", call(_data(types, 3, 0), ints(3, high=2), 4))
    yield Case("no-columns-any-id", call(_data(types, 3, 0), np.array([1, 9, -4]), 4))
    if types.integral:
        yield Case("wraps", call(_any_integer(300), ints(300, high=5), 5))


def _infinite(rows: int, inner: int) -> Any:
    """Columns of -infinity, of infinity, and so on."""

    def make(rng: np.random.Generator, dtype: np.dtype) -> np.ndarray:
        signs = np.where(np.arange(inner) % 2, 1.0, -1.0)
        return (np.full((rows, 1), np.inf) * signs).astype(dtype)

    return draw(make, f"[{rows},{inner}] infinities")


def _any_integer(n: int) -> Any:
    def make(rng: np.random.Generator, dtype: np.dtype) -> np.ndarray:
        info = np.iinfo(dtype)
        return rng.integers(info.min, info.max, n, dtype=dtype, endpoint=True)

    return draw(make, f"{n} integers of any value")


def _sorted(types: Types, product: bool) -> Iterator[Case]:
    for inner in ((), (1,), (3,), (16,), (33,), (2, 3)):
        name = "x".join(map(str, inner)) or "vector"
        yield Case(name, {"data": _data(types, 40, *inner), "segment_ids": _sorted_ids(40, 15)})
    # Long stretches of one id take another way than short ones.
    for inner in ((), (1,), (5,), (67,)):
        name = "x".join(map(str, ("long", *inner)))
        data = _near_one(types, 500, *inner)
        yield Case(name, {"data": data, "segment_ids": _sorted_ids(500, 8)})
    if not product and not types.integral:  # rounding errors of a sum grow with its length
        for inner in ((), (19,)):
            data = _data(types, 2000, *inner)
            name = "x".join(map(str, ("longest", *inner)))
            yield Case(name, {"data": data, "segment_ids": _sorted_ids(2000, 2)})
    yield Case(
        "gaps",
        {"data": _data(types, 5, 3), "segment_ids": np.array([2, 2, 5, 9, 9])},
    )
    yield Case("no-rows", {"data": _data(types, 0, 3), "segment_ids": np.zeros(0)})
    if types.floating:
        for width in (1, 3, 40):
            ids = np.array([0, 1, 1, 3])
            yield Case(f"infinite-{width}", {"data": _infinite(4, width), "segment_ids": ids})


def _timed(types: Types, product: bool, *shape: int) -> Any:
    """Hundreds of values a segment: their products stay in range, their sums have both signs."""
    return _near_one(types, *shape) if product else arr(*shape)


def _bench_unsorted(types: Types, product: bool) -> Iterator[Case]:
    for rows, inner, segments in ((100_000, 16, 1000), (100_000, 1, 1000), (10_000, 256, 100)):
        yield Case(
            f"{rows}x{inner}-{segments}",
            {
                "data": _timed(types, product, rows, inner),
                "segment_ids": ints(rows, high=segments),
                "num_segments": np.array(segments),
            },
        )


def _bench_sorted(types: Types, product: bool) -> Iterator[Case]:
    for rows, inner, segments in (
        (100_000, 16, 1000),
        (100_000, 1, 1000),
        (100_000, 1, 30_000),
        (10_000, 256, 100),
    ):
        yield Case(
            f"{rows}x{inner}-{segments}",
            {
                "data": _timed(types, product, rows, inner),
                "segment_ids": _sorted_ids(rows, segments),
            },
        )


_UNSORTED_REJECTS = (
    Reject(
        "id-too-large",
        {"data": arr(2, 2), "segment_ids": np.array([0, 3]), "num_segments": np.array(3)},
        r"segment_ids\[1\] = 3 is out of range \[0, 3\)",
    ),
    Reject(
        "negative-count",
        {"data": arr(2, 2), "segment_ids": np.array([0, 1]), "num_segments": np.array(-1)},
        "num_segments is -1",
    ),
    Reject(
        "ids-are-no-prefix",
        {"data": arr(2, 2), "segment_ids": np.array([0, 1, 1]), "num_segments": np.array(2)},
        "no prefix",
    ),
)
_SORTED_REJECTS = (
    Reject(
        "not-sorted",
        {"data": arr(3, 2), "segment_ids": np.array([0, 2, 1])},
        "not increasing",
    ),
    Reject("negative", {"data": arr(2, 2), "segment_ids": np.array([-1, 0])}, ">= 0"),
    Reject("too-few-ids", {"data": arr(3, 2), "segment_ids": np.array([0, 1])}, "one for each row"),
)


def _int16_reference(op: str) -> Callable[..., Any]:
    """TF registers int16 ids but its op definition takes int32 and int64 only."""

    def compute(data: np.ndarray, segment_ids: np.ndarray, num_segments: np.ndarray) -> Any:
        import tensorflow as tf

        ids = segment_ids.astype(np.int32) if segment_ids.dtype == np.int16 else segment_ids
        return getattr(tf.raw_ops, op)(
            data=tf.constant(data), segment_ids=ids, num_segments=num_segments
        ).numpy()

    return compute


_EPS = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float32": 2.0**-23, "float64": 2.0**-52}


def _eps(dtype: np.dtype) -> float:
    part = {"complex64": "float32", "complex128": "float64"}.get(dtype.name, dtype.name)
    return _EPS[part]


def _error(combine: np.ufunc, mean: bool = False) -> Callable[..., float]:
    """The metric of a sum, mean or product of floats: worst error in eps of the magnitudes.

    The truth is computed in extended precision. An error is measured against the sum (product,
    mean) of the absolute values, which is what bounds the rounding errors of any order of
    summation; TensorFlow's order is its own for each shape. Segments without rows and values that
    are not finite must be TensorFlow's.
    """

    def metric(inputs: dict[str, Any], attrs: dict[str, Any], got: Any, want: Any) -> float:
        data, ids = np.asarray(inputs["data"]), np.asarray(inputs["segment_ids"]).astype(np.int64)
        found, reference = got[0], want[0]
        if found.shape != reference.shape or found.dtype != reference.dtype:
            return float("inf")
        if found.size == 0:
            return 0.0
        wide = np.clongdouble if data.dtype.kind == "c" else np.longdouble
        rows = data.astype(wide).reshape(ids.size, found.size // found.shape[0])
        ids, keep = ids.ravel(), ids.ravel() >= 0
        truth = np.full((found.shape[0], rows.shape[1]), combine.identity, wide)
        size = truth.real.copy()
        count = np.bincount(ids[keep], minlength=found.shape[0])
        combine.at(truth, ids[keep], rows[keep])
        combine.at(size, ids[keep], np.abs(rows[keep]))
        if mean:
            divisor = np.maximum(count, 1)[:, None]
            truth, size = truth / divisor, size / divisor
        result = found.astype(wide).reshape(truth.shape)
        theirs = reference.astype(wide).reshape(truth.shape)
        settled = (count == 0)[:, None] | ~np.isfinite(theirs)
        same = (result == theirs) | (np.isnan(result) & np.isnan(theirs))
        with np.errstate(all="ignore"):
            error = np.abs(result - truth) / (_eps(data.dtype) * size)
        error = np.where(result == truth, 0, error)
        error = np.where(settled, np.where(same, 0, np.inf), error)
        return float(np.where(np.isnan(error), np.inf, error).max())

    return metric


def _floats(metric: Callable[..., float], bound: float) -> dict[str, Custom]:
    tolerance = Custom(metric, bound, "eps of the magnitudes", by_inputs=True)
    dtypes = ("float32", "float64", "float16", "bfloat16", "complex64", "complex128")
    return dict.fromkeys(dtypes, tolerance)


_SUM = _floats(_error(np.add), 4)
_MEAN = _floats(_error(np.add, mean=True), 4)
_PRODUCT = _floats(_error(np.multiply), 16)


def _unsorted_spec(name: str, tolerance: Any, what: str) -> Spec:
    return Spec(
        name,
        _unsorted,
        tolerance,
        reference=_int16_reference(name),
        rejects=_UNSORTED_REJECTS,
        bench=lambda types: _bench_unsorted(types, name.endswith("Prod")),
        peers=Peers(builtin=name if name != "UnsortedSegmentMean" else None),
        doc=f"{what} of the rows of each segment; rows with a negative id are dropped.",
        source=_SOURCE,
    )


def _sorted_spec(name: str, tolerance: Any, what: str) -> Spec:
    product = name.endswith("Prod")
    return Spec(
        name,
        lambda types: _sorted(types, product),
        tolerance,
        rejects=_SORTED_REJECTS,
        bench=lambda types: _bench_sorted(types, product),
        doc=f"{what} of the rows of each segment; ids are sorted.",
        source=_SOURCE,
    )


register(
    _unsorted_spec("UnsortedSegmentSum", _SUM, "Sum"),
    _unsorted_spec("UnsortedSegmentProd", _PRODUCT, "Product"),
    _unsorted_spec("UnsortedSegmentMax", Exact(), "Maximum"),
    _unsorted_spec("UnsortedSegmentMin", Exact(), "Minimum"),
    _sorted_spec("SegmentSum", _SUM, "Sum"),
    _sorted_spec("SegmentProd", _PRODUCT, "Product"),
    _sorted_spec("SegmentMean", _MEAN, "Mean"),
    _sorted_spec("SegmentMax", Exact(), "Maximum"),
    _sorted_spec("SegmentMin", Exact(), "Minimum"),
)
