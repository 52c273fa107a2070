"""Models for the host matrix, converted once with the newest TensorFlow and shared by every host.

    python tests/hosts/golden.py FOLDER

Each golden is NAME.tflite (and NAME.flex.tflite, the same with SELECT_TF_OPS naming) with
NAME.npz: inputs in0, in1, ... and TensorFlow's eager results out0, out1, ... in signature order.
"""

from __future__ import annotations

import os
import pathlib
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def _store(folder: pathlib.Path, name: str, inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
    arrays = {}
    for prefix, values in (("in", inputs), ("out", outputs)):
        for i, value in enumerate(values):
            array = np.asarray(value)
            arrays[f"{prefix}{i}"] = array.astype("S") if array.dtype == object else array
    np.savez(folder / f"{name}.npz", **arrays)


def _convert(function: Any, flex: bool) -> bytes:
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_concrete_functions([function])
    builtins = [tf.lite.OpsSet.TFLITE_BUILTINS]
    converter.target_spec.supported_ops = builtins + [tf.lite.OpsSet.SELECT_TF_OPS] * flex
    converter.allow_custom_ops = not flex
    converter._experimental_lower_tensor_list_ops = False
    return bytes(converter.convert())


def _golden(folder: pathlib.Path, name: str, call: Any, spec: Sequence[Any], *inputs: Any) -> None:
    import tensorflow as tf

    function = tf.function(call, input_signature=list(spec))
    concrete = function.get_concrete_function()
    (folder / f"{name}.tflite").write_bytes(_convert(concrete, flex=False))
    (folder / f"{name}.flex.tflite").write_bytes(_convert(concrete, flex=True))
    result = call(*[tf.constant(x) for x in inputs])
    results = result if isinstance(result, (tuple, list)) else [result]
    _store(folder, name, inputs, [r.numpy() for r in results])


def _floats(*shape: int, seed: int = 0, low: float = -2.0, high: float = 2.0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(low, high, shape).astype(np.float32)


def _tensorflow_models(folder: pathlib.Path, say: Callable[[str], None]) -> None:
    import tensorflow as tf

    f32 = tf.float32
    weights = tf.constant(_floats(16, 16, seed=1, low=-0.5, high=0.5))

    def chain(x):
        pooled = tf.nn.max_pool3d(x, 2, 2, "VALID")
        return tf.math.cumprod(tf.math.erf(pooled), axis=-1)

    def rows(x):
        return tf.math.cumprod(tf.math.atan(x), axis=1, exclusive=True)

    def mixed(x):
        hidden = tf.math.erf(tf.nn.relu(tf.matmul(x, weights)))
        return tf.math.atan(tf.matmul(hidden, weights)) + 1.0

    def distinct(x):
        values, _ = tf.raw_ops.UniqueV2(x=x, axis=tf.constant([0], tf.int64))
        return tf.math.cumprod(tf.cast(values, f32))

    def loop(x, n):
        _, y = tf.while_loop(
            lambda i, _: i < n,
            lambda i, y: (i + 1, 0.5 * tf.math.erf(y) + 0.25 * tf.math.atan(y)),
            [tf.constant(0), x],
        )
        return y

    def branch(x):
        return tf.cond(
            tf.reduce_sum(x) > 0, lambda: tf.math.erf(x), lambda: tf.math.cumprod(x, axis=1)
        )

    spec = tf.TensorSpec
    words = np.array([w.encode() for w in ("Ab Cd", "", "ÄÖ x y")], dtype=object)
    for name, call, specs, *inputs in (
        ("chain", chain, [spec([2, 6, 6, 6, 3], f32)], _floats(2, 6, 6, 6, 3)),
        ("rows", rows, [spec([None, 8], f32)], _floats(5, 8)),
        ("rows_other", rows, [spec([None, 8], f32)], _floats(11, 8, seed=3)),
        ("mixed", mixed, [spec([4, 16], f32)], _floats(4, 16)),
        (
            "distinct",
            distinct,
            [spec([None], tf.int32)],
            np.array([3, 1, 3, 2, 1, 5], np.int32),
        ),
        ("loop", loop, [spec([3, 4], f32), spec([], tf.int32)], _floats(3, 4), np.int32(7)),
        ("branch", branch, [spec([3, 4], f32)], np.abs(_floats(3, 4))),
        (
            "lower",
            lambda s: tf.strings.lower(s, encoding="utf-8"),
            [spec([None], tf.string)],
            words,
        ),
        (
            "split",
            lambda s: tf.raw_ops.StringSplitV2(input=s, sep=" ").values,
            [spec([None], tf.string)],
            words,
        ),
    ):
        say(name)
        _golden(folder, name, call, specs, *inputs)

    say("lstm")
    tf.keras.utils.set_random_seed(0)
    model = tf.keras.Sequential(
        [tf.keras.Input((None, 4)), tf.keras.layers.LSTM(8), tf.keras.layers.Dense(2)]
    )
    _golden(
        folder,
        "lstm",
        lambda x: model(x, training=False),
        [spec([None, None, 4], f32)],
        _floats(3, 9, 4),
    )


def _one_op_models(folder: pathlib.Path, say: Callable[[str], None]) -> None:
    """Quantized, mistyped and future-versioned nodes, which no converter writes."""
    import tensorflow as tf

    from opkit.registry import declarations
    from opkit.spec import Types
    from opkit.verify.single_op import build

    say("int8")
    erf = declarations()["Erf"]
    types = Types({"T": "qint8"})
    codes = np.arange(-128, 128).astype(np.int8)
    scale, zero, out_scale, out_zero = 0.02, 5, 1 / 128, 0
    quant = {"x": (scale, zero), "y": (out_scale, out_zero)}
    real = ((codes.astype(np.float64) - zero) * np.float64(np.float32(scale))).astype(np.float32)
    value = tf.math.erf(real).numpy()
    want = np.clip(np.round(value / np.float32(out_scale)) + out_zero, -128, 127).astype(np.int8)
    for form in ("custom", "flex"):
        made = build(erf, types, {"x": codes}, {}, form=form, quant=quant)
        suffix = ".flex.tflite" if form == "flex" else ".tflite"
        (folder / f"int8{suffix}").write_bytes(made.to_bytes())
    _store(folder, "int8", [codes], [want])

    say("refused")
    x = _floats(4)
    floats = Types({"T": "float32"})
    integers = np.arange(4, dtype=np.int32)
    bad = {
        "future": build(erf, floats, {"x": x}, {}, version=99),
        "dtype": build(erf, floats, {"x": integers}, {}, dtypes={"x": "int32", "y": "int32"}),
        "unscaled": build(erf, types, {"x": codes}, {}),
        "options": build(erf, floats, {"x": x}, {}, options=b"\x07not a flexbuffer"),
        "attribute": build(erf, floats, {"x": x}, {"alpha": 2.0}),
    }
    for name, made in bad.items():
        (folder / f"{name}.tflite").write_bytes(made.to_bytes())
    unknown = build(erf, floats, {"x": x}, {}).model
    unknown.subgraphs[0].nodes[0].custom_code = "NobodyHasThis"
    (folder / "unknown.tflite").write_bytes(unknown.to_bytes())


def make(folder: pathlib.Path, say: Callable[[str], None] = lambda _: None) -> None:
    """Writes every golden model into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    _tensorflow_models(folder, say)
    _one_op_models(folder, say)


if __name__ == "__main__":
    make(pathlib.Path(sys.argv[1]), lambda name: print(name, flush=True))
