"""Does a kernel behave as it declares? Named checks; each one's docstring is its documentation."""

from __future__ import annotations

import ctypes
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from opkit.model import Model, Tensor
from opkit.registry import Declaration
from opkit.spec import QUANTIZED, Case, Reject, Spec, Types, materialise
from opkit.verify import quantized as q
from opkit.verify.compare import compare
from opkit.verify.declaration import arg_dtype, combinations, find_input, storage
from opkit.verify.execute import LoadError, RunError, Runner
from opkit.verify.parity import Prepared, case_inputs, one_op, prepare
from opkit.verify.results import ERROR, FAIL, OK, SKIPPED, CaseResult
from opkit.verify.single_op import attr_value, build

BUDGET = 1000
PROBES = ("float32", "string", "int32", "bool", "complex64", "float64", "int8", "uint16")


class Broken(Exception):
    """A check found a violation; the text says what was seen."""


class NotApplicable(Exception):
    """A check has nothing to look at for this op; the text says why. Counted as skipped."""


@dataclass
class Subject:
    """What the checks look at: an op, and a call of it that works."""

    spec: Spec
    declaration: Declaration
    runner: Runner
    types: Types
    cases: list[Case]
    budget: int = BUDGET

    def direct(self) -> list[Case]:
        """Cases that call the op alone. Raises NotApplicable without any."""
        found = [c for c in self.cases if c.program is None]
        if not found:
            raise NotApplicable("the op is only called inside programs")
        return found

    def typical(self) -> Case:
        """The first direct case with elements in all inputs and more than one in some."""

        def size(case: Case) -> tuple[bool, bool]:
            inputs = case_inputs(self.spec, self.declaration, self.types, case, self.budget)
            sizes = [v.size for v in inputs.values() if isinstance(v, np.ndarray)]
            return (not sizes or min(sizes) > 0, bool(sizes) and max(sizes) > 1)

        direct = self.direct()
        return max(direct, key=size)

    def ready(self, case: Case) -> Prepared:
        """The case with inputs and reference."""
        return prepare(self.spec, self.declaration, self.types, case, self.budget, self.runner)

    def call(self, case: Case, form: str = "custom") -> tuple[bytes, list[np.ndarray]]:
        """The case's model and feeds."""
        one = one_op(self.declaration, self.ready(case), form)
        return one.to_bytes(), one.feeds

    def refused(self, model: bytes, says: str, feeds: list[np.ndarray] | None = None) -> str:
        """The error of loading (or, with feeds, of running) a bad model.

        Raises Broken if it runs, or the text lacks the op's name or does not match `says`.
        """
        try:
            session = self.runner.load(model)
            if feeds is not None:
                session.run(feeds)
        except (LoadError, RunError) as e:
            text = str(e)
        else:
            when = "ran" if feeds is not None else "was loaded"
            raise Broken(f"the model {when}; want an error that matches /{says}/")
        if self.spec.name not in text:
            raise Broken(f"the error does not name the op: {text[:300]}")
        if not re.search(says, text):
            raise Broken(f"the error does not match /{says}/: {text[:300]}")
        return text


def _same(a: list[np.ndarray], b: list[np.ndarray]) -> str:
    """ "" when two runs gave the same bits, else what differs."""
    from opkit.spec import Exact

    if len(a) != len(b):
        return f"{len(a)} outputs, then {len(b)}"
    for i, (x, y) in enumerate(zip(a, b, strict=True)):
        c = compare(x, y, Exact(), x.dtype.name)
        if not c.ok:
            return f"output {i} {c.summary()}"
    return ""


# --- declaration: what must be refused -------------------------------------------------------------


def arity(s: Subject) -> None:
    """One input too few, and one too many, are refused with the wanted names."""
    declaration = s.declaration
    if any(a.list for a in declaration.inputs):
        raise NotApplicable("a list input takes any number of tensors")
    required = [a for a in declaration.inputs if not a.optional]
    inputs = case_inputs(s.spec, declaration, s.types, s.typical(), s.budget)
    attrs = s.typical().attrs
    quant = _any_quant(declaration, s.types)
    if required:
        fewer = {k: v for k, v in inputs.items() if k != required[-1].name}
        one = build(declaration, s.types, fewer, attrs, quant=quant)
        s.refused(one.to_bytes(), r"input")
    one = build(declaration, s.types, inputs, attrs, quant=quant)
    node = one.model.subgraphs[0].nodes[0]
    while len(node.inputs) < len(declaration.inputs):
        node.inputs.append(None)
    extra = Tensor(name="one_too_many", dtype="float32", shape=(1,))
    one.model.subgraphs[0].tensors.append(extra)
    one.model.subgraphs[0].inputs.append(extra)
    node.inputs.append(extra)
    s.refused(one.to_bytes(), r"input")


def _any_quant(declaration: Declaration, types: Types) -> dict[str, tuple[float, int]]:
    args = (*declaration.inputs, *declaration.outputs)
    return {a.name: (0.05, 3) for a in args if arg_dtype(a, types) in QUANTIZED}


def dtypes_refused(s: Subject) -> None:
    """A dtype outside the declaration is refused; the text names the input, what came, what fits."""
    case = s.typical()
    inputs = case_inputs(s.spec, s.declaration, s.types, case, s.budget)
    tried = 0
    for arg in s.declaration.inputs:
        if arg.name not in inputs or inputs[arg.name] is None:
            continue
        taken = {storage(d) for d in arg.dtypes}
        bad = next((d for d in PROBES if d not in taken), None)
        if bad is None:
            continue
        one = build(
            s.declaration,
            s.types,
            inputs,
            case.attrs,
            quant=_any_quant(s.declaration, s.types),
            dtypes={arg.name: bad},
        )
        text = s.refused(one.to_bytes(), rf"{re.escape(arg.name)}\b.*\b{bad}\b")
        if not any(d in text for d in (*arg.dtypes, *taken)):
            raise Broken(f"the error does not say what {arg.name!r} takes: {text[:300]}")
        tried += 1
    if not tried:
        raise NotApplicable("every input takes every dtype")


def missing_quantization(s: Subject) -> None:
    """int8, uint8 and int16 tensors without scale and zero point are refused where these are
    needed."""
    tried = 0
    for types in combinations(s.declaration):
        if not types.quantized or storage(types.main) in s.declaration.dtypes:
            continue
        cases = [c for c in s.spec.cases_for(types) if c.program is None]
        names = [a.name for a in s.declaration.inputs if arg_dtype(a, types) in QUANTIZED]
        if cases:
            case = cases[0]
            inputs = case_inputs(s.spec, s.declaration, types, case, s.budget)
            attrs = case.attrs
        elif s.spec.pointwise:
            inputs = {n: q.all_codes(types.main) for n in names}
            attrs = s.typical().attrs
        else:
            continue
        one = build(s.declaration, types, inputs, attrs)
        s.refused(one.to_bytes(), r"quantization")
        tried += 1
    if not tried:
        raise NotApplicable("no dtype of the op needs quantization")


def unknown_version(s: Subject) -> None:
    """A node of a version that does not exist is refused."""
    one = one_op(s.declaration, s.ready(s.typical()))
    one.model.subgraphs[0].nodes[0].version = 99
    s_text = ""
    try:
        s.runner.load(one.to_bytes())
    except LoadError as e:
        s_text = str(e)
    else:
        raise Broken("version 99 was loaded")
    if not s_text:
        raise Broken("the refusal has no text")


def attrs_unknown(s: Subject) -> None:
    """An attribute the declaration lacks is refused by name, never ignored."""
    case = s.typical()
    prepared = s.ready(case)
    one = one_op(s.declaration, prepared)
    node = one.model.subgraphs[0].nodes[0]
    node.set_attrs({**node.attrs(), "no_such_attribute": 3})
    s.refused(one.to_bytes(), r"unknown attribute 'no_such_attribute'")


def attrs_malformed(s: Subject) -> None:
    """Options that are no attribute map, cut short, or of the wrong kind are refused."""
    case = s.typical()
    prepared = s.ready(case)
    one = one_op(s.declaration, prepared)
    node = one.model.subgraphs[0].nodes[0]
    good = bytes(node.custom_options)
    for bad in (b"\xff" * 7, good[: max(1, len(good) // 2)], b"\x00\x01\x02"):
        node.custom_options = bad
        s.refused(one.to_bytes(), r"(?i)option|attribute|malformed")
    node.custom_options = good
    wrong: dict[str, Any] = {
        "int": "text",
        "float": "text",
        "bool": "text",
        "string": 5,
        "type": "text",
        "shape": "text",
        "func": 5,
    }
    for attr in s.declaration.attrs:
        kind = attr.kind
        value = 7.5 if kind.startswith("list(") else wrong.get(kind)
        if value is None:
            continue
        node.custom_options = good
        node.set_attrs({**node.attrs(), attr.name: value})
        s.refused(one.to_bytes(), rf"attribute '{re.escape(attr.name)}'")


def attrs_missing(s: Subject) -> None:
    """A required attribute that is absent is refused by name."""
    required = [a.name for a in s.declaration.attrs if a.required]
    if not required:
        raise NotApplicable("no attribute is required")
    one = one_op(s.declaration, s.ready(s.typical()))
    node = one.model.subgraphs[0].nodes[0]
    whole = node.attrs()
    for name in required:
        node.set_attrs({k: v for k, v in whole.items() if k != name})
        s.refused(one.to_bytes(), rf"'{re.escape(name)}'.*missing")


def attrs_roundtrip(s: Subject) -> None:
    """A flexbuffer map and a Flex NodeDef with the same attributes give the same result."""
    seen: list[dict[str, Any]] = []
    for case in s.direct():
        if dict(case.attrs) in seen or len(seen) == 8:
            continue
        seen.append(dict(case.attrs))
        custom, feeds = s.call(case)
        flex, _ = s.call(case, form="flex")
        first = s.runner.load(custom).run(feeds)
        second = s.runner.load(flex).run(feeds)
        difference = "" if s.declaration.stateful else _same(first, second)
        if difference:
            raise Broken(f"case {case.id}: custom and Flex form differ: {difference}")
        if first and second and [x.shape for x in first] != [x.shape for x in second]:
            raise Broken(f"case {case.id}: custom and Flex form give different shapes")


def attrs_defaults(s: Subject) -> None:
    """Leaving out an attribute gives the same as writing its declared default."""
    case = s.typical()
    options = [a for a in s.declaration.attrs if not a.required and a.name not in case.attrs]
    options = [a for a in options if a.kind not in ("shape", "tensor", "func")]
    if not options or s.declaration.stateful:
        raise NotApplicable("no attribute with a default, or random results")
    one = one_op(s.declaration, s.ready(case))
    without = s.runner.load(one.to_bytes()).run(one.feeds)
    node = one.model.subgraphs[0].nodes[0]
    written = {a.name: attr_value(a.kind, a.default) for a in options}
    node.set_attrs({**node.attrs(), **written})
    difference = _same(without, s.runner.load(one.to_bytes()).run(one.feeds))
    if difference:
        raise Broken(f"with the defaults written out {sorted(written)}: {difference}")


# --- behaviour of a good call ------------------------------------------------------------------------


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
            if value.shape != shape:
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
        pads = _padding(session, [d["index"] for d in (*session.inputs, *session.outputs)])
        before = [ctypes.string_at(*pad) for pad in pads]
        for address, size in pads:
            ctypes.memset(address, 0x5C, size)
        session.invoke()
        for (address, size), old in zip(pads, before, strict=True):
            if ctypes.string_at(address, size) != b"\x5c" * size:
                raise Broken(f"case {case.id}: wrote into the {size} bytes after a tensor")
            ctypes.memmove(address, old, size)
        inputs = session.inputs[len(one.feeds) :]
        for detail, guard in zip(inputs, guards, strict=True):
            if not np.array_equal(session.interpreter.get_tensor(detail["index"]), guard):
                raise Broken(f"case {case.id}: wrote into a neighbouring tensor")
        tried += len(pads)
    if not tried:
        raise NotApplicable("no tensor of the cases lies in the arena with room behind it")


def _padding(session: Any, indices: list[int]) -> list[tuple[int, int]]:
    """(address, bytes) of the gaps of under 64 bytes between arena tensors."""
    spans = []
    for index in indices:
        try:
            view = session.interpreter.tensor(index)()
        except (RuntimeError, ValueError):
            continue  # string and dynamic tensors have no arena memory
        if view.dtype.kind not in "SUO" and view.nbytes:
            spans.append((view.__array_interface__["data"][0], view.nbytes))
        del view
    spans.sort()
    gaps = []
    for (start, size), (following, _) in zip(spans, spans[1:], strict=False):
        gap = following - (start + size)
        if 0 < gap < 64 and (following % 64) == 0:
            gaps.append((start + size, gap))
    return gaps


def repeatable(s: Subject) -> None:
    """Two runs on the same inputs give the same bits."""
    if s.declaration.stateful:
        raise NotApplicable("the op is declared stateful")
    for case in s.direct()[:6]:
        model, feeds = s.call(case)
        session = s.runner.load(model)
        first = session.run(feeds)
        for _ in range(3):
            difference = _same(first, session.run(feeds))
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
            difference = _same(got, fresh.run(feeds))
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
    difference = _same(want, wide)
    if difference:
        raise Broken(f"num_threads=4: {difference}")
    problems: list[str] = []

    def work() -> None:
        try:
            session = s.runner.load(model)
            for _ in range(20):
                different = _same(want, session.run(feeds))
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


def model_roundtrip(s: Subject) -> None:
    """Loading and saving the model with opkit.Model changes nothing in the result."""
    if s.declaration.stateful:
        raise NotApplicable("the op is declared stateful")
    model, feeds = s.call(s.typical())
    again = Model.load(model).to_bytes()
    difference = _same(s.runner.load(model).run(feeds), s.runner.load(again).run(feeds))
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
        difference = _same(pair[0].load(model).run(feeds), pair[1].load(model).run(feeds))
        if difference:
            raise Broken(f"case {case.id}: {difference}")


CHECKS: dict[str, Callable[[Subject], None]] = {
    f.__name__.replace("_", "-"): f
    for f in (
        arity,
        dtypes_refused,
        missing_quantization,
        unknown_version,
        attrs_unknown,
        attrs_malformed,
        attrs_missing,
        attrs_roundtrip,
        attrs_defaults,
        shape_agrees,
        inputs_untouched,
        guard_bytes,
        repeatable,
        resize,
        empty,
        thread_safe,
        model_roundtrip,
        hosts_agree,
    )
}


def reject_check(s: Subject, reject: Reject) -> None:
    """A call that the spec says must be refused is refused with the right text."""
    inputs = {}
    for name, value in reject.inputs.items():
        arg = find_input(s.declaration, name)
        dtype = arg_dtype(arg, s.types)
        seed = f"{s.spec.name}/{s.types}/{reject.id}/{name}"
        if isinstance(value, list) and arg.list:
            inputs[name] = [
                materialise(v, dtype, f"{seed}/{i}", s.budget) for i, v in enumerate(value)
            ]
        else:
            inputs[name] = materialise(value, dtype, seed, s.budget)
    one = build(
        s.declaration,
        s.types,
        inputs,
        reject.attrs,
        constant=reject.constant,
        quant=_any_quant(s.declaration, s.types),
    )
    model = one.to_bytes()
    if reject.at == "load":
        s.refused(model, reject.says)
    elif reject.at == "run":
        try:
            session = s.runner.load(model)
        except LoadError as e:
            raise Broken(f"refused at load, want at run: {str(e)[:300]}") from None
        try:
            session.run(one.feeds)
        except RunError as e:
            if s.spec.name not in str(e) or not re.search(reject.says, str(e)):
                raise Broken(f"the error does not match /{reject.says}/: {str(e)[:300]}") from None
        else:
            raise Broken(f"the model ran; want an error that matches /{reject.says}/")
    else:
        s.refused(model, reject.says, one.feeds)


def checks(
    spec: Spec,
    declaration: Declaration,
    *,
    only: str | None = None,
    runner: Runner | None = None,
) -> Iterator[tuple[str, Callable[[], CaseResult]]]:
    """(name, check) for the contract of an op: the named checks, then the spec's rejects.

    The checks run with the first dtype that has cases.
    """
    runner = runner or Runner()
    subject: Subject | None = None
    for types in combinations(declaration):
        cases = spec.cases_for(types)
        if cases:
            subject = Subject(spec, declaration, runner, types, cases)
            break
    if subject is None:
        message = "the spec has no case"
        yield "cases", lambda: CaseResult(spec.name, "contract", "cases", ERROR, message=message)
        return
    table: dict[str, Callable[[Subject], None]] = dict(CHECKS)
    for reject in spec.rejects:
        if reject.dtypes is None or subject.types.main in reject.dtypes:
            table[f"rejects-{reject.id}"] = lambda s, r=reject: reject_check(s, r)
    for name, check in table.items():
        if only and name != only:
            continue

        def run(
            name: str = name, check: Callable[[Subject], None] = check, s: Subject = subject
        ) -> CaseResult:
            result = CaseResult(spec.name, "contract", name, OK, elements=1)
            start = time.perf_counter()
            try:
                check(s)
            except Broken as e:
                result.status, result.message = FAIL, str(e)
            except NotApplicable as e:
                result.status, result.message = SKIPPED, str(e)
            except Exception as e:
                result.status, result.message = ERROR, f"{type(e).__name__}: {str(e)[:400]}"
            result.seconds = time.perf_counter() - start
            return result

        yield name, run
