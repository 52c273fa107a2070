"""Times bench cases: our kernels beside their peers, in one interleaved run."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from opkit.bench.clock import (
    TARGET,
    batch_seconds,
    calls_for,
    interleave,
    pool_seconds,
    timing,
)
from opkit.bench.flex import FlexWorker, MissingPeer
from opkit.bench.lowering import Lowering
from opkit.bench.models import builtin_model, flex_model, float_twin
from opkit.bench.programs import Program
from opkit.bench.results import BenchReport, Row
from opkit.registry import Declaration
from opkit.spec import Case, Spec, Types, numpy_dtype, resolve
from opkit.verify.declaration import arg_dtype, product
from opkit.verify.execute import LoadError, RunError, Runner
from opkit.verify.parity import (
    SMALL,
    Prepared,
    case_inputs,
    judge,
    one_op,
    prepare,
)
from opkit.verify.reference import MissingReference, flat_outputs, tensorflow, tf_attributes
from opkit.verify.results import OK, CaseResult

PEERS = ("tf", "flex", "builtin", "lowering", "numpy")
USUAL = ("int32", "float32", "complex64", "string")
CHECKED = 200_000
"""Elements of a pointwise case that are compared; larger cases are sampled evenly."""


Judge = Callable[[list[np.ndarray]], str]


@dataclass
class Contestant:
    """A peer ready to be timed."""

    time: Callable[[int], float]
    calls: int
    parity: str = OK
    done: Callable[[], None] | None = None


class Bench:
    """Peers that live through a run: the Flex worker and the converter's child process."""

    def __init__(self, peers: Sequence[str], runner: Runner, rounds: int, ops: Sequence[str] = ()):
        self.runner, self.rounds = runner, rounds
        self.peers = set(peers)
        self.absent: dict[str, str] = {}
        self.flex: FlexWorker | None = None
        self.lowering = Lowering(tuple(ops)) if "lowering" in self.peers else None
        self.blas = _one_blas_thread() if "numpy" in self.peers else None
        if "numpy" in self.peers and self.blas is None:
            self.absent["numpy"] = "pip install threadpoolctl: keeps NumPy's BLAS to one thread"
        if "flex" in self.peers:
            try:
                self.flex = FlexWorker()
            except MissingPeer as e:
                self.absent["flex"] = str(e)
        if self.peers & {"tf", "lowering"}:
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

    def row(self, spec: Spec, declaration: Declaration, types: Types, case: Case) -> Row:
        """Checks and times one case. Never raises for what kernels or peers do."""
        if case.program is not None:
            return self._program(spec, declaration, types, case)
        row = Row(spec.name, str(types), case.id, "error")
        try:
            prepared = ready(spec, declaration, types, case, self.runner)
            one = one_op(declaration, prepared)
            session = self.runner.load(one.to_bytes())
            got = session.run(one.feeds)
            checker = Checker(spec, declaration, prepared)
        except (LoadError, RunError, MissingReference) as e:
            row.message = str(e)
            return row
        except Exception as e:
            row.message = f"{type(e).__name__}: {str(e)[:300]}"
            return row
        verdict = checker.judge(got)
        row.parity, row.error = verdict.status, verdict.error
        row.bound, row.unit, row.message = verdict.bound, verdict.unit, verdict.message
        arrays = [v for v in prepared.inputs.values() if isinstance(v, np.ndarray)]
        arrays += [v for v in got if v.dtype != object]
        row.elements = max((a.size for a in arrays), default=0)
        row.bytes = sum(a.nbytes for a in arrays if a.dtype != object)
        if row.parity != OK:
            return row  # a wrong case is not timed
        contestants = {"opkit": _plain(session.interpreter.invoke)}
        if row.bytes:
            half = max(1, row.bytes // 2)
            source, target = np.ones(half, np.uint8), np.zeros(half, np.uint8)
            contestants["copy"] = _plain(lambda: np.copyto(target, source))
        for name, make in self._makers(spec, declaration, prepared, checker.peer).items():
            try:
                contestants[name] = make()
            except MissingPeer as e:
                self.absent[name] = str(e)
                self.flex = None
            except Exception as e:
                row.refused[name] = f"{type(e).__name__}: {str(e)[:160]}"
        return self._time(row, contestants)

    def _time(self, row: Row, contestants: dict[str, Contestant]) -> Row:
        slowest = max(c.calls for c in contestants.values())
        rounds = self.rounds if slowest > 1 else max(5, self.rounds // 3)
        samples = interleave(
            {n: c.time for n, c in contestants.items()},
            {n: c.calls for n, c in contestants.items()},
            rounds,
        )
        for name, c in contestants.items():
            row.times[name] = timing(samples[name], c.calls, c.parity)
            if c.done is not None:
                c.done()
        copy = row.times.pop("copy", None)
        if copy is not None:
            row.copy_share = copy.median / row.times["opkit"].median
        return row

    def _program(self, spec: Spec, declaration: Declaration, types: Types, case: Case) -> Row:
        row = Row(spec.name, str(types), case.id, "error")
        try:
            program = Program(spec, declaration, types, case, self.runner)
        except Exception as e:
            row.message = f"{type(e).__name__}: {str(e)[:300]}"
            return row
        verdict = program.verdict(program.got)
        row.parity, row.error = verdict.status, verdict.error
        row.bound, row.unit, row.message = verdict.bound, verdict.unit, verdict.message
        row.elements = max((v.size for v in program.inputs.values()), default=0)
        if row.parity != OK:
            return row
        contestants = {"opkit": _plain(program.session.interpreter.invoke)}
        if "tf" in self.peers and spec.peers.tf:
            contestants["tf"] = _pooled(program.call)
        if self.flex is not None and spec.peers.flex:
            worker = self.flex
            try:
                handle, calls, got = program.flex(worker)
                parity = "ok" if program.verdict(got).status == OK else "off"
                contestants["flex"] = Contestant(
                    lambda n: worker.seconds(handle, n), calls, parity, lambda: worker.drop(handle)
                )
            except RuntimeError as e:
                row.refused["flex"] = str(e)[:160]
        return self._time(row, contestants)

    def _makers(
        self, spec: Spec, declaration: Declaration, prepared: Prepared, judged: Judge
    ) -> dict[str, Callable[[], Contestant]]:
        makers: dict[str, Callable[[], Contestant]] = {}
        peers, types = spec.peers, prepared.types

        if types.quantized and "float32" in declaration.dtypes:

            def float32() -> Contestant:
                one = float_twin(declaration, prepared)
                session = self.runner.load(one.to_bytes())
                session.run(one.feeds)
                return _plain(session.interpreter.invoke)

            makers["float32"] = float32
        if "tf" in self.peers and peers.tf and "tf" not in self.absent and not types.quantized:
            makers["tf"] = lambda: self._tf(spec, declaration, prepared, judged)
        if self.flex is not None and peers.flex:
            makers["flex"] = lambda: self._flex(declaration, prepared, judged)
        if "builtin" in self.peers and peers.builtin:
            makers["builtin"] = lambda: self._builtin(peers.builtin or "", prepared, judged)
        if self.lowering is not None and peers.lowering and not types.quantized:
            makers["lowering"] = lambda: self._lowered(spec, prepared, judged)
        if self.blas is not None and peers.numpy and not types.quantized:
            makers["numpy"] = lambda: _numpy(spec, prepared, judged)
        return makers

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
        return replace(_pooled(call), parity=parity)

    def _flex(self, declaration: Declaration, prepared: Prepared, judged: Judge) -> Contestant:
        assert self.flex is not None
        worker = self.flex
        one = flex_model(declaration, prepared)
        handle = worker.load(one.to_bytes(), one.feeds)
        small = sum(w.nbytes for w in prepared.want) < 50e6
        parity = judged(worker.outputs(handle)) if small else "ok"
        if prepared.types.quantized and parity != "ok":
            parity = "ok" if _within_steps(worker.outputs(handle), prepared.want) else "off"
        calls = worker.calls_for(handle, TARGET)
        return Contestant(
            lambda n: worker.seconds(handle, n), calls, parity, lambda: worker.drop(handle)
        )

    def _builtin(self, name: str, prepared: Prepared, judged: Judge) -> Contestant:
        one = builtin_model(name, prepared, prepared.quant)
        session = self.runner.load(one.to_bytes())
        got = session.run(one.feeds)
        return replace(_plain(session.interpreter.invoke), parity=judged(got))

    def _lowered(self, spec: Spec, prepared: Prepared, judged: Judge) -> Contestant:
        assert self.lowering is not None
        data = self.lowering.convert(spec.name, str(prepared.types), prepared.case.id)
        session = self.runner.load(data)
        feeds = []
        for detail in session.inputs:
            key = detail["name"].removeprefix("serving_default_").split(":")[0]
            feeds.append(prepared.inputs[key])
        got = session.run(feeds)
        return replace(_plain(session.interpreter.invoke), parity=judged(got))


def _one_blas_thread() -> Any:
    """Caps NumPy's BLAS to one thread, as every contestant; None without threadpoolctl."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return None
    return threadpool_limits(limits=1, user_api="blas")


def _plain(call: Callable[[], object]) -> Contestant:
    return Contestant(lambda n: batch_seconds(call, n), calls_for(call))


def _pooled(call: Callable[[], object]) -> Contestant:
    return Contestant(lambda n: pool_seconds(call, n), calls_for(call))


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
        return replace(_plain(call), parity=parity)


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


def _within_steps(got: list[np.ndarray], want: list[np.ndarray], n: int = 1) -> bool:
    return all(
        g.shape == w.shape and np.abs(g.astype(np.int64) - w.astype(np.int64)).max(initial=0) <= n
        for g, w in zip(got, want, strict=True)
    )


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


def bench_ops(
    names: Sequence[str] | None = None,
    *,
    dtypes: Sequence[str] | None = None,
    case: str | None = None,
    peers: Sequence[str] | None = None,
    rounds: int = 15,
    runner: Runner | None = None,
    ops: Sequence[str] = (),
    progress: Callable[[str, int, int], None] | None = None,
    keep: Callable[[BenchReport], None] | None = None,
) -> BenchReport:
    """Times the bench cases of ops: 1 to 2 seconds a case with all peers and 15 rounds.

    Args:
      names: TF op names; None for every op with bench cases.
      dtypes: main dtypes; default the spec's, or float32 and qint8 where the kernel takes them.
      case: "float32/n1000" or "n1000".
      peers: of "tf", "flex", "builtin", "lowering", "numpy"; "none" for no peers; None for all.
      rounds: interleaved rounds, at least 3; a third of them where one call lasts milliseconds.
      ops: what the converter's child process loads first, as `opkit.scaffold.load_ops`.
      progress: called with (label, done, total).
      keep: called with the report after each row, so that a run that is stopped is not lost.

    Raises:
      KeyError: no op of that name. ValueError: an unknown peer.
    """
    from opkit import registry
    from opkit.spec import spec as spec_of
    from opkit.spec import specs

    chosen = [p for p in (PEERS if peers is None else peers) if p != "none"]
    for p in chosen:
        if p not in PEERS:
            raise ValueError(f"peer {p!r} is none of {', '.join(PEERS)}, none")
    start = time.perf_counter()
    declared = registry.declarations()
    todo: list[tuple[Spec, Declaration, Types, Case]] = []
    for name in names if names is not None else sorted(set(declared) & set(specs())):
        s = spec_of(name)
        if name not in declared:
            raise KeyError(f"{name} has a spec but no kernel in this library")
        d = declared[name]
        for types in timed_types(s, d, dtypes):
            for c in s.bench_for(types):
                if case is None or case in (c.id, f"{types}/{c.id}"):
                    todo.append((s, d, types, c))
    bench = Bench(chosen, runner or Runner(), rounds, ops)
    report = BenchReport(environment=environment(runner or Runner()), absent=bench.absent)
    if bench.flex is not None:
        report.environment["flex"] = f"TensorFlow {bench.flex.version}"
    try:
        for i, (s, d, types, c) in enumerate(todo):
            if progress is not None:
                progress(f"{s.name}/{types}/{c.id}", i, len(todo))
            report.rows.append(bench.row(s, d, types, c))
            report.seconds = time.perf_counter() - start
            if keep is not None:
                keep(report)
    finally:
        bench.close()
    if progress is not None:
        progress("", len(todo), len(todo))
    return report


def timed_types(
    spec: Spec, declaration: Declaration, dtypes: Sequence[str] | None = None
) -> list[Types]:
    """One combination for each main dtype that is timed: `dtypes`, else the spec's, else float32
    and qint8, else the first."""
    wanted: Sequence[str] = dtypes or spec.bench_dtypes or ("float32", "qint8")
    if not dtypes and not spec.bench_dtypes and "float32" not in declaration.dtypes:
        wanted = declaration.dtypes[:1]
    if not declaration.types:
        return [Types({})]
    found = []
    for dtype in wanted:
        fitting = [t for t in product(declaration) if t.main == dtype and spec.bench_for(t)]
        # Index and output dtypes as models have them, not the first declared.
        fitting.sort(key=lambda t: sum(v not in USUAL for v in list(t.values())[1:]))
        found += fitting[:1]
    return found


def environment(runner: Runner) -> dict[str, str]:
    """What a reader of the figures must know: machine, governor, versions, instruction set."""
    from pathlib import Path

    from opkit.bench.baseline import fingerprint
    from opkit.report.doctor import _cpu
    from opkit.verify import environment as versions

    found = {**versions(runner), "fingerprint": fingerprint(), "cpu": _cpu(), "threads": "1"}
    governor = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    found["governor"] = governor.read_text().strip() if governor.exists() else "unknown"
    found["clock"] = "CPU time"
    return found
