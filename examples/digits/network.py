"""Handwritten digits, and a Keras network with ops that TensorFlow Lite has no builtin for.

The ops are where a practitioner would put them: glimpses at three zooms (CropAndResize), GELU
written with erfc (Erfc), arcsinh and softsign activations, a pool over the zooms (MaxPool3D),
stick-breaking attention over positions (Cumprod), second-order pooling by the Cholesky factor of
the features' covariance (Cholesky), and the image's spectrum (FFT2D).
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

ZOOMS = ((0.0, 1.0), (0.1, 0.9), (0.2, 0.8))


def load_data(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """1,797 scans: float32[n, 8, 8, 1] in [0, 1] and labels, split into train and test."""
    digits = load_digits()
    images = (digits.images / 16.0).astype(np.float32)[..., None]
    labels = digits.target.astype(np.int32)
    train_x, test_x, train_y, test_y = train_test_split(
        images, labels, test_size=0.3, random_state=seed, stratify=labels
    )
    return train_x, train_y, test_x, test_y


@keras.saving.register_keras_serializable("digits")
class Glimpses(keras.layers.Layer):
    """[n, 8, 8, 1] -> [3 n, 8, 8, 1]: each image at three zooms, one zoom after the other."""

    def call(self, x: tf.Tensor) -> tf.Tensor:
        n = tf.shape(x)[0]
        looks = []
        for low, high in ZOOMS:
            boxes = tf.tile(tf.constant([[low, low, high, high]]), tf.stack([n, 1]))
            looks.append(tf.image.crop_and_resize(x, boxes, tf.range(n), (8, 8)))
        return tf.concat(looks, axis=0)


@keras.saving.register_keras_serializable("digits")
class Gelu(keras.layers.Layer):
    """x Phi(x), with Phi by the complementary error function: accurate in the lower tail."""

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return 0.5 * x * tf.math.erfc(-0.7071067811865476 * x)


@keras.saving.register_keras_serializable("digits")
class Asinh(keras.layers.Layer):
    def call(self, x: tf.Tensor) -> tf.Tensor:
        return tf.math.asinh(x)


@keras.saving.register_keras_serializable("digits")
class PoolZooms(keras.layers.Layer):
    """[3 n, h, w, c] -> [n, h/2, w/2, c]: the largest value over zooms and 2x2 pixels."""

    def call(self, x: tf.Tensor) -> tf.Tensor:
        _, height, width, channels = x.shape
        stacked = tf.reshape(x, (3, -1, height * width * channels))
        stacked = tf.transpose(stacked, (1, 0, 2))
        volume = tf.reshape(stacked, (-1, 3, height, width, channels))
        pooled = tf.nn.max_pool3d(volume, (1, 3, 2, 2, 1), (1, 3, 2, 2, 1), "VALID")
        return tf.reshape(pooled, (-1, height // 2, width // 2, channels))


@keras.saving.register_keras_serializable("digits")
class StickBreaking(keras.layers.Layer):
    """Attention over positions: weight i is s_i times the product of (1 - s_j) over j < i."""

    def build(self, shape: Any) -> None:
        self.score = keras.layers.Dense(1, activation="sigmoid")
        self.score.build(shape)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        share = self.score(x)
        left = tf.math.cumprod(1.0 - share, axis=1, exclusive=True)
        return tf.reduce_sum(share * left * x, axis=1)


@keras.saving.register_keras_serializable("digits")
class CovariancePool(keras.layers.Layer):
    """[n, positions, c] -> [n, c c]: Cholesky factor of the features' covariance."""

    def call(self, x: tf.Tensor) -> tf.Tensor:
        positions, channels = x.shape[1:]
        centred = x - tf.reduce_mean(x, axis=1, keepdims=True)
        covariance = tf.matmul(centred, centred, transpose_a=True) / float(positions)
        factor = tf.linalg.cholesky(covariance + 0.1 * tf.eye(channels))
        return tf.reshape(factor, (-1, channels * channels))


@keras.saving.register_keras_serializable("digits")
class Spectrum(keras.layers.Layer):
    """[n, 8, 8, 1] -> [n, 40]: magnitudes of the 2-D Fourier transform, the distinct half."""

    def call(self, x: tf.Tensor) -> tf.Tensor:
        plane = tf.cast(tf.squeeze(x, -1), tf.complex64)
        magnitude = tf.abs(tf.signal.fft2d(plane))[:, :, :5] / 8.0
        return tf.reshape(magnitude, (-1, 40))


def build_network() -> keras.Model:
    """float32[n, 8, 8, 1] -> probabilities float32[n, 10]."""
    layers = keras.layers
    image = keras.Input((8, 8, 1), name="image")
    x = Glimpses()(image)
    x = Gelu()(layers.Conv2D(16, 3, padding="same")(x))
    x = Asinh()(layers.Conv2D(16, 3, padding="same")(x))
    x = PoolZooms()(x)
    x = layers.Conv2D(12, 3, padding="same")(x)
    x = layers.Activation("softsign")(x)
    positions = layers.Reshape((16, 12))(x)
    joined = layers.Concatenate()(
        [
            layers.Flatten()(x),
            StickBreaking()(positions),
            CovariancePool()(positions),
            Spectrum()(image),
        ]
    )
    hidden = Gelu()(layers.Dense(48)(joined))
    digit = layers.Dense(10, activation="softmax", name="digit")(hidden)
    return keras.Model(image, digit, name="digits")


def train(
    network: keras.Model, x: np.ndarray, y: np.ndarray, epochs: int, on_epoch: Any = None
) -> None:
    """Trains in place; on_epoch(epoch, logs) after each epoch."""
    network.compile(
        optimizer=keras.optimizers.Adam(3e-3),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    callbacks = []
    if on_epoch is not None:
        callbacks.append(keras.callbacks.LambdaCallback(on_epoch_end=on_epoch))
    network.fit(x, y, batch_size=64, epochs=epochs, verbose=0, callbacks=callbacks)
