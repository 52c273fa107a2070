"""Gradients of pointwise functions."""

from __future__ import annotations

from opkit.ops._elementwise_bounds import FLUSHES, SAME, TRUTH, ulp
from opkit.spec import Domain, Ulp, binary, register

_FEATURES = ("gradients", "features")
_OUTPUTS = ("gradients", "outputs")
_RESULT = ("y", "dy")
_UNIT = Domain(-1, 1, near=(0, 1), special=False)
_FINITE = Domain(-1e4, 1e4, near=(0,), special=False)

register(
    binary(
        "ReluGrad",
        (Domain(), Domain()),
        SAME,
        args=_FEATURES,
        broadcast=False,
        known=(FLUSHES,),
        doc="Gradient of relu.",
    ),
    binary(
        "Relu6Grad",
        (Domain(), Domain(near=(0, 6))),
        SAME,
        known=(FLUSHES,),
        args=_FEATURES,
        broadcast=False,
        doc="Gradient of relu6.",
    ),
    binary(
        "LeakyReluGrad",
        (Domain(), Domain()),
        SAME,
        known=(FLUSHES,),
        args=_FEATURES,
        broadcast=False,
        attrs=({}, {"alpha": 0.5}, {"alpha": -1.25}, {"alpha": 0.0}),
        doc="Gradient of leaky relu.",
    ),
    binary(
        "EluGrad",
        (_FINITE, Domain(-1, 10)),
        ulp(2),
        args=_OUTPUTS,
        broadcast=False,
        truth=TRUTH + "elu_grad",
        doc="Gradient of elu from its output.",
    ),
    binary(
        "SeluGrad",
        (_FINITE, Domain(-1.75, 10)),
        ulp(3),
        args=_OUTPUTS,
        broadcast=False,
        truth=TRUTH + "selu_grad",
        doc="Gradient of selu from its output.",
    ),
    binary(
        "SoftplusGrad",
        (_FINITE, Domain(-80, 80, near=(0,))),
        ulp(3),
        args=_FEATURES,
        broadcast=False,
        truth=TRUTH + "softplus_grad",
        doc="Gradient of softplus.",
    ),
    binary(
        "SoftsignGrad",
        (_FINITE, _FINITE),
        ulp(3),
        args=_FEATURES,
        broadcast=False,
        truth=TRUTH + "softsign_grad",
        doc="Gradient of softsign.",
    ),
    binary(
        "TanhGrad",
        (_UNIT, _FINITE),
        ulp(3),
        args=_RESULT,
        broadcast=False,
        truth=TRUTH + "tanh_grad",
        doc="Gradient of tanh from its output.",
    ),
    binary(
        "SigmoidGrad",
        (Domain(0, 1, near=(1,), special=False), _FINITE),
        ulp(2.5),
        args=_RESULT,
        broadcast=False,
        truth=TRUTH + "sigmoid_grad",
        doc="Gradient of sigmoid from its output.",
    ),
    binary(
        "InvGrad",
        (_FINITE, _FINITE),
        ulp(2),
        args=_RESULT,
        broadcast=False,
        truth=TRUTH + "reciprocal_grad",
        doc="Gradient of 1 / x from its output.",
    ),
    binary(
        "ReciprocalGrad",
        (_FINITE, _FINITE),
        ulp(2),
        args=_RESULT,
        broadcast=False,
        truth=TRUTH + "reciprocal_grad",
        doc="Gradient of 1 / x from its output.",
    ),
    binary(
        "SqrtGrad",
        (Domain(0, 1e4, special=False), _FINITE),
        ulp(2),
        args=_RESULT,
        broadcast=False,
        truth=TRUTH + "sqrt_grad",
        doc="Gradient of sqrt from its output.",
    ),
    binary(
        "RsqrtGrad",
        (Domain(0, 1e4, special=False), _FINITE),
        {**ulp(2.5), "float64": Ulp(4, signed_zero=False)},  # underflow to either zero
        args=_RESULT,
        broadcast=False,
        truth=TRUTH + "rsqrt_grad",
        doc="Gradient of 1 / sqrt from its output.",
    ),
)
