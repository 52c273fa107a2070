"""Kernels behave as they declare; and the checks that say so catch kernels that do not."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest

from opkit import registry
from opkit.spec import Types, specs
from opkit.verify import contract
from opkit.verify.contract import Broken, NotApplicable, Subject
from opkit.verify.contract.memory import arena_spans
from opkit.verify.declaration import combinations
from opkit.verify.execute import Runner, Session
from opkit.verify.results import ERROR, FAIL, OK
from opkit.verify.single_op import build


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "op" in metafunc.fixturenames:
        declared = registry.declarations()
        wanted = metafunc.config.getoption("--op") or sorted(set(declared) & set(specs()))
        metafunc.parametrize("op", wanted)


def test_contract(op: str) -> None:
    spec, declaration = specs()[op], registry.declarations()[op]
    runner = Runner("tensorflow", "resolver")
    results = [run() for _, run in contract.checks(spec, declaration, runner=runner)]
    bad = [r for r in results if r.status in (FAIL, ERROR)]
    assert not bad, "\n".join(f"{r.id}: {r.message}\n  repeat: {r.replay}" for r in bad)
    done = [r for r in results if r.status == OK]
    if any(c.program is None for t in combinations(spec, declaration) for c in spec.cases_for(t)):
        assert len(done) >= 8, f"only {len(done)} of {len(results)} checks applied"


def test_threads_split_broadcasts_in_the_middle_of_a_row() -> None:
    rng = np.random.default_rng(5)
    x, row = rng.random((3, 100_000), np.float32), rng.random(100_000, np.float32)
    results = []
    for threads, y in ((1, np.broadcast_to(row, x.shape)), (3, row)):
        one = build(registry.declarations()["Xlogy"], Types({"T": "float32"}), {"x": x, "y": y}, {})
        results.append(Runner(threads=threads).load(one.to_bytes()).run(one.feeds)[0])
    np.testing.assert_array_equal(*results)


def test_every_check_is_documented() -> None:
    for name, check in contract.CHECKS.items():
        assert check.__doc__ and len(check.__doc__) > 30, name


# --- deliberately broken kernels: one per check of behaviour ------------------------------------


class BrokenSession(Session):
    """A session whose results are spoilt the way a broken kernel would."""

    fault = ""
    runs = 0

    def fetch(self) -> list[np.ndarray]:
        found = super().fetch()
        type(self).runs += 1
        if self.fault == "random":
            found[0].ravel()[0] += type(self).runs
        if self.fault == "shape":
            found[0] = found[0].reshape(1, *found[0].shape)
        return found

    def invoke(self) -> None:
        super().invoke()
        if self.fault == "input":
            index = self.inputs[0]["index"]
            self.interpreter.tensor(index)()[...] = 7
        if self.fault == "guard":
            view = self.interpreter.tensor(self.inputs[-1]["index"])()
            view[...] = 0
        if self.fault == "padding":
            view = self.interpreter.tensor(self.outputs[0]["index"])()
            ctypes.memset(view.ctypes.data + view.nbytes, 0, 1)
        if self.fault == "leak":
            ctypes.CDLL(None).malloc(64)


class BrokenRunner(Runner):
    """Loads models into broken sessions; accepts bad models when told to."""

    def __init__(self, fault: str):
        super().__init__("tensorflow", "resolver")
        object.__setattr__(self, "fault", fault)

    def load(self, model: bytes, shapes: Any = None) -> Session:
        made = super().load(model, shapes)
        BrokenSession.fault = self.fault  # type: ignore[attr-defined]
        return BrokenSession(made.interpreter)


def _subject(runner: Runner) -> Subject:
    spec, declaration = specs()["Cumprod"], registry.declarations()["Cumprod"]
    types = combinations(spec, declaration)[0]
    return Subject(spec, declaration, runner, types, spec.cases_for(types))


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ("random", "repeatable"),
        ("random", "thread-safe"),
        ("random", "threads-agree"),
        ("random", "model-roundtrip"),
        ("shape", "shape-agrees"),
        ("input", "inputs-untouched"),
        ("guard", "guard-bytes"),
        ("padding", "guard-bytes"),
        ("leak", "memory-steady"),
    ],
)
def test_a_broken_kernel_is_caught(fault: str, check: str) -> None:
    contract.CHECKS[check](_subject(Runner("tensorflow", "resolver")))
    with pytest.raises(Broken):
        contract.CHECKS[check](_subject(BrokenRunner(fault)))


def test_scalars_have_no_padding() -> None:
    """Bytes behind NumPy's copy of a scalar belong to others on the heap: writing them, as
    guard-bytes does, would end the process some day."""
    x, axis = np.ones(3, np.float32), np.array(0, np.int32)
    one = build(
        registry.declarations()["Cumsum"], Types({"T": "float32"}), {"x": x, "axis": axis}, {}
    )
    session = Runner("tensorflow", "resolver").load(one.to_bytes())
    session.feed(one.feeds)
    plain = [d["index"] for d in (*session.inputs, *session.outputs)]
    spans = arena_spans(session, plain)
    assert len(plain) == 3
    assert [size for _, size in spans] == [x.nbytes, x.nbytes]
    assert all(address % 64 == 0 for address, _ in spans)


def test_a_kernel_that_takes_everything_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    subject = _subject(Runner("tensorflow", "resolver"))
    monkeypatch.setattr(Runner, "load", lambda self, model, shapes=None: None)
    for check in ("arity", "dtypes-refused", "attrs-unknown", "attrs-malformed"):
        with pytest.raises(Broken, match="want an error"):
            contract.CHECKS[check](subject)


def test_a_check_without_a_subject_is_skipped_not_passed() -> None:
    with pytest.raises(NotApplicable):
        contract.CHECKS["attrs-missing"](_subject(Runner("tensorflow", "resolver")))
