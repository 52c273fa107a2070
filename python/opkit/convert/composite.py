"""A Python function as one custom op of the author's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["composite"]

Attr = bool | int | float | str


def composite(name: str, attrs: Mapping[str, Attr] | None = None) -> Callable[[Any], Any]:
    """Marks a function of tensors as the custom op ``name``.

    In TensorFlow the function runs as it is written: it is the op's reference. The converter makes
    one custom op of every call, with ``attrs`` as its options. ::

        @opkit.convert.composite("Softshrink", {"lambda": 0.5})
        def softshrink(x):
            return tf.where(x > 0.5, x - 0.5, tf.where(x < -0.5, x + 0.5, 0.0))

    Args:
        name: The op's name, that of the kernel.
        attrs: Attributes by name: bool, int, float or str; the converter carries no others.

    Returns:
        A decorator that gives a ``tf.function``. It may use no variables.

    Raises:
        TypeError: An attribute is of another type.
    """
    import tensorflow as tf

    marker = f'name: "{_escaped(name)}" attr {{ key: "tfl_fusable_op" value {{ b: true }} }}'
    for key, value in (attrs or {}).items():
        marker += f' attr {{ key: "{_escaped(key)}" value {{ {_value(key, value)} }} }}'

    def decorate(function: Any) -> Any:
        # Not inlined: freezing a function that calls this one must leave the call.
        return tf.function(
            function,
            experimental_implements=marker,
            experimental_attributes={"_noinline": True},
        )

    return decorate


def _value(key: str, value: Attr) -> str:
    if isinstance(value, bool):
        return f"b: {str(value).lower()}"
    if isinstance(value, int):
        return f"i: {value}"
    if isinstance(value, float):
        return f"f: {value!r}"
    if isinstance(value, str):
        return f's: "{_escaped(value)}"'
    raise TypeError(f"attribute {key!r} is a {type(value).__name__}, want bool, int, float or str")


def _escaped(text: str) -> str:
    return "".join(
        chr(byte) if 32 <= byte < 127 and byte not in b"\"\\'" else f"\\{byte:03o}"
        for byte in text.encode()
    )
