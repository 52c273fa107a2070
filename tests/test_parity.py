"""Every kernel x every declared dtype x every case of its spec against TensorFlow."""

from __future__ import annotations

import pytest

from opkit import registry
from opkit.spec import QUANTIZED, specs
from opkit.verify import parity
from opkit.verify.declaration import combinations
from opkit.verify.execute import Runner
from opkit.verify.results import OK


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    declared = registry.declarations()
    wanted = metafunc.config.getoption("--op") or sorted(set(declared) & set(specs()))
    if {"op", "types"} <= set(metafunc.fixturenames):
        pairs = [(n, str(t)) for n in wanted for t in combinations(specs()[n], declared[n])]
        metafunc.parametrize(("op", "types"), pairs, ids=[f"{n}-{t}" for n, t in pairs])
    elif "op" in metafunc.fixturenames:
        metafunc.parametrize("op", wanted)


def _failures(results: list) -> str:
    # A skip is not a pass: a reference that is missing fails the test.
    bad = [r for r in results if r.status != OK]
    return "\n".join(
        f"{r.id}: {r.status}, {r.error:.4g} {r.unit} of {r.bound:.4g}: {r.message}\n"
        f"  repeat: {r.replay}"
        for r in bad[:8]
    ) + (f"\nand {len(bad) - 8} more" if len(bad) > 8 else "")


def test_every_kernel_has_a_spec_and_every_spec_a_kernel() -> None:
    declared, written = set(registry.declarations()), set(specs())
    assert declared, "no kernel is registered"
    assert declared - written == set(), "kernels without a spec"
    assert written - declared == set(), "specs without a kernel"


def test_parity(op: str, types: str, budget: int) -> None:
    spec, declaration = specs()[op], registry.declarations()[op]
    runner = Runner("tensorflow", "resolver")
    results = [
        run()
        for _, _, run in parity.checks(spec, declaration, only=types, budget=budget, runner=runner)
    ]
    if types.split(",")[0] not in QUANTIZED:
        # Restricting all cases away from a declared dtype would hide it.
        assert results, f"{op}: no case runs for {types}"
    problems = _failures(results)
    assert not problems, problems


def test_parity_by_delegate_on_litert(op: str, budget: int) -> None:
    pytest.importorskip("ai_edge_litert", reason="LiteRT is not installed")
    spec, declaration = specs()[op], registry.declarations()[op]
    runner = Runner("litert", "delegate")
    first = combinations(spec, declaration)[0]
    results = [
        run()
        for _, _, run in parity.checks(
            spec, declaration, only=str(first), budget=min(budget, 500), runner=runner
        )
    ]
    assert results, f"{op}: no case runs for {first}"
    problems = _failures(results)
    assert not problems, problems
