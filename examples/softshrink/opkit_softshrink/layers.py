"""Softshrink in TensorFlow programs: ordinary TensorFlow code that converts to one custom op."""

from __future__ import annotations

import functools
from typing import Any

import tensorflow as tf

import opkit.convert


@functools.cache
def _op(bound: float) -> Any:
    @opkit.convert.composite("Softshrink", {"lambda": float(bound)})
    def softshrink(features: Any) -> Any:
        zero = tf.zeros_like(features)
        shrunk = tf.where(features < -bound, features + bound, zero)
        return tf.where(features > bound, features - bound, shrunk)

    return softshrink


def softshrink(features: tf.Tensor, bound: float = 0.5) -> tf.Tensor:
    """Moves values of a float tensor towards 0 by `bound`; what is nearer than that becomes 0."""
    return _op(bound)(features)
