"""Contract checks of what a declaration refuses; each docstring is a check's documentation."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from opkit.model import Tensor
from opkit.registry import Declaration
from opkit.spec import QUANTIZED, Reject, Types, materialise
from opkit.verify import quantized as q
from opkit.verify.contract.subject import Broken, NotApplicable, Subject, same
from opkit.verify.declaration import arg_dtype, combinations, find_input, storage
from opkit.verify.execute import LoadError, RunError, Runner
from opkit.verify.parity import case_inputs, one_op
from opkit.verify.single_op import attr_value, build

PROBES = ("float32", "string", "int32", "bool", "complex64", "float64", "int8", "uint16")


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
    """A dtype outside the declaration is refused, naming the input, what came and what fits."""
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
    for types in combinations(s.spec, s.declaration):
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
    """A node of a version that does not exist is refused, and the text names the version.

    Runtimes do not tell delegates a custom op's version, so opkit.Interpreter looks first."""
    one = one_op(s.declaration, s.ready(s.typical()))
    one.model.subgraphs[0].nodes[0].version = 99
    checked = replace(s, runner=Runner(s.runner.host, s.runner.by, check=True))
    checked.refused(one.to_bytes(), r"99")


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
        difference = "" if s.declaration.stateful else same(first, second)
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
    difference = same(without, s.runner.load(one.to_bytes()).run(one.feeds))
    if difference:
        raise Broken(f"with the defaults written out {sorted(written)}: {difference}")


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
