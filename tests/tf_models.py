"""Small models converted by TensorFlow's stock converter, made once per test run.

Each function returns the bytes of a .tflite file."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


def tf() -> Any:
    """TensorFlow, imported when the first model is made."""
    import tensorflow

    return tensorflow


def _converted(function: Callable[..., Any], specs: Sequence[Any], custom: bool = False) -> bytes:
    concrete = tf().function(function, input_signature=list(specs)).get_concrete_function()
    converter = tf().lite.TFLiteConverter.from_concrete_functions([concrete])
    converter.target_spec.supported_ops = [tf().lite.OpsSet.TFLITE_BUILTINS]
    if not custom:
        converter.target_spec.supported_ops += [tf().lite.OpsSet.SELECT_TF_OPS]
    converter.allow_custom_ops = custom
    return bytes(converter.convert())


def _floats(*shape: int | None) -> Any:
    return tf().TensorSpec(list(shape), tf().float32)


@functools.cache
def erf_flex() -> bytes:
    """float32[?, 4]: MUL, FlexErf, ADD."""
    return _converted(lambda x: tf().math.erf(x * 2.0) + 1.0, [_floats(None, 4)])


@functools.cache
def erf_custom() -> bytes:
    """float32[?, 4]: MUL, the custom op Erf, ADD."""
    return _converted(lambda x: tf().math.erf(x * 2.0) + 1.0, [_floats(None, 4)], custom=True)


@functools.cache
def cumprod_flex() -> bytes:
    """float32[3, 4]: FlexCumprod along axis 1, reversed."""
    return _converted(lambda x: tf().math.cumprod(x, axis=1, reverse=True), [_floats(3, 4)])


@functools.cache
def erf_in_while() -> bytes:
    """float32[2, 3]: three rounds of FlexErf + 1 in a WHILE body."""

    def loop(x: Any) -> Any:
        def body(i: Any, v: Any) -> Any:
            return i + 1, tf().math.erf(v) + 1.0

        return tf().while_loop(lambda i, v: i < 3, body, (0, x))[1]

    return _converted(loop, [_floats(2, 3)])


@functools.cache
def strings_flex() -> bytes:
    """string[?]: FlexStringSplitV2, FlexRaggedTensorToTensor; attributes with lists of strings."""
    return _converted(
        lambda s: tf().strings.split(s).to_tensor(), [tf().TensorSpec([None], tf().string)]
    )


@functools.cache
def lstm_flex() -> bytes:
    """float32[?, ?, 3] through a Keras LSTM: Flex TensorLists around and inside a WHILE."""
    keras = tf().keras
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.layers.Input((None, 3)), keras.layers.LSTM(4)])
    converter = tf().lite.TFLiteConverter.from_keras_model(model)
    converter.target_spec.supported_ops = [
        tf().lite.OpsSet.TFLITE_BUILTINS,
        tf().lite.OpsSet.SELECT_TF_OPS,
    ]
    converter._experimental_lower_tensor_list_ops = False
    return bytes(converter.convert())


@functools.cache
def convolution() -> bytes:
    """float32[1, 8, 8, 3]: builtins only, with constant weights."""
    weights = np.random.default_rng(0).standard_normal((3, 3, 3, 8)).astype(np.float32)
    return _converted(
        lambda x: tf().nn.relu(tf().nn.conv2d(x, weights, 1, "SAME")), [_floats(1, 8, 8, 3)]
    )


@functools.cache
def convolution_int8() -> bytes:
    """The same quantized to int8, per-channel weights, float input and output."""
    weights = np.random.default_rng(0).standard_normal((3, 3, 3, 8)).astype(np.float32)
    concrete = (
        tf()
        .function(
            lambda x: tf().nn.relu(tf().nn.conv2d(x, weights, 1, "SAME")),
            input_signature=[_floats(1, 8, 8, 3)],
        )
        .get_concrete_function()
    )
    converter = tf().lite.TFLiteConverter.from_concrete_functions([concrete])
    rng = np.random.default_rng(1)
    samples = [[rng.standard_normal((1, 8, 8, 3)).astype(np.float32)] for _ in range(4)]
    converter.optimizations = [tf().lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: samples
    return bytes(converter.convert())


@functools.cache
def hole(name: str) -> bytes:
    """A model of builtins that converts and then does not run, by the builtin's name."""
    cases = {
        "REVERSE_V2": (lambda x: tf().reverse(x, [0, 2]), [_floats(2, 2, 2)]),
        "RFFT2D": (lambda x: tf().signal.rfft(x), [_floats(2, 6)]),
        "SEGMENT_SUM": (lambda x: tf().math.segment_sum(x, [0, 2]), [_floats(2, 3)]),
        "CONCATENATION": (lambda x: tf().concat([x, x], 0), [_floats(*[2] * 7)]),
        "LOGICAL_AND": (
            lambda x, y: tf().logical_and(x, y),
            [
                tf().TensorSpec([2, 2, 2, 2, 2], tf().bool),
                tf().TensorSpec([2, 1, 2, 1, 2], tf().bool),
            ],
        ),
    }
    return _converted(*cases[name])


#: Every model above without parameters, by name.
ALL: dict[str, Callable[[], bytes]] = {
    function.__name__: function
    for function in (
        erf_flex,
        erf_custom,
        cumprod_flex,
        erf_in_while,
        strings_flex,
        lstm_flex,
        convolution,
        convolution_int8,
    )
}
