"""Does a kernel behave as it declares? Named checks, each with a docstring that documents it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

from opkit.registry import Declaration
from opkit.spec import Spec
from opkit.verify.contract import behaviour, declared, memory
from opkit.verify.contract.subject import Broken, NotApplicable, Subject
from opkit.verify.declaration import combinations
from opkit.verify.execute import Runner
from opkit.verify.reference import MissingReference
from opkit.verify.results import ERROR, FAIL, OK, SKIPPED, CaseResult

__all__ = ["CHECKS", "Broken", "NotApplicable", "Subject", "checks"]

CHECKS: dict[str, Callable[[Subject], None]] = {
    f.__name__.replace("_", "-"): f
    for f in (
        declared.arity,
        declared.dtypes_refused,
        declared.missing_quantization,
        declared.unknown_version,
        declared.attrs_unknown,
        declared.attrs_malformed,
        declared.attrs_missing,
        declared.attrs_roundtrip,
        declared.attrs_defaults,
        behaviour.shape_agrees,
        memory.inputs_untouched,
        memory.guard_bytes,
        memory.memory_steady,
        behaviour.repeatable,
        behaviour.resize,
        behaviour.empty,
        behaviour.thread_safe,
        behaviour.threads_agree,
        behaviour.model_roundtrip,
        behaviour.hosts_agree,
    )
}


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
    for types in combinations(spec, declaration):
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
            table[f"rejects-{reject.id}"] = partial(declared.reject_check, reject=reject)
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
            except MissingReference as e:
                result.status, result.message, result.missing = SKIPPED, str(e), True
            except Exception as e:
                result.status, result.message = ERROR, f"{type(e).__name__}: {str(e)[:400]}"
            result.seconds = time.perf_counter() - start
            return result

        yield name, run
