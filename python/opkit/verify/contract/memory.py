"""Contract checks of the memory a kernel touches; each docstring is a check's documentation."""

from __future__ import annotations

import ctypes
import functools
import gc
import itertools
import statistics
from collections.abc import Callable
from typing import Any

import numpy as np

from opkit.model import Tensor
from opkit.verify.contract.subject import Broken, NotApplicable, Subject
from opkit.verify.execute import Session
from opkit.verify.graphs import feeds_of, model_of
from opkit.verify.parity import case_inputs, one_op

ROUNDS = 30


def inputs_untouched(s: Subject) -> None:
    """A run leaves its inputs as they were."""
    for case in s.direct()[:6]:
        model, feeds = s.call(case)
        session = s.runner.load(model)
        session.run(feeds)
        for detail, value in zip(session.inputs, feeds, strict=True):
            after = session.interpreter.get_tensor(detail["index"])
            if value.dtype == object:
                same = [bytes(v) for v in after.ravel()] == [bytes(v) for v in value.ravel()]
            else:
                same = np.ascontiguousarray(after).tobytes() == value.tobytes()
            if not same:
                raise Broken(f"case {case.id}: the run changed input {detail['name']}")


def guard_bytes(s: Subject) -> None:
    """A run writes nothing outside its outputs: neighbours in the arena and the bytes up to the
    next tensor stay as they were."""
    tried = 0
    for case in s.direct()[:12]:
        one = one_op(s.declaration, s.ready(case))
        graph = one.model.subgraphs[0]
        guards = []
        for i in range(4):
            guard = Tensor(name=f"guard{i}", dtype="uint8", shape=(192,))
            graph.tensors.append(guard)
            graph.inputs.append(guard)
            guards.append(np.full(192, 0xA5 ^ i, dtype=np.uint8))
        session = s.runner.load(one.to_bytes())
        session.feed([*one.feeds, *guards])
        # A view of a string tensor would take its bytes for Python objects.
        plain = [
            d["index"]
            for d in (*session.inputs, *session.outputs)
            if np.dtype(d["dtype"]).kind not in "SUO"
        ]
        pads = _padding(session, plain)
        before = [ctypes.string_at(*pad) for pad in pads]
        for address, size in pads:
            ctypes.memset(address, 0x5C, size)
        session.invoke()
        for (address, size), old in zip(pads, before, strict=True):
            if ctypes.string_at(address, size) != b"\x5c" * size:
                raise Broken(f"case {case.id}: wrote into the {size} bytes after a tensor")
            ctypes.memmove(address, old, size)
        inputs = session.inputs[len(one.feeds) :]
        for detail, want in zip(inputs, guards, strict=True):
            if not np.array_equal(session.interpreter.get_tensor(detail["index"]), want):
                raise Broken(f"case {case.id}: wrote into a neighbouring tensor")
        tried += len(pads)
    if not tried:
        raise NotApplicable("no tensor of the cases lies in the arena with room behind it")


def _padding(session: Any, indices: list[int]) -> list[tuple[int, int]]:
    """(address, bytes) of the gaps of under 64 bytes between arena tensors."""
    gaps = []
    for (start, size), (following, _) in itertools.pairwise(arena_spans(session, indices)):
        gap = following - (start + size)
        if 0 < gap < 64 and (following % 64) == 0:
            gaps.append((start + size, gap))
    return gaps


def arena_spans(session: Any, indices: list[int]) -> list[tuple[int, int]]:
    """(address, bytes) in the runtime's arena of those of a session's tensors, in order, that can
    be seen there: neither scalars, which NumPy hands out as copies elsewhere on the heap, nor
    strings, tensors without elements and those allocated in the run."""
    spans = []
    for index in indices:
        try:
            view = session.interpreter.tensor(index)()
        except (RuntimeError, ValueError):
            continue  # string and dynamic tensors have no arena memory
        if isinstance(view, np.ndarray) and view.dtype.kind not in "SUO" and view.nbytes:
            spans.append((view.__array_interface__["data"][0], view.nbytes))
        del view
    return sorted(spans)


def memory_steady(s: Subject) -> None:
    """Runs give back the memory they take, and so do interpreters that are loaded, run once and
    dropped: the bytes in use on the heap stay the same."""
    load = _loader(s)
    session = load()
    gc.freeze()  # collections then take no time over what is there, and free none of its garbage
    try:
        _steady("a run", 30, session.invoke)
        _steady("loading and dropping an interpreter", 4, load)
    finally:
        gc.unfreeze()


def _loader(s: Subject) -> Callable[[], Session]:
    """Loads, feeds and runs a call of the op, or a program around it."""
    try:
        model, feeds = s.call(s.typical())
    except NotApplicable:  # only called inside programs
        case = s.cases[0]
        inputs = case_inputs(s.spec, s.declaration, s.types, case, s.budget)
        model = model_of(case, inputs)
        feeds = feeds_of(s.runner.load(model), inputs)

    def load() -> Session:
        session = s.runner.load(model, [f.shape for f in feeds])
        session.feed(feeds)
        session.invoke()
        return session

    return load


def _steady(what: str, times: int, call: Callable[[], Any]) -> None:
    """Raises Broken if rounds of calls never stop to leave more on the heap than they find.

    The first ones do, and some later ones: caches of the runtime and of Python grow, and shrink.
    """
    growths: list[int] = []
    while sum(growth <= 0 for growth in growths[-5:]) < 3:
        if len(growths) == ROUNDS:
            kept = statistics.median(growths) / times
            raise Broken(f"{what} keeps {kept:.0f} bytes on the heap")
        before = _heap_bytes()
        for _ in range(times):
            call()
        gc.collect()  # LiteRT's interpreters hang in cycles
        growths.append(_heap_bytes() - before)


class _Mallinfo2(ctypes.Structure):
    """What glibc's mallinfo2 returns, summed over the arenas of all threads."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    )


@functools.cache
def _mallinfo2() -> Callable[[], _Mallinfo2] | None:
    """glibc's function; None on other C libraries and before 2.33."""
    try:
        function = ctypes.CDLL(None).mallinfo2
    except (AttributeError, OSError, TypeError):
        return None
    function.restype = _Mallinfo2
    return function


def _heap_bytes() -> int:
    """Bytes the process has allocated and not freed. Raises NotApplicable where none tells."""
    mallinfo2 = _mallinfo2()
    if mallinfo2 is None:
        raise NotApplicable("the C library has no mallinfo2 to tell the bytes in use")
    info = mallinfo2()
    return info.uordblks + info.hblkhd
