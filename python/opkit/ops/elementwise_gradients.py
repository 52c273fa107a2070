"""Gradients of pointwise functions."""

from __future__ import annotations

from typing import Any

import numpy as np

from opkit.ops._elementwise_bounds import FLUSHES, SAME, TRUTH, ulp
from opkit.spec import (
    Case,
    Domain,
    Spec,
    Ulp,
    all_pairs,
    binary,
    draw,
    register,
    special,
    with_cases,
)

_FEATURES = ("gradients", "features")
_OUTPUTS = ("gradients", "outputs")
_RESULT = ("y", "dy")
_UNIT = Domain(-1, 1, near=(0, 1), special=False)
_FINITE = Domain(-1e4, 1e4, near=(0,), special=False)


def _gradient(
    name: str,
    domains: tuple[Domain, Domain],
    bound: Any,
    args: tuple[str, str],
    doc: str,
    truth: str = "",
    attrs: tuple[dict[str, float], ...] = ({},),
) -> Spec:
    """A gradient: both inputs have one shape. Without a truth it is exactly TensorFlow's."""
    known = () if truth else (FLUSHES,)
    path = TRUTH + truth if truth else None
    more: dict[str, Any] = {"args": args, "attrs": attrs, "truth": path, "known": known, "doc": doc}
    return binary(name, domains, bound, broadcast=False, **more)


def _zero_at_zero(spec: Spec) -> Spec:
    """The spec with a case of gradients that are 0, whatever the slope is."""
    outputs, zeros = all_pairs(special(), draw(_zeros, "0, -0"))
    case = Case("zero-gradient", {"y": outputs, "dy": zeros})
    return with_cases(spec, lambda _: [case])


def _zeros(_: np.random.Generator, dtype: np.dtype) -> np.ndarray:
    return np.array([0.0, -0.0]).astype(dtype)


register(
    _gradient(
        "ReluGrad",
        (Domain(), Domain()),
        SAME,
        args=_FEATURES,
        doc="Gradient of relu.",
    ),
    _gradient(
        "Relu6Grad",
        (Domain(), Domain(near=(0, 6))),
        SAME,
        args=_FEATURES,
        doc="Gradient of relu6.",
    ),
    _gradient(
        "LeakyReluGrad",
        (Domain(), Domain()),
        SAME,
        args=_FEATURES,
        attrs=({}, {"alpha": 0.5}, {"alpha": -1.25}, {"alpha": 0.0}),
        doc="Gradient of leaky relu.",
    ),
    _gradient(
        "EluGrad",
        (_FINITE, Domain(-1, 10)),
        ulp(2),
        args=_OUTPUTS,
        truth="elu_grad",
        doc="Gradient of elu from its output.",
    ),
    _gradient(
        "SeluGrad",
        (_FINITE, Domain(-1.75, 10)),
        ulp(3),
        args=_OUTPUTS,
        truth="selu_grad",
        doc="Gradient of selu from its output.",
    ),
    _gradient(
        "SoftplusGrad",
        (_FINITE, Domain(-80, 80, near=(0,))),
        ulp(4),
        args=_FEATURES,
        truth="softplus_grad",
        doc="Gradient of softplus.",
    ),
    _gradient(
        "SoftsignGrad",
        (_FINITE, _FINITE),
        ulp(4),
        args=_FEATURES,
        truth="softsign_grad",
        doc="Gradient of softsign.",
    ),
    _gradient(
        "TanhGrad",
        (_UNIT, _FINITE),
        ulp(3),
        args=_RESULT,
        truth="tanh_grad",
        doc="Gradient of tanh from its output.",
    ),
    _gradient(
        "SigmoidGrad",
        (Domain(0, 1, near=(1,), special=False), _FINITE),
        ulp(2.5),
        args=_RESULT,
        truth="sigmoid_grad",
        doc="Gradient of sigmoid from its output.",
    ),
    *(
        _zero_at_zero(
            _gradient(
                name,
                (_FINITE, _FINITE),
                ulp(2),
                args=_RESULT,
                truth="reciprocal_grad",
                doc="Gradient of 1 / x from its output.",
            )
        )
        for name in ("InvGrad", "ReciprocalGrad")
    ),
    _zero_at_zero(
        _gradient(
            "SqrtGrad",
            (Domain(0, 1e4, special=False), _FINITE),
            ulp(2),
            args=_RESULT,
            truth="sqrt_grad",
            doc="Gradient of sqrt from its output.",
        ),
    ),
    _zero_at_zero(
        _gradient(
            "RsqrtGrad",
            (Domain(0, 1e4, special=False), _FINITE),
            {**ulp(2.5), "float64": Ulp(4, signed_zero=False)},  # underflow to either zero
            args=_RESULT,
            truth="rsqrt_grad",
            doc="Gradient of 1 / sqrt from its output.",
        ),
    ),
)
