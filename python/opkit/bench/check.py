"""Judges bench cases before they are timed: ours by the spec's bound, peers as users know right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from opkit.registry import Declaration
from opkit.spec import Case, Spec, Types, numpy_dtype
from opkit.verify.declaration import arg_dtype
from opkit.verify.execute import Runner
from opkit.verify.parity import SMALL, Prepared, case_inputs, judge, prepare
from opkit.verify.results import OK, CaseResult

CHECKED = 200_000
"""Elements of a pointwise case that are compared; larger cases are sampled evenly."""

Judge = Callable[[list[np.ndarray]], str]


def ready(
    spec: Spec, declaration: Declaration, types: Types, case: Case, runner: Runner
) -> Prepared:
    """A bench case with its reference; of a large pointwise case the reference is that of a sample
    (see `Checker`), as truths can be slow."""
    inputs = case_inputs(replace(spec, truth_limit=0), declaration, types, case, SMALL)
    arrays = [v for v in inputs.values() if isinstance(v, np.ndarray)]
    big = max((a.size for a in arrays), default=0) > CHECKED
    alike = len({a.shape for a in arrays}) == 1
    if not (spec.pointwise and big and alike) and not (spec.truth_limit and spec.pointwise):
        fixed = replace(case, inputs={**case.inputs, **_fixed(case, inputs)})
        return prepare(spec, declaration, types, fixed, SMALL, runner)
    if types.quantized:
        fixed = replace(case, inputs={**case.inputs, **_fixed(case, inputs)})
        return prepare(
            replace(spec, truth=None, truth_limit=0), declaration, types, fixed, SMALL, runner
        )
    shape = np.broadcast_shapes(*(a.shape for a in arrays))
    blank = [np.zeros(shape, numpy_dtype(arg_dtype(a, types))) for a in declaration.outputs]
    return Prepared(case, types, inputs, blank, None, None, None, None, {})


def _fixed(case: Case, inputs: dict[str, Any]) -> dict[str, Any]:
    # Draws keep their recipe where quantization parameters are taken from it.
    return {k: v for k, v in inputs.items() if not hasattr(case.inputs.get(k), "range")}


class Checker:
    """Compares results of one prepared case; the reference of a sampled case is evaluated once."""

    def __init__(self, spec: Spec, declaration: Declaration, prepared: Prepared):
        self.spec, self.declaration, self.prepared = spec, declaration, prepared
        arrays = [v for v in prepared.inputs.values() if isinstance(v, np.ndarray)]
        size = max((a.size for a in arrays), default=0)
        pointwise = spec.pointwise and not prepared.quant
        self.sampled = pointwise and (bool(spec.truth_limit) or size > CHECKED)
        self.part: Prepared | None = None
        self.at: np.ndarray | None = None

    def _sample(self, got: list[np.ndarray]) -> tuple[Prepared, list[np.ndarray]]:
        if not self.sampled:
            return self.prepared, got
        shape, size = self.prepared.want[0].shape, self.prepared.want[0].size
        if self.part is None:
            limit = min(self.spec.truth_limit or CHECKED, size)
            self.at = np.unique(np.linspace(0, max(size - 1, 0), limit).astype(np.int64))
            inputs = {
                k: np.broadcast_to(v, shape).ravel()[self.at] if isinstance(v, np.ndarray) else v
                for k, v in self.prepared.inputs.items()
            }
            case = replace(self.prepared.case, inputs=inputs)
            types = self.prepared.types
            self.part = prepare(self.spec, self.declaration, types, case, SMALL, Runner())
        return self.part, [g.ravel()[self.at] if g.shape == shape else g for g in got]

    def judge(self, got: list[np.ndarray]) -> CaseResult:
        """Ours against the spec's bound."""
        prepared, part = self._sample(got)
        return judge(self.spec, self.declaration, prepared, part)

    def peer(self, got: list[np.ndarray]) -> str:
        """A peer: "ok" within the spec's bound, or as near as users know it; else "off"."""
        try:
            if self.judge(got).status == OK:
                return OK
            prepared, part = self._sample(got)
            return OK if _close(part, prepared.want) else "off"
        except Exception:
            return "off"


def _close(got: list[np.ndarray], want: list[np.ndarray]) -> bool:
    """Whether a peer is right as users know it: within 4e-6 of the output's largest value."""
    if len(got) != len(want) or any(w.dtype.kind not in "fc" for w in want):
        return False
    for g, w in zip(got, want, strict=True):
        finite = np.abs(w[np.isfinite(w)])
        size = float(finite.max(initial=0.0))
        if not np.allclose(g, w, rtol=4e-6, atol=4e-6 * size, equal_nan=True):
            return False
    return True


def within_steps(got: list[np.ndarray], want: list[np.ndarray], n: int = 1) -> bool:
    """Whether codes differ by at most n."""
    return all(
        g.shape == w.shape and np.abs(g.astype(np.int64) - w.astype(np.int64)).max(initial=0) <= n
        for g, w in zip(got, want, strict=True)
    )
