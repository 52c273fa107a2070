"""Which check ran when a kernel brought the process down."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")


def named(label: str, call: Callable[[], _T]) -> Callable[[], _T]:
    """`call` in a frame of the name `label`.

    After a crash nothing of ours runs any more; but `faulthandler`, which the commands enable,
    prints the names of the frames: "in Erf/float32/walk".
    """

    def frame() -> _T:
        return call()

    frame.__code__ = frame.__code__.replace(co_name=label)
    return frame
