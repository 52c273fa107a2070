"""Builtins that convert and then do not run: what their kernels refuse, seen from the file.

Each entry was seen to fail on the runtimes; only what the file itself shows is reported (a constant
length or axis, a rank), so there are no false alarms. tests/test_rewrite.py runs each of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from opkit.model import ModelError, Node

__all__ = ["builtin_hole"]

_Hole = tuple[str, str] | None


def _constant(node: Node, index: int) -> np.ndarray | None:
    tensor = node.inputs[index] if index < len(node.inputs) else None
    if tensor is None or not tensor.is_constant:
        return None
    try:
        return tensor.numpy().reshape(-1)
    except ModelError:
        return None


def _rfft2d(node: Node) -> _Hole:
    lengths = _constant(node, 1)
    bad = [] if lengths is None else [int(n) for n in lengths if n > 0 and n & (n - 1)]
    if not bad:
        return None
    return (
        f"RFFT2D takes powers of two, the length is {bad[0]}",
        "keep the op for the kit's RFFT kernel: opkit.convert from the TensorFlow model",
    )


def _segment_sum(node: Node) -> _Hole:
    ids = _constant(node, 1)
    if ids is None or ids.size == 0 or (ids[0] == 0 and np.all(np.isin(np.diff(ids), (0, 1)))):
        return None
    return (
        "SEGMENT_SUM takes segment ids without gaps",
        "use tf.math.unsorted_segment_sum, which takes any ids",
    )


def _reverse(node: Node) -> _Hole:
    axes = _constant(node, 1)
    rank = len(node.inputs[0].dims) if node.inputs[0] is not None and node.inputs[0].dims else 0
    if axes is None or axes.size < 2 or rank == 0:
        return None
    ordered = np.sort(np.where(axes < 0, axes + rank, axes))
    if np.all(np.diff(ordered) == 1):
        return None
    return (
        f"REVERSE_V2 takes adjacent axes, these are {axes.tolist()}",
        "reverse one axis at a time with several tf.reverse",
    )


def _logical(node: Node) -> _Hole:
    shapes = [t.dims for t in node.inputs if t is not None]
    if None in shapes or len(shapes) != 2 or shapes[0] == shapes[1]:
        return None
    rank = max(len(shape) for shape in shapes if shape is not None)
    if rank <= 4:
        return None
    return (
        f"{node.builtin} broadcasts up to rank 4, this is rank {rank} (TensorFlow aborts)",
        "tf.broadcast_to both inputs to one shape, or tf.reshape to rank 4",
    )


def _concatenation(node: Node) -> _Hole:
    ranks = [len(t.dims) for t in node.inputs if t is not None and t.dims]
    if not ranks or max(ranks) <= 6:
        return None
    return (
        f"CONCATENATION takes rank 6 at most, this is rank {max(ranks)}",
        "tf.reshape to a lower rank around tf.concat",
    )


_CHECKS: dict[str, Callable[[Node], _Hole]] = {
    "CONCATENATION": _concatenation,
    "LOGICAL_AND": _logical,
    "LOGICAL_OR": _logical,
    "REVERSE_V2": _reverse,
    "RFFT2D": _rfft2d,
    "SEGMENT_SUM": _segment_sum,
}


def builtin_hole(node: Node) -> _Hole:
    """(reason, next step) if the runtime's kernel of a builtin will refuse ``node``, else None."""
    check = _CHECKS.get(node.builtin)
    return check(node) if check is not None and node.inputs else None
