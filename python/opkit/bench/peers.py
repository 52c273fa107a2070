"""Who is timed beside a kernel: each peer made ready for one bench case."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from opkit.bench.check import Judge, within_steps
from opkit.bench.clock import TARGET, batch_seconds, calls_for, pool_seconds
from opkit.bench.flex import FlexWorker, MissingPeer
from opkit.bench.lowering import Lowering
from opkit.bench.models import builtin_model, flex_model, float_twin, yardstick_model
from opkit.registry import Declaration
from opkit.spec import Spec, resolve
from opkit.verify.execute import Runner
from opkit.verify.parity import Prepared
from opkit.verify.reference import MissingReference, flat_outputs, tensorflow, tf_attributes
from opkit.verify.results import OK

PEERS = ("tf", "flex", "builtin", "lowering", "numpy", "yardstick")


@dataclass
class Contestant:
    """A peer ready to be timed."""

    time: Callable[[int], float]
    calls: int
    parity: str = OK
    done: Callable[[], None] | None = None


def plain(call: Callable[[], object]) -> Contestant:
    """What runs on the calling thread."""
    return Contestant(lambda n: batch_seconds(call, n), calls_for(call))


def pooled(call: Callable[[], object]) -> Contestant:
    """What may hand work to threads of its own."""
    return Contestant(lambda n: pool_seconds(call, n), calls_for(call))


def flexed(worker: FlexWorker, handle: str, calls: int, parity: str) -> Contestant:
    """A model the Flex worker has loaded, dropped there when it has been timed."""
    return Contestant(
        lambda n: worker.seconds(handle, n), calls, parity, lambda: worker.drop(handle)
    )


class Peers:
    """The peers of a run. The Flex worker and the converter's child process live through it."""

    def __init__(self, names: Sequence[str], runner: Runner, ops: Sequence[str] = ()):
        self.names, self.runner = set(names), runner
        self.absent: dict[str, str] = {}
        self.flex: FlexWorker | None = None
        self.lowering = Lowering(tuple(ops)) if "lowering" in self.names else None
        self.blas = _one_blas_thread() if "numpy" in self.names else None
        if "numpy" in self.names and self.blas is None:
            self.absent["numpy"] = "pip install threadpoolctl: keeps NumPy's BLAS to one thread"
        if "flex" in self.names:
            try:
                self.flex = FlexWorker()
            except MissingPeer as e:
                self.absent["flex"] = str(e)
        if self.names & {"tf", "lowering"}:
            try:
                tf = tensorflow()
                tf.config.threading.set_intra_op_parallelism_threads(1)
                tf.config.threading.set_inter_op_parallelism_threads(1)
            except MissingReference as e:
                self.absent["tf"] = str(e)
            except RuntimeError:
                pass  # TensorFlow has started; `pool_seconds` copes with its threads

    def close(self) -> None:
        """Ends child processes."""
        if self.flex is not None:
            self.flex.close()
        if self.lowering is not None:
            self.lowering.close()
        if self.blas is not None:
            self.blas.restore_original_limits()

    def of(
        self, spec: Spec, declaration: Declaration, prepared: Prepared, judged: Judge
    ) -> tuple[dict[str, Contestant], dict[str, str]]:
        """The contestants of a case, and why others cannot take part."""
        ready: dict[str, Contestant] = {}
        refused: dict[str, str] = {}
        for name, make in self._makers(spec, declaration, prepared, judged).items():
            try:
                ready[name] = make()
            except MissingPeer as e:
                self.absent[name] = str(e)
                self.flex = None
            except Exception as e:
                refused[name] = f"{type(e).__name__}: {str(e)[:160]}"
        return ready, refused

    def _makers(
        self, spec: Spec, declaration: Declaration, prepared: Prepared, judged: Judge
    ) -> dict[str, Callable[[], Contestant]]:
        makers: dict[str, Callable[[], Contestant]] = {}
        peers, types = spec.peers, prepared.types
        if types.quantized and "float32" in declaration.dtypes:
            makers["float32"] = lambda: self._float32(declaration, prepared)
        if "tf" in self.names and peers.tf and "tf" not in self.absent and not types.quantized:
            makers["tf"] = lambda: self._tf(spec, declaration, prepared, judged)
        if self.flex is not None and peers.flex:
            makers["flex"] = lambda: self._flex(declaration, prepared, judged)
        if "builtin" in self.names and peers.builtin:
            makers["builtin"] = lambda: self._builtin(peers.builtin or "", prepared, judged)
        if self.lowering is not None and peers.lowering and not types.quantized:
            makers["lowering"] = lambda: self._lowered(spec, prepared, judged)
        if self.blas is not None and peers.numpy and not types.quantized:
            makers["numpy"] = lambda: _numpy(spec, prepared, judged)
        unary = spec.pointwise and len(declaration.inputs) == len(declaration.outputs) == 1
        if "yardstick" in self.names and unary and types.main in ("float32", "qint8"):
            makers["yardstick"] = lambda: self._yardstick(prepared)
        return makers

    def _float32(self, declaration: Declaration, prepared: Prepared) -> Contestant:
        one = float_twin(declaration, prepared)
        session = self.runner.load(one.to_bytes())
        session.run(one.feeds)
        return plain(session.interpreter.invoke)

    def _tf(
        self, spec: Spec, declaration: Declaration, prepared: Prepared, judged: Judge
    ) -> Contestant:
        tf = tensorflow()
        named = None if callable(spec.reference) else spec.reference
        function = resolve(named or f"tf.raw_ops.{spec.name}")
        with tf.device("/CPU:0"):
            inputs = {
                k: [tf.constant(x) for x in v] if isinstance(v, (list, tuple)) else tf.constant(v)
                for k, v in prepared.inputs.items()
                if v is not None
            }
        attrs = tf_attributes(declaration, prepared.types, prepared.case.attrs)

        def call() -> Any:
            return function(**inputs, **attrs)

        parity = judged(flat_outputs(call()))
        return replace(pooled(call), parity=parity)

    def _flex(self, declaration: Declaration, prepared: Prepared, judged: Judge) -> Contestant:
        assert self.flex is not None
        worker = self.flex
        one = flex_model(declaration, prepared)
        handle = worker.load(one.to_bytes(), one.feeds)
        small = sum(w.nbytes for w in prepared.want) < 50e6
        parity = judged(worker.outputs(handle)) if small else "ok"
        if prepared.types.quantized and parity != "ok":
            parity = "ok" if within_steps(worker.outputs(handle), prepared.want) else "off"
        return flexed(worker, handle, worker.calls_for(handle, TARGET), parity)

    def _builtin(self, name: str, prepared: Prepared, judged: Judge) -> Contestant:
        one = builtin_model(name, prepared, prepared.quant)
        session = self.runner.load(one.to_bytes())
        got = session.run(one.feeds)
        return replace(plain(session.interpreter.invoke), parity=judged(got))

    def _lowered(self, spec: Spec, prepared: Prepared, judged: Judge) -> Contestant:
        assert self.lowering is not None
        data = self.lowering.convert(spec.name, str(prepared.types), prepared.case.id)
        session = self.runner.load(data)
        feeds = []
        for detail in session.inputs:
            key = detail["name"].removeprefix("serving_default_").split(":")[0]
            feeds.append(prepared.inputs[key])
        got = session.run(feeds)
        return replace(plain(session.interpreter.invoke), parity=judged(got))

    def _yardstick(self, prepared: Prepared) -> Contestant:
        # Another function, so there is no result to judge: a measure of what a pass costs.
        one = yardstick_model(prepared)
        session = self.runner.load(one.to_bytes())
        session.run(one.feeds)
        return plain(session.interpreter.invoke)


def _one_blas_thread() -> Any:
    """Caps NumPy's BLAS to one thread, as every contestant; None without threadpoolctl."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return None
    return threadpool_limits(limits=1, user_api="blas")


def _numpy(spec: Spec, prepared: Prepared, judged: Judge) -> Contestant:
    assert spec.peers.numpy is not None
    function = resolve(spec.peers.numpy)
    inputs = [v for v in prepared.inputs.values() if v is not None]
    attrs = dict(prepared.case.attrs) if callable(spec.peers.numpy) else {}

    def call() -> Any:
        return function(*inputs, **attrs)

    with np.errstate(all="ignore"):
        outputs = [
            np.asarray(g).astype(w.dtype)
            for g, w in zip(flat_outputs(call()), prepared.want, strict=False)
        ]
        parity = judged(outputs)
        return replace(plain(call), parity=parity)
