"""Gradients that on-device training needs: convolution and bias."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from opkit.ops._windows import windows_along
from opkit.spec import AbsRel, Case, Custom, Peers, Reject, Spec, Types, arr, register

# Sums of up to a few thousand products in another order; relative to the largest result.
_PRODUCTS = {
    "float32": AbsRel(atol=1e-5, rtol=2e-6, scale=True),
    "float64": AbsRel(atol=1e-14, rtol=4e-15, scale=True),
    "float16": AbsRel(atol=4e-3, rtol=4e-3, scale=True),
    "bfloat16": AbsRel(atol=6e-2, rtol=6e-2, scale=True),
}


def _conv_shapes() -> Iterator[tuple[str, tuple[int, ...], tuple[int, ...], dict[str, Any]]]:
    """(id, input shape NHWC, filter shape HWIO, attributes)."""
    plain = [
        ((2, 8, 9, 3), (3, 3, 3, 4), 1, 1),
        ((2, 8, 9, 5), (3, 3, 5, 8), 2, 1),
        ((1, 12, 11, 4), (3, 2, 4, 17), 1, 2),
        ((1, 7, 7, 16), (1, 1, 16, 33), 1, 1),
        ((3, 6, 5, 1), (5, 5, 1, 2), 1, 1),
        ((1, 9, 9, 2), (2, 2, 2, 3), 3, 1),
        ((1, 30, 30, 8), (3, 3, 8, 40), 1, 1),
        ((2, 11, 13, 1), (3, 4, 1, 5), 3, 1),
        ((2, 4, 3, 1), (5, 7, 1, 2), 2, 1),
        ((2, 13, 10, 20), (3, 3, 20, 18), 1, 1),
        ((3, 9, 14, 33), (3, 3, 33, 16), 1, 1),
    ]
    for i, (x, w, s, d) in enumerate(plain):
        fits = x[1] >= w[0] and x[2] >= w[1]
        for padding in ("SAME", "VALID") if fits else ("SAME",):
            attrs = {"strides": [1, s, s, 1], "padding": padding, "dilations": [1, d, d, 1]}
            yield f"conv{i}-{padding}", x, w, attrs
    yield "explicit", (2, 7, 8, 3), (3, 4, 3, 5), _EXPLICIT
    wide = {
        "strides": [1, 1, 1, 1],
        "padding": "EXPLICIT",
        "explicit_paddings": [0, 0, 4, 0, 1, 5, 0, 0],
    }
    yield "explicit-wide", (2, 8, 9, 17), (3, 3, 17, 19), wide
    same = {"strides": [1, 1, 1, 1], "padding": "SAME"}
    yield "empty-batch", (0, 5, 5, 2), (3, 3, 2, 4), same
    yield "grouped", (2, 6, 7, 6), (3, 3, 2, 9), same
    yield "depthwise", (1, 6, 7, 5), (3, 2, 1, 10), same


def _dy_shape(x: Any, w: Any, attrs: dict[str, Any]) -> tuple[int, ...]:
    pads = attrs.get("explicit_paddings")
    dims = []
    for i in (1, 2):
        padding = (pads[2 * i], pads[2 * i + 1]) if pads else attrs["padding"]
        dilation = attrs.get("dilations", [1] * 4)[i]
        dims.append(windows_along(x[i], w[i - 1], attrs["strides"][i], padding, dilation))
    return (x[0], *dims, w[3])


def _sizes(*values: int) -> np.ndarray:
    return np.array(values, np.int32)


_EXPLICIT: dict[str, Any] = {
    "strides": [1, 2, 1, 1],
    "padding": "EXPLICIT",
    "explicit_paddings": [0, 0, 2, 1, 0, 3, 0, 0],
}


def _nchw(shape: Sequence[int]) -> tuple[int, ...]:
    return (shape[0], shape[3], shape[1], shape[2])


def _nchw_shapes() -> Iterator[tuple[str, Any, Any, Any, dict[str, Any]]]:
    """(id, input shape, filter shape HWIO, shape of the gradient, attributes)."""
    x, w = (2, 6, 7, 3), (3, 3, 3, 4)
    same: dict[str, Any] = {"strides": [1, 1, 2, 1], "padding": "SAME"}
    pads = [0, 0, 0, 0, 2, 1, 0, 3]
    for name, attrs, moved in (
        ("NCHW", same, {}),
        ("NCHW-explicit", _EXPLICIT, {"explicit_paddings": pads}),
    ):
        made = {**attrs, **moved, "strides": list(_nchw(attrs["strides"])), "data_format": "NCHW"}
        yield name, _nchw(x), w, _nchw(_dy_shape(x, w, attrs)), made


def _filter_cases(types: Types) -> Iterator[Case]:
    for name, x, w, attrs in _conv_shapes():
        inputs = {
            "input": arr(*x),
            "filter_sizes": _sizes(*w),
            "out_backprop": arr(*_dy_shape(x, w, attrs)),
        }
        yield Case(name, inputs, attrs)
        if name == "conv1-SAME":
            yield Case("constant-sizes", inputs, attrs, constant=("filter_sizes",))
    for name, x, w, dy, attrs in _nchw_shapes():
        given = {"input": arr(*x), "filter_sizes": _sizes(*w), "out_backprop": arr(*dy)}
        yield Case(name, given, attrs)


def _input_cases(types: Types) -> Iterator[Case]:
    for name, x, w, attrs in _conv_shapes():
        inputs = {
            "input_sizes": _sizes(*x),
            "filter": arr(*w),
            "out_backprop": arr(*_dy_shape(x, w, attrs)),
        }
        yield Case(name, inputs, attrs)
        if name == "conv1-SAME":
            yield Case("constant-sizes", inputs, attrs, constant=("input_sizes",))
            short = {**inputs, "input_sizes": _sizes(*x[1:3])}
            yield Case("height-and-width-only", short, attrs)
    for name, x, w, dy, attrs in _nchw_shapes():
        given = {"input_sizes": _sizes(*x), "filter": arr(*w), "out_backprop": arr(*dy)}
        yield Case(name, given, attrs)
    given = {
        "input_sizes": _sizes(2, 6, 7, 3),
        "filter": arr(3, 3, 3, 0),
        "out_backprop": arr(2, 6, 7, 0),
    }
    yield Case("no-filters", given, _ONES)
    given = {
        "input_sizes": _sizes(2, 6, 7, 17),
        "filter": np.where(np.arange(9 * 17 * 5) % 40 == 3, np.inf, 1.0).reshape(3, 3, 17, 5),
        "out_backprop": arr(2, 6, 7, 5, low=0.5, high=1),
    }
    if types.floating:
        yield Case("infinite-filter", given, _ONES)


def _conv_reference(op: str) -> Callable[..., Any]:
    """TF's op; what its CPU kernels lack without oneDNN is put together from what they have.

    In float64: TF's own float32 sums with oneDNN are 1e-3 off where ours are 1e-4.
    NCHW by transposing, dilation by a filter with zeros in between, groups one by one.
    """
    of_filter = op == "Conv2DBackpropFilter"

    def compute(data_format: str = "NHWC", **given: Any) -> Any:
        import tensorflow as tf

        if data_format == "NCHW":
            for name in ("input", "out_backprop"):
                if name in given:
                    given[name] = np.ascontiguousarray(given[name].transpose(0, 2, 3, 1))
            for name in ("strides", "dilations", "input_sizes"):
                if name in given:
                    given[name] = [given[name][i] for i in (0, 2, 3, 1)]
            if "explicit_paddings" in given:
                pairs = np.reshape(given["explicit_paddings"], (4, 2))
                given["explicit_paddings"] = pairs[[0, 2, 3, 1]].ravel().tolist()
            result = compute(**given)
            return result if of_filter else result.transpose(0, 3, 1, 2)
        dy = given["out_backprop"]
        filter_shape = tuple(given["filter_sizes"] if of_filter else given["filter"].shape)
        if not of_filter and len(given["input_sizes"]) == 2:
            full = (dy.shape[0], *given["input_sizes"], filter_shape[2])
            given["input_sizes"] = np.array(full, np.int32)
        channels = given["input"].shape[3] if of_filter else given["input_sizes"][3]
        groups = channels // filter_shape[2]
        if groups > 1:
            parts = []
            for g in range(groups):
                one = dict(given)
                one["out_backprop"] = np.split(dy, groups, 3)[g]
                if of_filter:
                    one["input"] = np.split(given["input"], groups, 3)[g]
                    one["filter_sizes"] = (*filter_shape[:3], filter_shape[3] // groups)
                else:
                    one["filter"] = np.split(given["filter"], groups, 3)[g]
                    one["input_sizes"] = (*given["input_sizes"][:3], filter_shape[2])
                parts.append(compute(**one))
            return np.concatenate(parts, 3)
        _, dh, dw, _ = given.pop("dilations", (1, 1, 1, 1))
        spread = (
            (filter_shape[0] - 1) * dh + 1,
            (filter_shape[1] - 1) * dw + 1,
            *filter_shape[2:],
        )
        if of_filter:
            given["filter_sizes"] = np.array(spread, np.int32)
        else:
            wide = np.zeros(spread, given["filter"].dtype)
            wide[::dh, ::dw] = given["filter"]
            given["filter"] = wide
            given["input_sizes"] = np.array(given["input_sizes"], np.int32)
        dtype = dy.dtype
        for name in ("input", "filter", "out_backprop"):
            if name in given and dtype.kind != "i":
                given[name] = given[name].astype(np.float64)
        made = {k: tf.constant(v) if isinstance(v, np.ndarray) else v for k, v in given.items()}
        result = getattr(tf.raw_ops, op)(**made).numpy().astype(dtype)
        return result[::dh, ::dw] if of_filter else result

    return compute


def _conv_bench(filter_side: bool) -> Callable[[Types], Iterator[Case]]:
    def cases(types: Types) -> Iterator[Case]:
        for x, w in (
            ((8, 28, 28, 32), (3, 3, 32, 64)),
            ((32, 14, 14, 64), (3, 3, 64, 64)),
            ((32, 28, 28, 1), (3, 3, 1, 32)),
        ):
            attrs = {"strides": [1] * 4, "padding": "SAME"}
            dy = arr(*_dy_shape(x, w, attrs))
            if filter_side:
                inputs = {"input": arr(*x), "filter_sizes": _sizes(*w), "out_backprop": dy}
            else:
                inputs = {"input_sizes": _sizes(*x), "filter": arr(*w), "out_backprop": dy}
            yield Case("x".join(map(str, (*x, *w))), inputs, attrs)

    return cases


_ONES = {"strides": [1] * 4, "padding": "SAME"}


def _filter_reject(name: str, says: str, sizes: tuple[int, ...], attrs: dict[str, Any]) -> Reject:
    inputs = {
        "input": arr(1, 4, 4, 2),
        "filter_sizes": _sizes(*sizes),
        "out_backprop": arr(1, 4, 4, 3),
    }
    return Reject(name, inputs, says, attrs)


register(
    Spec(
        "Conv2DBackpropFilter",
        _filter_cases,
        _PRODUCTS,
        reference=_conv_reference("Conv2DBackpropFilter"),
        rejects=(
            _filter_reject("negative", "negative", (3, 3, -2, 3), _ONES),
            _filter_reject("channels", "out_backprop is", (3, 3, 2, 4), _ONES),
            _filter_reject("groups", "not a .grouped. convolution", (3, 3, 3, 3), _ONES),
            _filter_reject("zero", "at least 1", (0, 3, 2, 3), _ONES),
            _filter_reject("no-depth", "a depth of at least 1", (3, 3, 0, 3), _ONES),
            _filter_reject("huge", ".+", (2**31 - 1, 2**31 - 1, 2, 3), _ONES),
            _filter_reject("strides", "strides", (3, 3, 2, 3), {**_ONES, "strides": [1, 1]}),
        ),
        bench=_conv_bench(True),
        peers=Peers(lowering=False),
        doc="Gradient of a 2-D convolution with respect to its filter.",
        source="tensorflow/core/kernels/conv_grad_filter_ops.cc",
    ),
    Spec(
        "Conv2DBackpropInput",
        _input_cases,
        _PRODUCTS,
        reference=_conv_reference("Conv2DBackpropInput"),
        rejects=(
            Reject(
                "wrong-gradient",
                {
                    "input_sizes": _sizes(1, 4, 4, 2),
                    "filter": arr(3, 3, 2, 3),
                    "out_backprop": arr(1, 5, 4, 3),
                },
                "out_backprop is",
                _ONES,
            ),
            Reject(
                "no-depth",
                {
                    "input_sizes": _sizes(1, 4, 4, 0),
                    "filter": arr(3, 3, 0, 3),
                    "out_backprop": arr(1, 4, 4, 3),
                },
                "a depth of at least 1",
                _ONES,
            ),
            Reject(
                "three-sizes",
                {
                    "input_sizes": _sizes(4, 4, 2),
                    "filter": arr(3, 3, 2, 3),
                    "out_backprop": arr(1, 4, 4, 3),
                },
                "want 4 or 2",
                _ONES,
            ),
        ),
        bench=_conv_bench(False),
        peers=Peers(lowering=False),
        doc="Gradient of a 2-D convolution with respect to its input; a transposed convolution.",
        source="tensorflow/core/kernels/conv_grad_input_ops.cc",
    ),
)


# --- bias -----------------------------------------------------------------------------------------


def _bias_cases(types: Types) -> Iterator[Case]:
    shape: tuple[int, ...]
    for shape in ((1, 1), (3, 5), (300, 3), (2, 3, 4, 17), (2, 3, 1, 2, 33), (0, 4), (3, 0)):
        yield Case("x".join(map(str, shape)), {"out_backprop": arr(*shape)})
    for shape in ((2, 3, 4, 5), (2, 9, 300), (3, 4)):
        name = "NCHW-" + "x".join(map(str, shape))
        yield Case(name, {"out_backprop": arr(*shape)}, {"data_format": "NCHW"})


def _bias_bench(types: Types) -> Iterator[Case]:
    for shape in ((8, 28, 28, 64), (256, 1000), (32, 112, 112, 3)):
        yield Case("x".join(map(str, shape)), {"out_backprop": arr(*shape)})


_EPS = {"float32": -23, "complex64": -23, "float64": -52, "complex128": -52, "float16": -10}


def _bias_error(inputs: dict[str, Any], attrs: dict[str, Any], got: Any, want: Any) -> float:
    """Distance from the sum in long double, in eps of the sum of magnitudes."""
    x = np.asarray(inputs["out_backprop"])
    eps = 2.0 ** _EPS.get(x.dtype.name, -7)
    wide = np.clongdouble if x.dtype.kind == "c" else np.longdouble
    channel = 1 if attrs.get("data_format") == "NCHW" else x.ndim - 1
    others = tuple(axis for axis in range(x.ndim) if axis != channel)
    x = x.astype(wide)
    size = np.abs(x).sum(others) * eps
    distance = np.abs(np.asarray(got[0]).astype(wide) - x.sum(others))
    if distance.size == 0:
        return 0.0
    return float((distance / np.where(distance > 0, size, 1)).max())


def _bias_bound(bound: float) -> Custom:
    return Custom(_bias_error, bound, "eps of the sum of magnitudes", by_inputs=True)


register(
    Spec(
        "BiasAddGrad",
        _bias_cases,
        {
            "float32": _bias_bound(1),
            "float64": _bias_bound(2),
            "float16": _bias_bound(0.51),
            "bfloat16": _bias_bound(0.51),
            "complex64": _bias_bound(1),
            "complex128": _bias_bound(2),
        },
        rejects=(Reject("vector", {"out_backprop": arr(3)}, "at least rank 2"),),
        bench=_bias_bench,
        doc="Sum over everything but the channels, in blocks; blocks are added in float64.",
        source="tensorflow/core/kernels/bias_op.cc",
    ),
)
