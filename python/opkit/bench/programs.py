"""Timing of cases that are small programs: lists and tables with what surrounds them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from opkit.bench.clock import TARGET
from opkit.bench.flex import FlexWorker
from opkit.registry import Declaration
from opkit.spec import Case, Spec, Types
from opkit.verify.execute import Runner, Session
from opkit.verify.graphs import feeds_of, in_order, model_of
from opkit.verify.parity import SMALL, Prepared, case_inputs, judge
from opkit.verify.reference import flat_outputs, tensorflow
from opkit.verify.results import CaseResult


class Program:
    """A program made a model once: ours, TensorFlow's graph, and Flex run the same nodes."""

    def __init__(
        self, spec: Spec, declaration: Declaration, types: Types, case: Case, runner: Runner
    ):
        tf = tensorflow()
        self.spec, self.declaration = spec, declaration
        self.inputs = case_inputs(spec, declaration, types, case, SMALL)
        self.model = model_of(case, self.inputs)
        self.session: Session = runner.load(self.model)
        self.feeds = feeds_of(self.session, self.inputs)
        program = case.program
        assert program is not None
        tensors = {k: tf.constant(v) for k, v in self.inputs.items()}
        graph = tf.function(lambda **named: tf.nest.flatten(program(tf, **named)))
        self.call: Callable[[], Any] = lambda: graph(**tensors)
        want = flat_outputs(self.call())
        self.prepared = Prepared(case, types, self.inputs, want, None, None, None, None, {})
        self.got = in_order(self.session, self.session.run(self.feeds))

    def verdict(self, got: list[np.ndarray]) -> CaseResult:
        """A result against TensorFlow's."""
        return judge(self.spec, self.declaration, self.prepared, got)

    def flex(self, worker: FlexWorker) -> tuple[str, int, list[np.ndarray]]:
        """(handle, calls a batch, results) of the model in the Flex worker."""
        handle = worker.load(self.model, self.feeds)
        got = in_order(self.session, worker.outputs(handle))  # the same file, the same order
        return handle, worker.calls_for(handle, TARGET), got
