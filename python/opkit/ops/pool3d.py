"""3-D pooling of volumes: MaxPool3D, AvgPool3D."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from opkit.ops._windows import elements_before, windows_along
from opkit.spec import AbsRel, Case, Peers, Reject, Spec, Types, Ulp, arr, register

_SOURCE = "tensorflow/core/kernels/pooling_ops_3d.cc"
_SAME = (
    "Padding SAME with strides far beyond the window starts at the first element, as TensorFlow's"
    " oneDNN kernels do; its Eigen kernels start later."
)


def _span(size: int, window: int, stride: int, padding: str) -> tuple[int, int]:
    """(output size, padding before) of one dimension."""
    along = (size, window, stride, padding)
    return windows_along(*along), elements_before(*along)


def _pool_numpy(
    x: np.ndarray, ksize: list[int], strides: list[int], padding: str, mean: bool
) -> np.ndarray:
    """Pooling in float64, NDHWC, for dtypes TensorFlow has no CPU kernel for."""
    spans = [_span(x.shape[i], ksize[i], strides[i], padding) for i in (1, 2, 3)]
    out = np.empty((x.shape[0], *(n for n, _ in spans), x.shape[4]), np.float64)
    wide = x.astype(np.float64)
    for place in np.ndindex(*(n for n, _ in spans)):
        cut = []
        for axis in range(3):
            start = place[axis] * strides[axis + 1] - spans[axis][1]
            cut.append(slice(max(start, 0), min(start + ksize[axis + 1], x.shape[axis + 1])))
        window = wide[:, cut[0], cut[1], cut[2], :]
        reduced = window.mean((1, 2, 3)) if mean else window.max((1, 2, 3))
        out[:, place[0], place[1], place[2], :] = reduced
    return out.astype(x.dtype)


def _reference(op: str) -> Callable[..., Any]:
    def compute(
        input: np.ndarray,
        ksize: list[int],
        strides: list[int],
        padding: str,
        data_format: str = "NDHWC",
    ) -> Any:
        if data_format == "NCDHW":  # TF's CPU kernel takes NDHWC only
            to_last = [0, 2, 3, 4, 1]
            moved = compute(
                np.ascontiguousarray(input.transpose(to_last)),
                [ksize[i] for i in to_last],
                [strides[i] for i in to_last],
                padding,
            )
            return np.asarray(moved).transpose(0, 4, 1, 2, 3)
        if input.dtype.name in ("float16", "float64"):
            return _pool_numpy(input, ksize, strides, padding, op == "AvgPool3D")
        import tensorflow as tf

        return getattr(tf.raw_ops, op)(
            input=tf.constant(input), ksize=ksize, strides=strides, padding=padding
        ).numpy()

    return compute


def _attrs(k: tuple[int, ...], s: tuple[int, ...], padding: str) -> dict[str, Any]:
    return {"ksize": [1, *k, 1], "strides": [1, *s, 1], "padding": padding}


def _cases(types: Types) -> Iterator[Case]:
    windows = [
        ((2, 2, 2), (2, 2, 2)),
        ((3, 3, 3), (1, 1, 1)),
        ((3, 3, 3), (2, 2, 2)),
        ((1, 2, 3), (1, 1, 2)),
        ((3, 2, 1), (2, 1, 1)),
        ((2, 2, 2), (3, 3, 3)),
    ]
    for k, s in windows:
        for padding in ("SAME", "VALID"):
            for c in (1, 3, 17):
                name = f"k{k[0]}{k[1]}{k[2]}-s{s[0]}{s[1]}{s[2]}-{padding}-c{c}"
                yield Case(name, {"input": arr(2, 5, 6, 7, c)}, _attrs(k, s, padding))
    yield Case("k555-c8", {"input": arr(1, 6, 6, 6, 8)}, _attrs((5, 5, 5), (1, 1, 1), "SAME"))
    yield Case("k1-1-19", {"input": arr(1, 1, 1, 40, 2)}, _attrs((1, 1, 19), (1, 1, 1), "SAME"))
    yield Case("wide-rows", {"input": arr(1, 3, 4, 33, 32)}, _attrs((3, 3, 3), (1, 1, 1), "SAME"))
    yield Case("whole", {"input": arr(1, 4, 3, 2, 5)}, _attrs((4, 3, 2), (1, 1, 1), "VALID"))
    yield Case("empty-batch", {"input": arr(0, 4, 3, 2, 5)}, _attrs((2, 2, 2), (1, 1, 1), "SAME"))
    if not types.quantized:
        for padding in ("SAME", "VALID"):
            yield Case(
                f"NCDHW-{padding}",
                {"input": arr(2, 3, 5, 6, 7)},
                {
                    "ksize": [1, 1, 2, 3, 3],
                    "strides": [1, 1, 2, 1, 2],
                    "padding": padding,
                    "data_format": "NCDHW",
                },
            )


def _bench(types: Types) -> Iterator[Case]:
    for c in (1, 16, 32):
        for k, s in ((2, 2), (3, 1), (3, 2)):
            yield Case(
                f"1x16x64x64x{c}-k{k}-s{s}",
                {"input": arr(1, 16, 64, 64, c)},
                _attrs((k,) * 3, (s,) * 3, "SAME"),
            )
    for batch in (1, 32):  # what examples/digits pools: three zooms of 8x8 features
        yield Case(
            f"{batch}x3x8x8x16-k322-s322",
            {"input": arr(batch, 3, 8, 8, 16)},
            _attrs((3, 2, 2), (3, 2, 2), "VALID"),
        )


_REJECTS = (
    Reject(
        "batch-window",
        {"input": arr(2, 2, 2, 2, 1)},
        "have to be 1 for batch and channels",
        {"ksize": [2, 1, 1, 1, 1], "strides": [1] * 5, "padding": "SAME"},
    ),
    Reject(
        "window-larger-than-input",
        {"input": arr(1, 2, 2, 2, 1)},
        "does not fit",
        {"ksize": [1, 4, 1, 1, 1], "strides": [1] * 5, "padding": "VALID"},
    ),
    Reject(
        "stride-0",
        {"input": arr(1, 2, 2, 2, 1)},
        "at least 1",
        {"ksize": [1] * 5, "strides": [1, 0, 1, 1, 1], "padding": "VALID"},
    ),
)

register(
    Spec(
        "MaxPool3D",
        _cases,
        {"float32": Ulp(0), "float64": Ulp(0), "float16": Ulp(0), "bfloat16": Ulp(0)},
        reference=_reference("MaxPool3D"),
        rejects=_REJECTS,
        quant={"same": True},
        bench=_bench,
        peers=Peers(lowering=False),
        doc=f"Largest element of each window; a NaN is passed over, as in TensorFlow. {_SAME}",
        source=_SOURCE,
    ),
    Spec(
        "AvgPool3D",
        _cases,
        {
            # Sums of 8 to 125 values of either sign: TF adds them in another order.
            "float32": AbsRel(atol=3e-7, rtol=2e-6),
            "float64": AbsRel(atol=1e-15, rtol=1e-14),
            "float16": AbsRel(atol=1e-3, rtol=1e-3),
            # TF accumulates in bfloat16, we in float32.
            "bfloat16": AbsRel(atol=4e-2, rtol=4e-2),
        },
        reference=_reference("AvgPool3D"),
        rejects=_REJECTS,
        quant={"same": True},
        bench=_bench,
        peers=Peers(lowering=False),
        doc="Mean of each window over the elements that lie inside the input. Quantized: the"
        " float32 mean times the ratio of the scales, rounded to nearest even."
        f" {_SAME}",
        source=_SOURCE,
    ),
)
