"""Windows of convolutions and pooling."""

from __future__ import annotations

from typing import Any


def windows_along(size: int, window: int, stride: int, padding: Any, dilation: int = 1) -> int:
    """Number of windows along an axis of `size` elements.

    padding: "SAME", "VALID", or the numbers of elements added before and after.
    """
    span = (window - 1) * dilation + 1
    if padding == "SAME":
        return -(-size // stride)
    before, after = (0, 0) if padding == "VALID" else padding
    return (size + before + after - span) // stride + 1


def elements_before(size: int, window: int, stride: int, padding: Any) -> int:
    """Number of elements that the padding adds before the first of an axis."""
    if padding == "SAME":
        covered = (windows_along(size, window, stride, padding) - 1) * stride + window
        return max(covered - size, 0) // 2
    return 0 if padding == "VALID" else padding[0]
