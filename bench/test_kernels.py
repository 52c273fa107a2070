"""Every bench case of every spec through the interpreter, float32 and int8. A wrong case fails."""

from __future__ import annotations

import time
from typing import Any

import pytest

from opkit import registry
from opkit.bench.check import Checker, ready
from opkit.bench.run import timed_types
from opkit.spec import spec, specs
from opkit.verify.execute import Runner
from opkit.verify.parity import one_op
from opkit.verify.results import OK


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    declared = registry.declarations()
    names = metafunc.config.getoption("--op") or sorted(set(declared) & set(specs()))
    found = []
    for name in names:
        s, d = spec(name), declared[name]
        for types in timed_types(s, d):
            found += [
                pytest.param(name, types, c, id=f"{name}/{types}/{c.id}")
                for c in s.bench_for(types)
            ]
    metafunc.parametrize(("op", "types", "case"), found)


@pytest.mark.benchmark(timer=time.thread_time, max_time=0.3, min_rounds=9, warmup=False)
def test_kernel(benchmark: Any, op: str, types: Any, case: Any, simd: str) -> None:
    runner, declaration = Runner(), registry.declarations()[op]
    prepared = ready(spec(op), declaration, types, case, runner)
    one = one_op(declaration, prepared)
    session = runner.load(one.to_bytes())
    verdict = Checker(spec(op), declaration, prepared).judge(session.run(one.feeds))
    assert verdict.status == OK, verdict.message
    benchmark.group = f"{op}/{case.id}"
    benchmark.extra_info.update(
        simd=simd, types=str(types), error=verdict.error, bound=verdict.bound, unit=verdict.unit
    )
    benchmark(session.interpreter.invoke)
