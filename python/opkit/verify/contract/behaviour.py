"""Contract checks of how a good call behaves; each docstring is a check's documentation."""

from __future__ import annotations

import threading

import numpy as np

from opkit.model import Model
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
