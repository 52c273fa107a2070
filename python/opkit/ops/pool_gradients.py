"""Gradients of pooling."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from opkit.ops._windows import elements_before, windows_along
from opkit.spec import AbsRel, Case, Exact, Peers, Spec, Types, arr, numpy_dtype, register


def _windows(rank: int) -> Iterator[tuple[str, tuple[int, ...], dict[str, Any]]]:
    for k, s in ((2, 2), (3, 2), (3, 1), (2, 3)):
        for padding in ("SAME", "VALID"):
            for c in (1, 3, 9):
                spatial = (6, 7) if rank == 4 else (4, 5, 6)
                ones = rank - 2
                attrs = {
                    "ksize": [1, *[k] * ones, 1],
                    "strides": [1, *[s] * ones, 1],
                    "padding": padding,
                }
                yield f"k{k}-s{s}-{padding}-c{c}", (2, *spatial, c), attrs


def _padding(attrs: dict[str, Any], axis: int) -> Any:
    pads = attrs.get("explicit_paddings")
    return (pads[2 * axis], pads[2 * axis + 1]) if pads else attrs["padding"]


def _pooled(shape: tuple[int, ...], attrs: dict[str, Any]) -> tuple[int, ...]:
    out = list(shape)
    for i in range(1, len(shape) - 1):
        k, s = attrs["ksize"][i], attrs["strides"][i]
        out[i] = windows_along(shape[i], k, s, _padding(attrs, i))
    return tuple(out)


def _max_inputs(x: np.ndarray, attrs: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """x, its pooled maximum and a gradient; the maximum from windows of NumPy."""
    shape = _pooled(x.shape, attrs)
    y = np.zeros(shape, x.dtype)
    rank = x.ndim
    for place in np.ndindex(*shape[1:-1]):
        cut: list[slice] = [slice(None)]
        for i in range(1, rank - 1):
            k, s = attrs["ksize"][i], attrs["strides"][i]
            start = place[i - 1] * s - elements_before(x.shape[i], k, s, _padding(attrs, i))
            cut.append(slice(max(start, 0), min(start + k, x.shape[i])))
        window = x[tuple(cut)]
        y[(slice(None), *place)] = window.max(tuple(range(1, rank - 1)))
    dy = rng.integers(1, 9, shape).astype(x.dtype)
    return {"orig_input": x, "orig_output": y, "grad": dy}


def _max_cases(rank: int) -> Callable[[Types], Iterator[Case]]:
    def cases(types: Types) -> Iterator[Case]:
        rng = np.random.default_rng(rank)
        dtype = numpy_dtype(types.main)
        for name, shape, attrs in _windows(rank):
            # Few values, so that windows hold their maximum more than once.
            x = rng.integers(0, 5, shape).astype(dtype)
            yield Case(name, _max_inputs(x, attrs, rng), attrs)
        if rank == 4:
            attrs = {
                "ksize": [1, 3, 2, 1],
                "strides": [1, 2, 1, 1],
                "padding": "EXPLICIT",
                "explicit_paddings": [0, 0, 2, 1, 0, 1, 0, 0],
            }
            x = rng.integers(0, 5, (2, 6, 5, 3)).astype(dtype)
            yield Case("explicit", _max_inputs(x, attrs, rng), attrs)

    return cases


def _avg_cases(rank: int) -> Callable[[Types], Iterator[Case]]:
    def cases(types: Types) -> Iterator[Case]:
        for name, shape, attrs in _windows(rank):
            inputs = {
                "orig_input_shape": np.array(shape, np.int32),
                "grad": arr(*_pooled(shape, attrs)),
            }
            yield Case(name, inputs, attrs)

    return cases


def _pool_bench(maximum: bool, rank: int) -> Callable[[Types], Iterator[Case]]:
    def cases(types: Types) -> Iterator[Case]:
        shape = (8, 56, 56, 64) if rank == 4 else (1, 16, 32, 32, 16)
        for k, s in ((2, 2), (3, 2)):
            attrs = {
                "ksize": [1, *[k] * (rank - 2), 1],
                "strides": [1, *[s] * (rank - 2), 1],
                "padding": "SAME",
            }
            out = _pooled(shape, attrs)
            inputs: dict[str, Any]
            if maximum:
                inputs = {"orig_input": arr(*shape), "orig_output": arr(*out), "grad": arr(*out)}
            else:
                inputs = {"orig_input_shape": np.array(shape, np.int32), "grad": arr(*out)}
            yield Case(f"k{k}-s{s}", inputs, attrs)

    return cases


_AVERAGES = {
    "float32": AbsRel(atol=1e-6, rtol=1e-6),
    "float64": AbsRel(atol=1e-15, rtol=1e-15),
    "float16": AbsRel(atol=2e-3, rtol=2e-3),
    # TF accumulates up to 27 shares in bfloat16, we in float32.
    "bfloat16": AbsRel(atol=3e-2, rtol=3e-2),
}


def _pool_spec(name: str, rank: int, maximum: bool, tolerance: Any, doc: str, **more: Any) -> Spec:
    return Spec(
        name,
        (_max_cases if maximum else _avg_cases)(rank),
        tolerance,
        bench=_pool_bench(maximum, rank),
        peers=Peers(lowering=False),
        doc=doc,
        source="tensorflow/core/kernels/maxpooling_op.cc, avgpooling_op.cc, pooling_ops_3d.cc",
        **more,
    )


register(
    _pool_spec("MaxPoolGrad", 4, True, Exact(), "Gradient to the first maximum of each window."),
    _pool_spec("AvgPoolGrad", 4, False, _AVERAGES, "Gradient spread over each window."),
    _pool_spec(
        "MaxPool3DGrad",
        5,
        True,
        Exact(),
        "Gradient to all elements of a window that equal its maximum within 1e-5. A padded window"
        " larger than the input ends where it ends; TensorFlow's reaches further.",
        via={"float16": "float32"},
    ),
    _pool_spec(
        "AvgPool3DGrad",
        5,
        False,
        {**_AVERAGES, "float64": _AVERAGES["float32"]},
        "Gradient spread over each window.",
        via={"float16": "float32", "float64": "float32"},  # TF has neither
    ),
)
