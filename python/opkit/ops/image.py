"""Crops of images: CropAndResize."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from typing import Any

import numpy as np

from opkit.spec import (
    AbsRel,
    Case,
    Draw,
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


def _boxes(n: int, low: float = -0.2, high: float = 1.2) -> Draw:
    return draw(lambda rng, dtype: rng.uniform(low, high, (n, 4)).astype(dtype), f"{n} boxes")


def _call(
    image: Any, boxes: Any, index: Any, size: tuple[int, int], **attrs: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    inputs = {
        "image": image,
        "boxes": boxes,
        "box_ind": index,
        "crop_size": np.array(size, np.int32),
    }
    return inputs, attrs


def _cases(types: Types) -> Iterator[Case]:
    for method in ("bilinear", "nearest"):
        for depth in (1, 3, 4, 19):
            yield Case(
                f"{method}-depth{depth}",
                *_call(arr(3, 9, 11, depth), _boxes(7), ints(7, high=3), (6, 5), method=method),
            )
        yield Case(
            f"{method}-outside",
            *_call(
                arr(1, 5, 5, 2),
                np.array([[-1, -1, 2, 2], [1, 1, 0, 0], [0.5, 0.5, 0.5, 0.5]], np.float32),
                np.zeros(3, np.int32),
                (8, 8),
                method=method,
                extrapolation_value=-3.5,
            ),
        )
        yield Case(
            f"{method}-one-pixel",
            *_call(arr(2, 6, 7, 3), _boxes(4, 0, 1), ints(4, high=2), (1, 1), method=method),
        )
        yield Case(
            f"{method}-grid",
            *_call(
                arr(1, 5, 7, 2),
                np.array([[0, 0, 1, 1], [1, 1, 0, 0], [0.25, 0, 0.75, 1]], np.float32),
                np.zeros(3, np.int32),
                (5, 7),
                method=method,
            ),
        )
    yield Case(
        "size-is-constant",
        _call(arr(1, 4, 4, 1), _boxes(2), np.zeros(2, np.int32), (3, 3))[0],
        constant=("crop_size",),
    )
    yield Case("no-boxes", *_call(arr(1, 4, 4, 1), arr(0, 4), ints(0), (3, 3)))
    yield Case("tiny-image", *_call(arr(1, 1, 1, 2), _boxes(2, 0, 1), ints(2, high=1), (2, 3)))


def _bench(types: Types) -> Iterator[Case]:
    for size, depth, boxes, crop in ((256, 3, 64, 64), (64, 256, 100, 14), (512, 1, 32, 128)):
        yield Case(
            f"{size}x{size}x{depth}-{boxes}boxes-{crop}",
            *_call(
                arr(2, size, size, depth),
                _boxes(boxes, 0, 1),
                ints(boxes, high=2),
                (crop, crop),
            ),
        )


_ZERO = np.zeros(1, np.int32)
# Our products are never fused with sums. Those of TensorFlow's wheels for Arm are, so positions in
# the image differ by a rounding there, and interpolated values by that times the image's slope.
_SAME = Exact() if platform.machine() in ("x86_64", "AMD64") else AbsRel(rtol=1e-5, scale=True)

register(
    Spec(
        "CropAndResize",
        _cases,
        _SAME,
        via={"bfloat16": "float32"},
        bench=_bench,
        rejects=(
            Reject(
                "index-too-large",
                _call(arr(2, 3, 3, 1), arr(1, 4), np.array([2], np.int32), (2, 2))[0],
                r"box_ind\[0\] is 2",
            ),
            Reject(
                "index-negative",
                _call(arr(2, 3, 3, 1), arr(1, 4), np.array([-1], np.int32), (2, 2))[0],
                r"box_ind\[0\] is -1",
            ),
            Reject(
                "nan-box",
                _call(arr(1, 3, 3, 1), np.array([[0, 0, np.nan, 1]], np.float32), _ZERO, (2, 2))[0],
                "not finite",
            ),
            Reject(
                "no-size",
                _call(arr(1, 3, 3, 1), arr(1, 4), _ZERO, (0, 2))[0],
                "positive sizes",
            ),
        ),
        peers=Peers(lowering=False),
        doc="Crops boxes (y1, x1, y2, x2; 0 and 1 are the image's edges) out of images and resizes"
        " them, bilinear or nearest, to float32. Equal to TensorFlow bit for bit.",
        source="tensorflow/core/kernels/image/crop_and_resize_op.cc",
    )
)
