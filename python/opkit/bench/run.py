"""Times bench cases: our kernels beside their peers, in one interleaved run."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

import numpy as np

from opkit.bench.ceiling import hold_peers
from opkit.bench.check import Checker, ready
from opkit.bench.clock import interleave, timing
from opkit.bench.overhead import node_overhead
from opkit.bench.peers import PEERS, Contestant, Peers, flexed, plain, pooled
from opkit.bench.programs import Program
from opkit.bench.results import BenchReport, Row
from opkit.registry import Declaration
from opkit.runtime import select_host
from opkit.spec import Case, Spec, Types
from opkit.verify.crash import named
from opkit.verify.declaration import product
from opkit.verify.execute import LoadError, RunError, Runner
from opkit.verify.parity import one_op
from opkit.verify.reference import MissingReference
from opkit.verify.results import OK, CaseResult

USUAL = ("int32", "float32", "complex64", "string")


class Bench:
    """Checks and times cases, one after the other."""

    def __init__(self, peers: Peers, runner: Runner, rounds: int):
        self.peers, self.runner, self.rounds = peers, runner, rounds

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
        _enter(row, checker.judge(got))
        arrays = [v for v in prepared.inputs.values() if isinstance(v, np.ndarray)]
        arrays += [v for v in got if v.dtype != object]
        row.elements = max((a.size for a in arrays), default=0)
        row.bytes = sum(a.nbytes for a in arrays if a.dtype != object)
        if row.parity != OK:
            return row  # a wrong case is not timed
        contestants = {"opkit": plain(session.interpreter.invoke)}
        if row.bytes:
            half = max(1, row.bytes // 2)
            source, target = np.ones(half, np.uint8), np.zeros(half, np.uint8)
            contestants["copy"] = plain(lambda: np.copyto(target, source))
        found, row.refused = self.peers.of(spec, declaration, prepared, checker.peer)
        contestants.update(found)
        return self._time(row, contestants)

    def _time(self, row: Row, contestants: dict[str, Contestant]) -> Row:
        rounds = self.rounds
        if min(c.calls for c in contestants.values()) == 1:  # of the slowest
            rounds = min(rounds, max(5, rounds // 3))
        enter_times(row, contestants, rounds)
        copy = row.times.pop("copy", None)
        if copy is not None and "opkit" in row.times:
            row.copy_share = copy.median / row.times["opkit"].median
        return row

    def _program(self, spec: Spec, declaration: Declaration, types: Types, case: Case) -> Row:
        row = Row(spec.name, str(types), case.id, "error")
        try:
            program = Program(spec, declaration, types, case, self.runner)
        except Exception as e:
            row.message = f"{type(e).__name__}: {str(e)[:300]}"
            return row
        _enter(row, program.verdict(program.got))
        row.elements = max((v.size for v in program.inputs.values()), default=0)
        if row.parity != OK:
            return row
        contestants = {"opkit": plain(program.session.interpreter.invoke)}
        if "tf" in self.peers.names and spec.peers.tf:
            contestants["tf"] = pooled(program.call)
        if self.peers.flex is not None and spec.peers.flex:
            worker = self.peers.flex
            try:
                handle, calls, got = program.flex(worker)
                parity = "ok" if program.verdict(got).status == OK else "off"
                contestants["flex"] = flexed(worker, handle, calls, parity)
            except RuntimeError as e:
                row.refused["flex"] = str(e)[:160]
        return self._time(row, contestants)


def enter_times(row: Row, contestants: dict[str, Contestant], rounds: int) -> None:
    """Times the contestants of a row, interleaved, and lets them go. A peer that fails meanwhile
    (its process may end) is refused; where ours does, the row is an error."""
    failed: dict[str, str] = {}

    def guarded(name: str, call: Callable[[int], float]) -> Callable[[int], float]:
        def seconds(calls: int) -> float:
            if name in failed:
                return float("nan")
            try:
                return call(calls)
            except Exception as e:
                failed[name] = f"{type(e).__name__}: {str(e)[:160]}"
                return float("nan")

        return seconds

    samples = interleave(
        {n: guarded(n, c.time) for n, c in contestants.items()},
        {n: c.calls for n, c in contestants.items()},
        rounds,
    )
    for name, c in contestants.items():
        if name not in failed:
            row.times[name] = timing(samples[name], c.calls, c.parity)
        if c.done is not None:
            with suppress(RuntimeError):  # a process that is gone holds nothing
                c.done()
    if "opkit" in failed:
        row.parity, row.message = "error", failed.pop("opkit")
    row.refused.update(failed)


def _enter(row: Row, verdict: CaseResult) -> None:
    row.parity, row.error = verdict.status, verdict.error
    row.bound, row.unit, row.message = verdict.bound, verdict.unit, verdict.message


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
      peers: of `PEERS`; "none" for no peers; None for all.
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
    untimed: list[str] = []
    for name in names if names is not None else sorted(set(declared) & set(specs())):
        s = spec_of(name)
        if name not in declared:
            raise KeyError(f"{name} has a spec but no kernel in this library")
        d = declared[name]
        before = len(todo)
        for types in timed_types(s, d, dtypes):
            for c in s.bench_for(types):
                if case is None or case in (c.id, f"{types}/{c.id}"):
                    todo.append((s, d, types, c))
        if names is not None and case is None and len(todo) == before:
            untimed.append(name)
    runner = runner or Runner()
    rivals, report = begin(chosen, runner, ops)
    bench = Bench(rivals, runner, rounds)
    report.absent.update(dict.fromkeys(untimed, "not timed: its spec has no bench cases (bench=)"))
    report.environment["node overhead"] = str(node_overhead(runner))
    try:
        for i, (s, d, types, c) in enumerate(todo):
            label = f"{s.name}/{types}/{c.id}"
            if progress is not None:
                progress(label, i, len(todo))
            report.rows.append(named(label, partial(bench.row, s, d, types, c))())
            report.seconds = time.perf_counter() - start
            if keep is not None:
                keep(report)
    finally:
        rivals.close()
    if progress is not None:
        progress("", len(todo), len(todo))
    return report


def begin(
    names: Sequence[str], runner: Runner, ops: Sequence[str] = ()
) -> tuple[Peers, BenchReport]:
    """The peers of those names, which the caller closes, and a report that says what they are."""
    # As its users have it; parity turns oneDNN off, whose sums round in another order.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    held = hold_peers(select_host(runner.host)) if names else ""
    rivals = Peers(names, runner, ops)
    report = BenchReport(environment=environment(runner), absent=rivals.absent)
    if held:
        report.environment["peers"] = held
    if rivals.flex is not None:
        report.environment["flex"] = f"TensorFlow {rivals.flex.version}"
    return rivals, report


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
