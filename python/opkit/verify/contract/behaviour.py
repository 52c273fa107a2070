"""Contract checks of how a good call behaves; each docstring is a check's documentation."""

from __future__ import annotations

import ctypes
import itertools
import threading
from typing import Any

import numpy as np

from opkit.model import Model, Tensor
from opkit.spec import Case
from opkit.verify.contract.subject import Broken, NotApplicable, Subject, same
from opkit.verify.execute import Runner
from opkit.verify.parity import Prepared, case_inputs, judge, one_op
from opkit.verify.results import OK


def shape_agrees(s: Subject) -> None:
    """Shapes promised after allocation are the shapes after the run, unless declared dynamic."""
    tried = 0
    for case in s.direct()[:12]:
        model, feeds = s.call(case)
        session = s.runner.load(model)
        promised = [tuple(int(x) for x in d["shape"]) for d in session.outputs]
        got = session.run(feeds)
        constant = case.constant
        dynamic = s.declaration.data_dependent or any(
            a.shape_from
            and not (constant is True or (not isinstance(constant, bool) and a.name in constant))
            for a in s.declaration.inputs
        )
        if dynamic:
            continue
        tried += 1
        for name, shape, value in zip(s.declaration.outputs, promised, got, strict=False):
            # The runtime has no memory for strings before the run: their shape is always dynamic.
            if value.dtype != object and value.shape != shape:
                raise Broken(
                    f"case {case.id}: {name.name} was promised {list(shape)}, is "
                    f"{list(value.shape)}"
                )
    if not tried:
        raise NotApplicable("output shapes depend on values")


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


def repeatable(s: Subject) -> None:
    """Two runs on the same inputs give the same bits."""
    if s.declaration.stateful:
        raise NotApplicable("the op is declared stateful")
    for case in s.direct()[:6]:
        model, feeds = s.call(case)
        session = s.runner.load(model)
        first = session.run(feeds)
        for _ in range(3):
            difference = same(first, session.run(feeds))
            if difference:
                raise Broken(f"case {case.id}: {difference}")


def resize(s: Subject) -> None:
    """An interpreter resized from one case to another, and back, gives what fresh ones give."""
    if s.declaration.stateful:
        raise NotApplicable("the op is declared stateful")
    groups: dict[str, list[tuple[Case, bytes, list[np.ndarray]]]] = {}
    for case in s.direct():
        if case.constant:
            continue
        model, feeds = s.call(case)
        if not feeds or not all(f.size for f in feeds):
            continue
        key = repr(sorted(case.attrs.items())) + repr([f.ndim for f in feeds])
        groups.setdefault(key, []).append((case, model, feeds))
        if len(groups[key]) == 3:
            break
    pairs = [g for g in groups.values() if len({str([f.shape for f in e[2]]) for e in g}) > 1]
    if not pairs:
        raise NotApplicable("no two cases differ in sizes only")
    for group in pairs[:3]:
        quantized = s.types.quantized
        session = s.runner.load(group[0][1])
        for case, model, feeds in (*group[1:], group[0]):
            session.resize([f.shape for f in feeds])
            got = session.run(feeds)
            fresh = s.runner.load(model if not quantized else group[0][1], [f.shape for f in feeds])
            difference = same(got, fresh.run(feeds))
            if difference:
                raise Broken(f"case {case.id} after a resize: {difference}")


def empty(s: Subject) -> None:
    """Tensors without elements are computed, not refused, wherever a case has one."""
    tried = 0
    for case in s.direct():
        prepared = s.ready(case)
        arrays = [v for v in prepared.inputs.values() if isinstance(v, np.ndarray)]
        if all(a.size for a in arrays):
            continue
        one = one_op(s.declaration, prepared)
        got = s.runner.load(one.to_bytes()).run(one.feeds)
        for g, w in zip(got, prepared.want, strict=True):
            if g.shape != w.shape:
                raise Broken(f"case {case.id}: shape {list(g.shape)}, want {list(w.shape)}")
        tried += 1
    if not tried:
        raise NotApplicable("no case has an empty tensor")


def thread_safe(s: Subject) -> None:
    """Interpreters in four threads, and one with four threads, give what one thread gives."""
    if s.declaration.stateful:
        raise NotApplicable("the op is declared stateful")
    model, feeds = s.call(s.typical())
    want = s.runner.load(model).run(feeds)
    wide = Runner(s.runner.host, s.runner.by, 4).load(model).run(feeds)
    difference = same(want, wide)
    if difference:
        raise Broken(f"num_threads=4: {difference}")
    problems: list[str] = []

    def work() -> None:
        try:
            session = s.runner.load(model)
            for _ in range(20):
                different = same(want, session.run(feeds))
                if different:
                    problems.append(different)
        except Exception as e:
            problems.append(str(e))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if problems:
        raise Broken(f"in four threads: {problems[0]}")


def threads_agree(s: Subject) -> None:
    """Inputs large enough to be split give with three threads what one thread gives: the same bits,
    or where parts are summed what the op's bound allows."""
    if s.declaration.stateful or any(a.list for a in s.declaration.outputs):
        raise NotApplicable("the op is declared stateful, or its number of outputs varies")
    large = [] if s.types.quantized else s.largest()
    if not large:
        raise NotApplicable("no case is large enough to be split")
    wide = Runner(s.runner.host, s.runner.by, 3)
    for case in large:
        inputs = case_inputs(s.spec, s.declaration, s.types, case, s.budget)
        # No reference, which takes minutes on so many elements for some functions.
        alone = Prepared(case, s.types, inputs, [], None, None, None, None, {})
        one = one_op(s.declaration, alone)
        model = one.to_bytes()
        alone.want, got = s.runner.load(model).run(one.feeds), wide.load(model).run(one.feeds)
        if not same(alone.want, got):
            continue
        result = judge(s.spec, s.declaration, alone, got)
        if result.status != OK:
            raise Broken(f"case {case.id}, num_threads=3: {result.message}")


def model_roundtrip(s: Subject) -> None:
    """Loading and saving the model with opkit.Model changes nothing in the result."""
    if s.declaration.stateful:
        raise NotApplicable("the op is declared stateful")
    model, feeds = s.call(s.typical())
    again = Model.load(model).to_bytes()
    difference = same(s.runner.load(model).run(feeds), s.runner.load(again).run(feeds))
    if difference:
        raise Broken(difference)


def hosts_agree(s: Subject) -> None:
    """Resolver and delegate give the same bits."""
    if s.declaration.stateful:
        raise NotApplicable("the op is declared stateful")
    from opkit.runtime import installed_hosts

    other = "delegate"
    name = s.runner.host
    hosts = {h.name: h for h in installed_hosts()}
    if name in ("auto", "tensorflow") and "tensorflow" in hosts:
        pair = (Runner("tensorflow", "resolver"), Runner("tensorflow", other))
    else:
        raise NotApplicable("this host has one way only")
    for case in s.direct()[:4]:
        model, feeds = s.call(case)
        difference = same(pair[0].load(model).run(feeds), pair[1].load(model).run(feeds))
        if difference:
            raise Broken(f"case {case.id}: {difference}")
