"""Timing: CPU time of calls, interleaved between contestants, medians and quartiles."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping

import numpy as np

from opkit.bench.results import Timing

TARGET = 0.004
"""Seconds a batch of calls should last: long beside the clock's step, short beside a slowdown."""


def batch_seconds(call: Callable[[], object], calls: int) -> float:
    """CPU seconds of the calling thread per call, over a batch.

    For what runs on one thread: a process's clock would also count the threads that TensorFlow and
    BLAS leave spinning after work of their own.
    """
    start = time.thread_time()
    for _ in range(calls):
        call()
    return (time.thread_time() - start) / calls


def pool_seconds(call: Callable[[], object], calls: int) -> float:
    """Seconds per call, over a batch, of what may hand work to threads of its own.

    CPU time of the process, or the time that passed where idle threads spin beside the work.
    """
    start, passed = time.process_time(), time.perf_counter()
    for _ in range(calls):
        call()
    return min(time.process_time() - start, time.perf_counter() - passed) / calls


def calls_for(call: Callable[[], object], target: float = TARGET) -> int:
    """How many calls fill `target` seconds; the calls made here also warm up caches."""
    calls = 1
    while True:
        start = time.perf_counter()
        for _ in range(calls):
            call()
        took = time.perf_counter() - start
        if took >= target / 4 or calls >= 1 << 20:
            return max(1, min(1 << 20, round(calls * target / max(took, 1e-9))))
        calls *= 4


def timing(samples: list[float], calls: int, parity: str = "ok") -> Timing:
    """Median and quartiles of seconds per call."""
    p25, median, p75 = (float(v) for v in np.percentile(samples, (25, 50, 75)))
    return Timing(median, p25, p75, len(samples), calls, parity)


def interleave(
    contestants: Mapping[str, Callable[[int], float]], calls: Mapping[str, int], rounds: int
) -> dict[str, list[float]]:
    """Seconds per call of every contestant in every round.

    Each round times all of them, in turning order, so that a slow phase of the machine meets all.
    contestants: name -> function(calls) that times itself and returns seconds per call.
    """
    names = list(contestants)
    samples: dict[str, list[float]] = {n: [] for n in names}
    enabled = gc.isenabled()
    gc.disable()
    try:
        for r in range(rounds):
            turn = names[r % len(names) :] + names[: r % len(names)]
            for name in turn:
                samples[name].append(contestants[name](calls[name]))
    finally:
        if enabled:
            gc.enable()
    return samples
