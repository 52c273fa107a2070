"""The two programs the speed goals name: a Keras LSTM of free length, and a training step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

FLEX = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]


def lstm(folder: Path, features: int = 16, units: int = 32) -> Path:
    """float32[?, ?, features] -> float32[?, units]: TensorLists around and inside a WHILE."""
    tf.keras.utils.set_random_seed(1)
    layers = [tf.keras.layers.Input((None, features)), tf.keras.layers.LSTM(units)]
    converter = tf.lite.TFLiteConverter.from_keras_model(tf.keras.Sequential(layers))
    converter.target_spec.supported_ops = FLEX
    converter._experimental_lower_tensor_list_ops = False
    return _written(folder / "lstm.tflite", converter)


def training_step(folder: Path, side: int = 28, hidden: int = 128, classes: int = 10) -> Path:
    """TensorFlow's guide to on-device training: flatten, dense, ReLU, dense, cross-entropy, SGD.

    (float32[?, side, side], float32[?, classes]) -> float32[], the loss before the step.
    """
    rng = np.random.default_rng(7)

    class Trainable(tf.Module):
        def __init__(self) -> None:
            def variable(*shape: int) -> Any:
                return tf.Variable(rng.normal(0, 0.05, shape).astype(np.float32))

            self.hidden, self.hidden_bias = variable(side * side, hidden), variable(hidden)
            self.top, self.top_bias = variable(hidden, classes), variable(classes)

        @tf.function(
            input_signature=[
                tf.TensorSpec([None, side, side], tf.float32),
                tf.TensorSpec([None, classes], tf.float32),
            ]
        )
        def train(self, x: Any, y: Any) -> Any:
            with tf.GradientTape() as tape:
                flat = tf.reshape(x, [-1, side * side])
                inner = tf.nn.relu(tf.nn.bias_add(flat @ self.hidden, self.hidden_bias))
                logits = tf.nn.bias_add(inner @ self.top, self.top_bias)
                loss = tf.reduce_mean(
                    tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=logits)
                )
            weights = [self.hidden, self.hidden_bias, self.top, self.top_bias]
            for v, g in zip(weights, tape.gradient(loss, weights), strict=True):
                v.assign_sub(0.001 * g)
            return {"loss": loss}

    module = Trainable()
    path = str(folder / "training_step")
    tf.saved_model.save(module, path, signatures={"train": module.train.get_concrete_function()})
    converter = tf.lite.TFLiteConverter.from_saved_model(path)
    converter.target_spec.supported_ops = FLEX
    converter.experimental_enable_resource_variables = True
    return _written(folder / "training_step.tflite", converter)


def _written(path: Path, converter: Any) -> Path:
    path.write_bytes(converter.convert())
    return path
