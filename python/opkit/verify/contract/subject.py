"""What contract checks look at: an op, a call of it that works, and how checks report."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from opkit.registry import Declaration
from opkit.spec import Case, Exact, Spec, Types
from opkit.verify.compare import compare
from opkit.verify.execute import LoadError, RunError, Runner
from opkit.verify.parity import Prepared, case_inputs, one_op, prepare

BUDGET = 1000


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

    def largest(self) -> list[Case]:
        """The three largest cases, timed ones included, of 10,000 to a million elements."""
        sized = []
        for case in [*self.cases, *self.spec.bench_for(self.types)]:
            if case.program is not None:
                continue
            inputs = case_inputs(self.spec, self.declaration, self.types, case, self.budget)
            lists = [v if isinstance(v, list) else [v] for v in inputs.values()]
            sizes = [v.size for values in lists for v in values if isinstance(v, np.ndarray)]
            if sizes and 10_000 <= max(sizes) <= 1_000_000:
                sized.append((max(sizes), case))
        sized.sort(key=lambda pair: -pair[0])
        return [case for _, case in sized[:3]]

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


def same(a: list[np.ndarray], b: list[np.ndarray]) -> str:
    """ "" when two runs gave the same bits, else what differs."""
    if len(a) != len(b):
        return f"{len(a)} outputs, then {len(b)}"
    for i, (x, y) in enumerate(zip(a, b, strict=True)):
        c = compare(x, y, Exact(), x.dtype.name)
        if not c.ok:
            return f"output {i} {c.summary()}"
    return ""
