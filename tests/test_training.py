"""On-device training as TensorFlow's guide does it: train, infer, save, restore."""

from __future__ import annotations

import functools
import pathlib
from typing import Any

import numpy as np
import pytest

import opkit

SIDE, CLASSES, RATE = 12, 4, 0.1
HOSTS = (("tensorflow", "resolver"), ("tensorflow", "delegate"), ("litert", "delegate"))


def _module(tf: Any, convolution: bool) -> Any:
    """The guide's module: train, infer, save and restore, with dense or convolution layers."""

    class Trainable(tf.Module):
        def __init__(self) -> None:
            rng = np.random.default_rng(7)

            def variable(*shape: int) -> Any:
                return tf.Variable(rng.normal(0, 0.2, shape).astype(np.float32))

            features = SIDE * SIDE
            self.kernel = variable(3, 3, 1, 4) if convolution else None
            self.kernel_bias = variable(4) if convolution else None
            if convolution:
                features = (SIDE // 4) ** 2 * 4
            self.hidden, self.hidden_bias = variable(features, 16), variable(16)
            self.top, self.top_bias = variable(16, CLASSES), variable(CLASSES)
            self.all = [
                v
                for v in (
                    self.kernel,
                    self.kernel_bias,
                    self.hidden,
                    self.hidden_bias,
                    self.top,
                    self.top_bias,
                )
                if v is not None
            ]
            self.names = [f"variable{i}" for i in range(len(self.all))]

        def logits(self, x: Any) -> Any:
            if convolution:
                x = tf.nn.conv2d(x[..., None], self.kernel, strides=2, padding="SAME")
                x = tf.nn.relu(tf.nn.bias_add(x, self.kernel_bias))
                x = tf.nn.max_pool2d(x, 2, 2, "VALID")
            x = tf.reshape(x, [tf.shape(x)[0], self.hidden.shape[0]])
            x = tf.nn.relu(tf.nn.bias_add(x @ self.hidden, self.hidden_bias))
            return tf.nn.bias_add(x @ self.top, self.top_bias)

        @tf.function(
            input_signature=[
                tf.TensorSpec([None, SIDE, SIDE], tf.float32),
                tf.TensorSpec([None, CLASSES], tf.float32),
            ]
        )
        def train(self, x: Any, y: Any) -> Any:
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(
                    tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=self.logits(x))
                )
            for v, g in zip(self.all, tape.gradient(loss, self.all), strict=True):
                v.assign_sub(RATE * g)
            return {"loss": loss}

        @tf.function(input_signature=[tf.TensorSpec([None, SIDE, SIDE], tf.float32)])
        def infer(self, x: Any) -> Any:
            return {"probabilities": tf.nn.softmax(self.logits(x))}

        @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
        def save(self, checkpoint_path: Any) -> Any:
            tf.raw_ops.Save(
                filename=checkpoint_path,
                tensor_names=self.names,
                data=[v.read_value() for v in self.all],
            )
            return {"checkpoint_path": checkpoint_path}

        @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
        def restore(self, checkpoint_path: Any) -> Any:
            restored = {}
            for v, name in zip(self.all, self.names, strict=True):
                value = tf.raw_ops.Restore(
                    file_pattern=checkpoint_path, tensor_name=name, dt=v.dtype
                )
                v.assign(value)
                restored[name] = value
            return restored

    return Trainable()


@functools.cache
def _converted(folder: pathlib.Path, convolution: bool) -> tuple[Any, bytes]:
    tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    module = _module(tf, convolution)
    path = str(folder / f"model{convolution}")
    names = ("train", "infer", "save", "restore")
    signatures = {n: getattr(module, n).get_concrete_function() for n in names}
    tf.saved_model.save(module, path, signatures=signatures)
    converter = tf.lite.TFLiteConverter.from_saved_model(path)
    converter.target_spec.supported_ops = [
        tf.lite.OpsSet.TFLITE_BUILTINS,
        tf.lite.OpsSet.SELECT_TF_OPS,
    ]
    converter.experimental_enable_resource_variables = True
    return module, converter.convert()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return tmp_path_factory.mktemp("training")


def _batch(seed: int, n: int = 9) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, SIDE, SIDE)).astype(np.float32)
    y = np.eye(CLASSES, dtype=np.float32)[rng.integers(0, CLASSES, n)]
    return x, y


def _interpreter(model: bytes, host: str, by: str) -> Any:
    if host == "litert":
        pytest.importorskip("ai_edge_litert", reason="LiteRT is not installed")
    return opkit.Interpreter(model_content=model, host=host, by=by)


def _restore_start(tf: Any, module: Any, path: str) -> None:
    """Sets the module's variables from a checkpoint, by TensorFlow."""
    for v, name in zip(module.all, module.names, strict=True):
        v.assign(tf.raw_ops.Restore(file_pattern=path, tensor_name=name, dt=v.dtype))


@pytest.mark.parametrize("convolution", [False, True], ids=["dense", "convolution"])
@pytest.mark.parametrize(("host", "by"), HOSTS, ids=["-".join(h) for h in HOSTS])
def test_train_infer_save_restore(
    folder: pathlib.Path, tmp_path: pathlib.Path, convolution: bool, host: str, by: str
) -> None:
    """Losses and probabilities follow TensorFlow; files go from one to the other and back."""
    import tensorflow as tf

    module, model = _converted(folder, convolution)
    interpreter = _interpreter(model, host, by)
    train = interpreter.get_signature_runner("train")
    infer = interpreter.get_signature_runner("infer")
    save = interpreter.get_signature_runner("save")
    restore = interpreter.get_signature_runner("restore")

    start = str(tmp_path / "start")
    save(checkpoint_path=np.array(start, dtype=np.bytes_))
    _restore_start(tf, module, start)  # TensorFlow reads the kernel's file
    losses = []
    for step in range(12):
        x, y = _batch(step % 3)
        got = train(x=x, y=y)["loss"]
        want = module.train(x, y)["loss"].numpy()
        np.testing.assert_allclose(got, want, rtol=2e-5)
        losses.append(float(got))
    assert losses[-1] < losses[0], losses

    x, _ = _batch(99)
    trained = infer(x=x)["probabilities"]
    np.testing.assert_allclose(trained, module.infer(x)["probabilities"], rtol=1e-4, atol=1e-6)

    # The runtime takes a scalar of NumPy's str for its bytes in UTF-32.
    with pytest.raises(RuntimeError, match=r"zero byte; NumPy: np.array\(name, dtype=np.bytes_\)"):
        save(checkpoint_path=np.array(str(tmp_path / "text")))

    after = str(tmp_path / "after")
    save(checkpoint_path=np.array(after, dtype=np.bytes_))
    restored = restore(checkpoint_path=np.array(start, dtype=np.bytes_))
    for name in module.names:
        saved = tf.raw_ops.Restore(file_pattern=start, tensor_name=name, dt=tf.float32)
        np.testing.assert_array_equal(restored[name], saved.numpy())
    assert np.abs(infer(x=x)["probabilities"] - trained).max() > 1e-4
    restore(checkpoint_path=np.array(after, dtype=np.bytes_))
    np.testing.assert_array_equal(infer(x=x)["probabilities"], trained)

    # A file that TensorFlow wrote.
    module.save(tf.constant(str(tmp_path / "tf")))
    restore(checkpoint_path=np.array(str(tmp_path / "tf"), dtype=np.bytes_))
    np.testing.assert_allclose(
        infer(x=x)["probabilities"], module.infer(x)["probabilities"], rtol=1e-5, atol=1e-7
    )
    left = [p.name for p in tmp_path.iterdir() if "tempstate" in p.name]
    assert left == [], "temporary files are left"


def test_batches_of_several_sizes(folder: pathlib.Path) -> None:
    """The signatures take another batch size without a new interpreter."""
    _, model = _converted(folder, True)
    train = _interpreter(model, "auto", "auto").get_signature_runner("train")
    for n in (1, 5, 32, 2):
        x, y = _batch(n, n)
        assert np.isfinite(train(x=x, y=y)["loss"])
