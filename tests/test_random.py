"""Seeded random numbers: equal to TensorFlow's in converted models, and in any split of work."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import opkit
from opkit import registry
from opkit.spec import Types
from opkit.verify.execute import Runner
from opkit.verify.single_op import build

tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed")

CALLS = {
    "uniform": lambda seed: tf.random.stateless_uniform([3, 7], seed, -1.0, 2.0),
    "uniform-float64": lambda seed: tf.random.stateless_uniform([5], seed, dtype=tf.float64),
    "ints": lambda seed: tf.random.stateless_uniform([40], seed, 3, 90, tf.int32),
    "full-ints": lambda seed: tf.random.stateless_uniform([9], seed, None, None, tf.int64),
    "normal": lambda seed: tf.random.stateless_normal([6, 5], seed, 1.0, 3.0),
    "truncated": lambda seed: tf.random.stateless_truncated_normal([33], seed),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("host", ["tensorflow", "litert"])
def test_converted_models_draw_what_tensorflow_draws(name: str, host: str) -> None:
    """Through tf.random's own functions, the seed being an input of the model."""
    if host == "litert":
        pytest.importorskip("ai_edge_litert", reason="LiteRT is not installed")
    call: Any = CALLS[name]
    function = tf.function(call, input_signature=[tf.TensorSpec([2], tf.int32)])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()])
    converter.target_spec.supported_ops = [
        tf.lite.OpsSet.TFLITE_BUILTINS,
        tf.lite.OpsSet.SELECT_TF_OPS,
    ]
    converter.allow_custom_ops = True
    interpreter = opkit.Interpreter(model_content=converter.convert(), host=host)
    interpreter.allocate_tensors()
    (given,), (drawn,) = interpreter.get_input_details(), interpreter.get_output_details()
    for seed in ([1, 2], [0, 0], [-5, 2**31 - 1]):
        interpreter.set_tensor(given["index"], np.array(seed, np.int32))
        interpreter.invoke()
        got, want = interpreter.get_tensor(drawn["index"]), call(seed).numpy()
        # The scaling to a range is TFLite's own and may round once more.
        np.testing.assert_allclose(got, want, rtol=3e-7, atol=3e-7)


def _draw(op: str, dtype: str, n: int, counter: list[int], threads: int = 1) -> np.ndarray:
    inputs = {
        "shape": np.array([n], np.int32),
        "key": np.array([2**63 + 12345], np.uint64),
        "counter": np.array(counter, np.uint64),
        "alg": np.array(1, np.int32),
    }
    types = Types({"dtype": dtype, "Tshape": "int32"})
    one = build(registry.declarations()[op], types, inputs, {})
    return Runner(threads=threads).load(one.to_bytes()).run(one.feeds)[0]


@pytest.mark.parametrize(
    ("op", "dtype"),
    [
        ("StatelessRandomUniformV2", "float32"),
        ("StatelessRandomNormalV2", "float64"),
        ("StatelessTruncatedNormalV2", "float32"),
        ("StatelessRandomUniformFullIntV2", "uint64"),
    ],
)
def test_threads_and_prefixes_change_nothing(op: str, dtype: str) -> None:
    """The n-th number depends on key, counter and n alone."""
    whole = _draw(op, dtype, 100_003, [5, 6])
    np.testing.assert_array_equal(_draw(op, dtype, 100_003, [5, 6], threads=4), whole)
    for n in (1, 2, 3, 4, 5, 1023, 1025):
        np.testing.assert_array_equal(_draw(op, dtype, n, [5, 6]), whole[:n])


@pytest.mark.parametrize("low", [2**32 - 3, 2**64 - 3])
def test_the_counter_carries(low: int) -> None:
    """A counter whose low word, or low half, overflows inside one call goes on in the next."""
    n = 4 * 700
    want = tf.raw_ops.StatelessRandomUniformFullIntV2(
        shape=[n],
        key=tf.constant([2**63 + 12345], tf.uint64),
        counter=tf.constant([low, 2**64 - 1 if low > 2**40 else 9], tf.uint64),
        alg=1,
        dtype=tf.uint32,
    )
    counter = [low, 2**64 - 1 if low > 2**40 else 9]
    got = _draw("StatelessRandomUniformFullIntV2", "uint32", n, counter)
    np.testing.assert_array_equal(got, want.numpy())


@pytest.mark.parametrize("level", ["sse4", "avx2", "avx512", "neon"])
@pytest.mark.parametrize("op", ["StatelessRandomNormalV2", "StatelessTruncatedNormalV2"])
def test_vectors_draw_tensorflows_bits(op: str, level: str) -> None:
    """Four million draws pass through a large part of the 2^23 values of each uniform factor."""
    n = 4_000_003
    want = getattr(tf.raw_ops, op)(
        shape=[n],
        key=tf.constant([2**63 + 12345], tf.uint64),
        counter=tf.constant([2**64 - 3000, 9], tf.uint64),
        alg=1,
        dtype=tf.float32,
    ).numpy()
    try:
        opkit.set_simd(level)
    except ValueError:
        pytest.skip(f"the CPU has no {level}")
    try:
        got = _draw(op, "float32", n, [2**64 - 3000, 9])
    finally:
        opkit.set_simd("auto")
    np.testing.assert_array_equal(got.view(np.int32), want.view(np.int32))


def test_normals_are_normal() -> None:
    """Mean, variance and tail of a million draws, six standard errors wide."""
    x = _draw("StatelessRandomNormalV2", "float32", 1_000_000, [1, 2]).astype(np.float64)
    assert abs(x.mean()) < 6e-3
    assert abs(x.var() - 1) < 9e-3
    assert abs((np.abs(x) > 2).mean() - 0.0455003) < 1.3e-3
    t = _draw("StatelessTruncatedNormalV2", "float32", 200_000, [1, 2])
    assert np.abs(t).max() < 2
