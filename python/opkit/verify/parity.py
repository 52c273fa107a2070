"""Does a kernel compute what TensorFlow computes? All declared dtypes, all cases of the spec."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from opkit.registry import Declaration
from opkit.spec import (
    QUANTIZED,
    Case,
    Custom,
    Draw,
    Spec,
    Types,
    float_limits,
    materialise,
    numpy_dtype,
)
from opkit.verify import quantized as q
from opkit.verify.compare import Comparison, compare
from opkit.verify.declaration import arg_dtype, combinations, find_input, main_type
from opkit.verify.execute import LoadError, RunError, Runner
from opkit.verify.graphs import run_program
from opkit.verify.reference import (
    MissingReference,
    call_reference,
    call_truth,
    sample_positions,
)
from opkit.verify.results import ERROR, FAIL, OK, SKIPPED, CaseResult
from opkit.verify.single_op import OneOp, QuantParams, build

SMALL, FULL = 2_000, 100_000
"""Elements a `walk` has in the test suite and on the command line."""


@dataclass
class Prepared:
    """A case ready to run: inputs as arrays, what is wanted, and the quantization of both sides."""

    case: Case
    types: Types
    inputs: dict[str, Any]
    want: list[np.ndarray]
    truth: list[np.ndarray] | None
    known: np.ndarray | None
    loose: np.ndarray | None
    also: list[np.ndarray] | None
    quant: dict[str, QuantParams]


def case_inputs(
    spec: Spec, declaration: Declaration, types: Types, case: Case, budget: int
) -> dict[str, Any]:
    """The case's inputs as arrays of the dtypes the declaration gives them.

    Raises:
      KeyError: the case names an input the declaration lacks.
    """
    made: dict[str, Any] = {}
    if spec.truth_limit:
        budget = min(budget, spec.truth_limit)
    for name, value in case.inputs.items():
        seed = f"{spec.name}/{types}/{case.id}/{name}"
        if case.program is not None:
            made[name] = materialise(value, _program_dtype(value, types), seed, budget)
            continue
        arg = find_input(declaration, name)
        dtype = arg_dtype(arg, types)
        if isinstance(value, list) and (arg.list or arg.mixed):
            items = enumerate(value)
            made[name] = [_one(v, arg, dtype, f"{seed}/{i}", budget) for i, v in items]
        else:
            made[name] = materialise(value, dtype, seed, budget)
    arrays = [v for v in made.values() if isinstance(v, np.ndarray)]
    if spec.pointwise and spec.truth_limit and case.program is None:
        at = sample_positions(arrays, spec.truth_limit)
        if at is not None:
            made = {k: v.ravel()[at] for k, v in made.items()}
    return made


def _one(value: Any, arg: Any, dtype: str, seed: str, budget: int) -> Any:
    if arg.mixed and isinstance(value, np.ndarray):
        name = "string" if value.dtype.kind in "OSU" else value.dtype.name
        return materialise(value, name, seed, budget)
    return materialise(value, dtype, seed, budget)


def _program_dtype(value: Any, types: Types) -> str:
    if isinstance(value, np.ndarray):
        return "string" if value.dtype.kind in "OSU" else value.dtype.name
    return "float32" if types.main == "fixed" else types.main


def _cast(array: np.ndarray, dtype: str) -> np.ndarray:
    target = numpy_dtype(dtype)
    if array.dtype == target:
        return array
    with np.errstate(all="ignore"):
        return array.astype(target)


def _flat_args(args: Sequence[Any], count: int) -> list[Any]:
    """The argument of each flat output, lists sharing what single arguments leave."""
    lists = sum(a.list for a in args)
    each = (count - (len(args) - lists)) // lists if lists else 0
    flat: list[Any] = []
    for a in args:
        flat += [a] * (each if a.list else 1)
    return flat


def _denormal(inputs: Mapping[str, Any]) -> np.ndarray | None:
    mask: np.ndarray | None = None
    for value in inputs.values():
        if not isinstance(value, np.ndarray):
            return None
        if value.dtype.kind != "f" and value.dtype.name != "bfloat16":
            continue
        _, normal, _ = float_limits(value.dtype)
        wide = np.abs(value.astype(np.float64))
        here = (wide > 0) & (wide < normal)
        mask = here if mask is None else mask | here
    return mask if mask is not None and mask.any() else None


def prepare(
    spec: Spec, declaration: Declaration, types: Types, case: Case, budget: int, runner: Runner
) -> Prepared:
    """Evaluates reference and truth of a case.

    Raises:
      MissingReference: TensorFlow or the truth's module is not installed.
      Exception: whatever the reference raises.
    """
    inputs = case_inputs(spec, declaration, types, case, budget)
    if types.quantized:
        return _prepare_quantized(spec, declaration, types, case, inputs, runner)
    compute = spec.via.get(types.main)
    want = call_reference(spec, declaration, types, inputs, case.attrs, compute=compute)
    args = _flat_args(declaration.outputs, len(want))
    if compute is not None or callable(spec.reference):
        want = [
            _cast(w, arg_dtype(a, types)) if not a.mixed else w
            for w, a in zip(want, args, strict=True)
        ]
    truth = call_truth(spec, declaration, inputs, case.attrs) if spec.truth else None
    known: np.ndarray | None = None
    for entry in spec.known:
        if entry.dtypes is None or types.main in entry.dtypes:
            mask = np.asarray(entry.where(inputs), dtype=bool)
            known = mask if known is None else known | mask
    loose = _denormal(inputs) if spec.pointwise else None
    also = None
    if loose is not None and types.main in ("float32", "bfloat16") and compute is None:
        also = _unflushed(spec, declaration, types, inputs, case, args)
    return Prepared(case, types, inputs, want, truth, known, loose, also, {})


def _unflushed(
    spec: Spec,
    declaration: Declaration,
    types: Types,
    inputs: Mapping[str, Any],
    case: Case,
    args: Sequence[Any],
) -> list[np.ndarray] | None:
    """The reference in float64, whose denormal inputs TensorFlow cannot flush; None without it."""
    if callable(spec.reference):
        return None
    try:
        wide = call_reference(spec, declaration, types, inputs, case.attrs, compute="float64")
    except Exception:  # the op has no float64 kernel: there is no second opinion
        return None
    return [_cast(w, arg_dtype(a, types)) for w, a in zip(wide, args, strict=True)]


def float_types(declaration: Declaration, types: Types) -> Types:
    """The dtypes of the float32 kernel behind a quantized one."""
    return Types({**types, main_type(declaration): "float32"})


def _prepare_quantized(
    spec: Spec,
    declaration: Declaration,
    types: Types,
    case: Case,
    inputs: dict[str, Any],
    runner: Runner,
    quant: dict[str, QuantParams] | None = None,
    out_params: QuantParams | None = None,
) -> Prepared:
    quant = dict(quant or {})
    real: dict[str, Any] = {}
    for arg in declaration.inputs:
        value = inputs.get(arg.name)
        dtype = arg_dtype(arg, types)
        if value is None or dtype not in QUANTIZED:
            real[arg.name] = value
            continue
        if arg.name not in quant:
            recipe = case.inputs[arg.name]
            recipe = recipe[0] if isinstance(recipe, list) else recipe
            low, high = recipe.range if isinstance(recipe, Draw) and recipe.range else (-1.0, 1.0)
            quant[arg.name] = q.params_for(low, high, dtype)
        params = quant[arg.name]
        if isinstance(value, list):
            real[arg.name] = [q.dequantize(v, params) for v in value]
        else:
            real[arg.name] = q.dequantize(value, params)
    floats = float_types(declaration, types)
    if spec.pointwise and "float32" in declaration.dtypes:
        one = build(declaration, floats, real, case.attrs, constant=case.constant)
        results = runner.load(one.to_bytes()).run(one.feeds)
    else:
        results = call_reference(spec, declaration, floats, real, case.attrs)
    want: list[np.ndarray] = []
    known: np.ndarray | None = None
    tolerance = spec.tolerance_for(types.main)
    rounding = getattr(tolerance, "rounding", "away")
    for arg, values in zip(_flat_args(declaration.outputs, len(results)), results, strict=True):
        dtype = arg_dtype(arg, types)
        if dtype not in QUANTIZED:
            want.append(values)
            continue
        if arg.name not in quant:
            same = next(iter(quant.values())) if spec.quant.get("same") and quant else None
            quant[arg.name] = same or out_params or q.output_params(values, dtype)[0]
        want.append(q.quantize(values, quant[arg.name], dtype, rounding))
        if len(results) == 1:
            known = np.isnan(values)  # NaN has no code
    return Prepared(case, types, inputs, want, None, known, None, None, quant)


def one_op(declaration: Declaration, prepared: Prepared, form: str = "custom") -> OneOp:
    """The model of a prepared case."""
    lists = {a.name for a in declaration.outputs if a.list}
    singles = len(declaration.outputs) - len(lists)
    outputs = (len(prepared.want) - singles) // len(lists) if lists else 1
    return build(
        declaration,
        prepared.types,
        prepared.inputs,
        prepared.case.attrs,
        constant=prepared.case.constant,
        form=form,
        outputs=outputs,
        quant=prepared.quant,
        version=declaration.version,
    )


def judge(
    spec: Spec, declaration: Declaration, prepared: Prepared, got: list[np.ndarray]
) -> CaseResult:
    """Compares the outputs of a run with what is wanted."""
    types, case = prepared.types, prepared.case
    result = CaseResult(spec.name, str(types), case.id, OK, reference=spec.reference_name())
    if len(got) != len(prepared.want):
        result.status = FAIL
        result.message = f"{len(got)} outputs, the reference has {len(prepared.want)}"
        return result
    worst: tuple[float, Comparison] | None = None
    customs: set[int] = set()
    theirs: dict[str, float] = {}  # the reference's own errors by unit
    program = case.program is not None
    args = [] if program else _flat_args(declaration.outputs, len(got))
    for i, (g, w) in enumerate(zip(got, prepared.want, strict=True)):
        name = f"output {i}" if program else args[i].name
        tolerance = spec.tolerance_for(types.main, name)
        if isinstance(tolerance, Custom):
            if id(tolerance) in customs:
                continue
            customs.add(id(tolerance))
            shapes = [(x.shape, y.shape) for x, y in zip(got, prepared.want, strict=True)]
            odd = next((k for k, (x, y) in enumerate(shapes) if x != y), None)
            if odd is not None:
                note = f"shape {list(shapes[odd][0])}, want {list(shapes[odd][1])}"
                c = Comparison(False, np.inf, tolerance.bound, tolerance.unit, note=note)
            else:
                error = float(
                    tolerance.metric(prepared.inputs, dict(case.attrs), got, prepared.want)
                )
                good = bool(error <= tolerance.bound)
                error = error if error == error else np.inf
                note = "" if good else f"{tolerance.name} {error:.3g}"
                size = sum(x.size for x in got)
                c = Comparison(
                    good, error, tolerance.bound, tolerance.unit, size, 0 if good else 1, note=note
                )
                if tolerance.by_inputs:
                    c.reference_error = float(
                        tolerance.metric(
                            prepared.inputs, dict(case.attrs), prepared.want, prepared.want
                        )
                    )
        else:
            dtype = g.dtype.name if program else arg_dtype(args[i], types)
            c = compare(
                g,
                w,
                tolerance,
                dtype if dtype not in QUANTIZED else numpy_dtype(dtype).name,
                truth=prepared.truth[i] if prepared.truth else None,
                known=prepared.known,
                loose=prepared.loose,
                also=prepared.also[i] if prepared.also else None,
            )
        share = c.error / c.bound if c.bound else (np.inf if c.error else 0.0)
        rank = (np.inf if not c.ok else share) if np.isfinite(share) or not c.ok else 1e300
        result.elements += c.elements
        result.failing += c.failing
        result.disputed += c.disputed
        if c.reference_error is not None:
            theirs[c.unit] = max(theirs.get(c.unit, 0.0), c.reference_error)
        if worst is None or rank > worst[0]:
            worst = (rank, c)
            result.error, result.bound, result.unit = c.error, c.bound, c.unit
            result.output = name
            result.message = "" if c.ok else f"{name}: {c.summary()}" + _inputs_at(prepared, c)
        if not c.ok:
            result.status = FAIL
    result.reference_error = theirs.get(result.unit)
    return result


def _inputs_at(prepared: Prepared, c: Comparison) -> str:
    """The inputs of the worst element, where inputs and output have one shape."""
    if c.note or not c.where:
        return ""
    shown = []
    for name, value in prepared.inputs.items():
        if not isinstance(value, np.ndarray) or c.mask is None:
            return ""
        try:
            at = np.broadcast_to(value, c.mask.shape)[c.where]
        except (ValueError, IndexError):
            return ""
        shown.append(f"{name}={at!r}" if isinstance(at, bytes) else f"{name}={at}")
    params = [f"{k}: scale {s:.6g}, zero point {z}" for k, (s, z) in prepared.quant.items()]
    return f" for {', '.join(shown)}" + (f" ({'; '.join(params)})" if params else "")


def check_case(
    spec: Spec,
    declaration: Declaration,
    types: Types,
    case: Case,
    *,
    budget: int = FULL,
    runner: Runner | None = None,
) -> CaseResult:
    """Runs one case and compares it. Never raises for what the kernel or reference does."""
    runner = runner or Runner()
    start = time.perf_counter()

    def failed(status: str, message: str) -> CaseResult:
        r = CaseResult(spec.name, str(types), case.id, status, message=message)
        r.reference = spec.reference_name()
        return r

    try:
        if case.program is not None:
            inputs = case_inputs(spec, declaration, types, case, budget)
            got, want = run_program(spec.name, case, inputs, runner)
            prepared = Prepared(case, types, inputs, want, None, None, None, None, {})
        else:
            prepared = prepare(spec, declaration, types, case, budget, runner)
            one = one_op(declaration, prepared)
            got = runner.load(one.to_bytes()).run(one.feeds)
        result = judge(spec, declaration, prepared, got)
    except MissingReference as e:
        result = failed(SKIPPED, str(e))
        result.missing = True
    except LoadError as e:
        result = failed(ERROR, f"refused at load: {e}")
    except RunError as e:
        result = failed(ERROR, f"failed in the run: {e}")
    except Exception as e:  # the reference, or the case itself
        result = failed(ERROR, f"{type(e).__name__}: {str(e)[:500]}")
    result.seconds = time.perf_counter() - start
    return result


def check_codes(
    spec: Spec, declaration: Declaration, types: Types, runner: Runner
) -> Iterator[tuple[str, Callable[[], CaseResult]]]:
    """(case id, check) per set of parameters: every code of a pointwise quantized kernel."""
    floats = float_types(declaration, types)
    variants: list[Mapping[str, Any]] = []
    for case in spec.cases_for(floats):
        if case.program is None and dict(case.attrs) not in variants:
            variants.append(dict(case.attrs))
    names = [a.name for a in declaration.inputs if arg_dtype(a, types) in QUANTIZED]
    domains = spec.domain or ()
    for v, attrs in enumerate(variants[:4] or [{}]):
        for k in range(len(q.input_params(domains[0], types.main)) if domains else 0):
            for grid in q.grids(types.main, len(names)):
                for narrow in (False, True):
                    tag = f"codes{k}" + (f"-attrs{v}" if v else "") + ("-narrow" if narrow else "")

                    def run(
                        k: int = k,
                        grid: tuple[np.ndarray, ...] = grid,
                        narrow: bool = narrow,
                        attrs: Mapping[str, Any] = attrs,
                        tag: str = tag,
                    ) -> CaseResult:
                        quant = {}
                        for i, name in enumerate(names):
                            options = q.input_params(domains[min(i, len(domains) - 1)], types.main)
                            quant[name] = options[(k + i) % len(options)]
                        return _check_codes_once(
                            spec, declaration, types, names, grid, quant, narrow, attrs, tag, runner
                        )

                    yield tag, run


def _check_codes_once(
    spec: Spec,
    declaration: Declaration,
    types: Types,
    names: Sequence[str],
    grid: Sequence[np.ndarray],
    quant: dict[str, QuantParams],
    narrow: bool,
    attrs: Mapping[str, Any],
    tag: str,
    runner: Runner,
) -> CaseResult:
    start = time.perf_counter()
    inputs = dict(zip(names, grid, strict=True))
    case = Case(tag, inputs, attrs)
    try:
        first = _prepare_quantized(spec, declaration, types, case, inputs, runner, dict(quant))
        if narrow:
            floats = float_types(declaration, types)
            real = {n: q.dequantize(inputs[n], quant[n]) for n in names}
            one = build(declaration, floats, real, attrs)
            values = runner.load(one.to_bytes()).run(one.feeds)[0]
            options = q.output_params(values, types.main)
            first = _prepare_quantized(
                spec, declaration, types, case, inputs, runner, dict(quant), options[-1]
            )
        one = one_op(declaration, first)
        got = runner.load(one.to_bytes()).run(one.feeds)
        if first.known is not None:
            got = [np.where(first.known, w, g) for g, w in zip(got, first.want, strict=True)]
        result = judge(spec, declaration, first, got)
        result.reference = "DEQUANTIZE, float32 kernel, QUANTIZE"
    except LoadError as e:
        result = CaseResult(spec.name, str(types), tag, ERROR, message=f"refused at load: {e}")
    except RunError as e:
        result = CaseResult(spec.name, str(types), tag, ERROR, message=f"failed in the run: {e}")
    except Exception as e:
        message = f"{type(e).__name__}: {str(e)[:500]}"
        result = CaseResult(spec.name, str(types), tag, ERROR, message=message)
    result.seconds = time.perf_counter() - start
    return result


def checks(
    spec: Spec,
    declaration: Declaration,
    *,
    dtypes: Sequence[str] | None = None,
    only: str | None = None,
    budget: int = FULL,
    runner: Runner | None = None,
    full: bool = False,
) -> Iterator[tuple[Types, str, Callable[[], CaseResult]]]:
    """(dtypes, case id, check) for everything parity has to say about an op.

    only: "float32/walk" or "float32": restricts to that combination of dtypes, or one case of it.
    dtypes: restricts to these main dtypes.
    """
    runner = runner or Runner()
    want_types, _, want_case = (only or "").partition("/")
    for types in combinations(spec, declaration, full or bool(want_types)):
        if dtypes and types.main not in dtypes:
            continue
        if want_types and str(types) != want_types:
            continue
        if types.quantized and spec.pointwise:
            for tag, run in check_codes(spec, declaration, types, runner):
                if not want_case or tag == want_case:
                    yield types, tag, run
        for case in spec.cases_for(types):
            if want_case and case.id != want_case:
                continue

            def run_case(case: Case = case, types: Types = types) -> CaseResult:
                return check_case(spec, declaration, types, case, budget=budget, runner=runner)

            yield types, case.id, run_case
