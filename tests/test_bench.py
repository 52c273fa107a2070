"""Benchmarks: statistics, baselines, refusal to time what is wrong, and a short real run."""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import tf_models
from opkit.bench import bench_models, bench_ops, ceiling, diff, load, write
from opkit.bench.clock import calls_for, interleave, timing
from opkit.bench.flex import FlexWorker, MissingPeer, find_flex_python
from opkit.bench.overhead import node_overhead
from opkit.bench.peers import Contestant, Peers
from opkit.bench.results import BenchReport, Row, Timing
from opkit.bench.run import Bench, enter_times
from opkit.cli.app import app
from opkit.spec import Case, Ulp, arr, spec, table
from opkit.verify.execute import Runner


def small(name: str) -> list[Case]:
    """Two short bench cases."""
    return [Case("n1", {"x": arr(1)}), Case("n1000", {"x": arr(1000, low=-3, high=3)})]


@pytest.fixture
def short_erf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(table._SPECS, "Erf", replace(spec("Erf"), bench=small("Erf")))


def test_timing_is_median_and_quartiles() -> None:
    t = timing([1.0, 2.0, 3.0, 4.0, 100.0], 7)
    assert (t.p25, t.median, t.p75, t.rounds, t.calls) == (2.0, 3.0, 4.0, 5, 7)


def test_rounds_interleave_in_turning_order() -> None:
    order: list[str] = []

    def contestant(name: str):
        def call(calls: int) -> float:
            order.append(name)
            return float(calls)

        return call

    names = ("a", "b", "c")
    found = interleave({n: contestant(n) for n in names}, {"a": 1, "b": 2, "c": 3}, 3)
    assert "".join(order) == "abc" + "bca" + "cab"
    assert found == {"a": [1.0] * 3, "b": [2.0] * 3, "c": [3.0] * 3}


def test_calls_fill_the_target() -> None:
    busy = np.ones(200_000)
    calls = calls_for(lambda: busy.sum(), target=0.02)
    assert 2 <= calls <= 5000


def run_of(median: float, fingerprint: str = "m") -> dict:
    report = BenchReport(environment={"fingerprint": fingerprint})
    t = Timing(median, 0.98 * median, 1.02 * median, 9, 10)
    report.rows.append(Row("Erf", "float32", "n1", "ok", times={"opkit": t}))
    return json.loads(json.dumps(report.to_json()))


@pytest.mark.parametrize(
    ("after", "verdict"), [(2.0, "slower"), (0.5, "faster"), (1.03, "same"), (1.0, "same")]
)
def test_diff_calls_a_change_only_when_quartiles_part(after: float, verdict: str) -> None:
    rows = diff(run_of(1.0), run_of(after))
    assert [r["verdict"] for r in rows] == [verdict]


def test_diff_tells_a_case_that_failed_from_one_that_is_gone(tmp_path: Path) -> None:
    broken, none = run_of(1.0), run_of(1.0)
    broken["cases"][0].update(parity="fail", times={})
    none["cases"] = []
    for before, after, verdict in [
        (run_of(1.0), broken, "failed"),
        (run_of(1.0), none, "gone"),
        (broken, run_of(1.0), "new"),
        (none, run_of(1.0), "new"),
    ]:
        assert [r["verdict"] for r in diff(before, after)] == [verdict]
    assert diff(broken, broken) == []
    for name, run in {"before": run_of(1.0), "after": broken}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(run))
    words = ["bench", "diff", str(tmp_path / "before.json"), str(tmp_path / "after.json"), "--json"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1
    assert json.loads(done.stdout)["ok"] is False


def contestant_of(seconds: list[float], calls: int) -> Contestant:
    """Takes these times one after the other, and fails where there are no more."""
    left = iter(seconds)

    def time(_: int) -> float:
        for value in left:
            return value
        raise MissingPeer("the worker ended")

    def done() -> None:
        if not seconds:
            raise MissingPeer("the worker is gone")

    return Contestant(time, calls, done=done)


def test_a_contestant_that_fails_while_it_is_timed_leaves_the_others() -> None:
    row = Row("Erf", "float32", "n1", "ok")
    enter_times(row, {"opkit": contestant_of([1.0] * 4, 9), "flex": contestant_of([], 9)}, 4)
    assert (row.parity, list(row.times), row.times["opkit"].rounds) == ("ok", ["opkit"], 4)
    assert row.refused == {"flex": "MissingPeer: the worker ended"}
    row = Row("Erf", "float32", "n1", "ok")
    enter_times(row, {"opkit": contestant_of([1.0], 9), "tf": contestant_of([1.0] * 4, 9)}, 4)
    assert (row.parity, list(row.times), row.refused) == ("error", ["tf"], {})
    assert "the worker ended" in row.message


@pytest.mark.parametrize(
    ("asked", "calls", "made"), [(15, 9, 15), (18, 1, 6), (9, 1, 5), (3, 1, 3)]
)
def test_rounds_are_fewer_where_a_call_is_long(asked: int, calls: int, made: int) -> None:
    bench = Bench(Peers([], Runner()), Runner(), asked)
    rivals = {"opkit": contestant_of([1.0] * 20, 9), "tf": contestant_of([1.0] * 20, calls)}
    row = bench._time(Row("Erf", "float32", "n1", "ok"), rivals)
    assert {t.rounds for t in row.times.values()} == {made}


def test_diff_refuses_other_machines_and_other_files(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="different machines"):
        diff(run_of(1.0), run_of(1.0, "other"))
    path = tmp_path / "x.json"
    path.write_text("{}")
    with pytest.raises(ValueError, match="no bench run"):
        load(path)
    path.write_text("{")
    with pytest.raises(ValueError, match="no JSON"):
        load(path)


def test_a_short_run(short_erf: None, tmp_path: Path) -> None:
    report = bench_ops(["Erf"], dtypes=["float32", "qint8"], peers=["tf", "numpy"], rounds=3)
    assert report.ok
    assert [r.id for r in report.rows] == [
        f"Erf/{t}/{c}" for t in ("float32", "qint8") for c in ("n1", "n1000")
    ]
    row = report.rows[1]
    assert set(row.times) == {"opkit", "tf", "numpy"}
    assert 0 < row.times["opkit"].p25 <= row.times["opkit"].median <= row.times["opkit"].p75
    assert row.elements == 1000
    assert row.bytes == 8000
    assert row.copy_share is not None
    assert "float32" in report.rows[3].times, "int8 is timed beside the float32 kernel"
    write(report, tmp_path / "run.json")
    again = load(tmp_path / "run.json")
    assert {r["verdict"] for r in diff(again, again)} == {"same"}


def test_the_yardstick_is_a_builtin_of_the_same_size(short_erf: None) -> None:
    report = bench_ops(["Erf"], dtypes=["float32", "qint8"], peers=["yardstick"], rounds=3)
    assert report.ok
    assert all(r.times["yardstick"].median > 0 for r in report.rows), report.rows
    binary = bench_ops(["Xdivy"], dtypes=["float32"], case="n1", peers=["yardstick"], rounds=3)
    assert [set(r.times) for r in binary.rows] == [{"opkit"}]


@pytest.mark.parametrize("host", ["tensorflow", "litert"])
def test_overhead_of_a_node(host: str) -> None:
    found = node_overhead(Runner(host=host), rounds=3)
    assert (found.resolver is None) == (host == "litert"), "LiteRT has no resolver"
    assert found.delegate is not None
    for value in (found.resolver, found.delegate, found.builtin):
        # A node is called in far less than a microsecond; only a broken slope leaves this range.
        assert value is None or 0 < value < 2000
    assert "delegate" in str(found)


def test_a_run_that_is_stopped_keeps_its_rows(short_erf: None, tmp_path: Path) -> None:
    path = tmp_path / "run.json"

    def stop(report: BenchReport) -> None:
        write(report, path)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench_ops(["Erf"], dtypes=["float32"], peers=["none"], rounds=3, keep=stop)
    assert [c["id"] for c in load(path)["cases"]] == ["Erf/float32/n1"]


def test_a_wrong_case_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = replace(
        spec("Erf"), bench=small("Erf"), tolerance={"float32": Ulp(4)}, truth="scipy.special.erfc"
    )
    monkeypatch.setitem(table._SPECS, "Erf", wrong)
    report = bench_ops(["Erf"], dtypes=["float32"], peers=["none"], rounds=3)
    assert not report.ok
    assert [r.parity for r in report.rows] == ["fail", "fail"]
    assert all(not r.times for r in report.rows)
    assert all("want" in r.message for r in report.rows)


def test_a_missing_flex_environment_says_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OPKIT_FLEX_PYTHON", str(tmp_path / "none"))
    assert find_flex_python() is None
    with pytest.raises(MissingPeer, match=r"pip install tensorflow-cpu==2\.18\.1"):
        FlexWorker()


@pytest.mark.parametrize(
    ("text", "mode", "why"),
    [
        ("no program", 0o755, "does not start.*Exec format error"),
        ("#!/bin/sh\n", 0o644, "does not start.*Permission denied"),
        ("#!/bin/sh\necho hello\n", 0o755, "is no Python"),
        ("#!/bin/sh\nexit 3\n", 0o755, "code 3; does .*python have TensorFlow"),
    ],
)
def test_a_flex_environment_that_does_not_start_is_a_missing_peer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, mode: int, why: str
) -> None:
    python = tmp_path / "python"
    python.write_text(text)
    python.chmod(mode)
    monkeypatch.setenv("OPKIT_FLEX_PYTHON", str(python))
    with pytest.raises(MissingPeer, match=why):
        FlexWorker()


def test_the_flex_worker(short_erf: None) -> None:
    if find_flex_python() is None:
        pytest.skip("no environment with TensorFlow 2.17 or 2.18: make test-hosts builds it")
    report = bench_ops(["Erf"], dtypes=["float32", "qint8"], peers=["flex"], rounds=3)
    assert report.ok
    for row in report.rows:
        assert row.times["flex"].parity == "ok", row.refused
    assert report.environment["flex"].startswith("TensorFlow 2.1")


def test_the_converters_lowering_may_be_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(table._SPECS, "Erf", replace(spec("Erf"), bench=small("Erf")[:1]))
    report = bench_ops(["Erf"], dtypes=["float32"], peers=["lowering"], rounds=3)
    row = report.rows[0]
    # TFLite has no builtin for Erf; the converter either says so or lowers it.
    assert "lowering" in row.times or "lowering" in row.refused


def test_programs_are_timed_beside_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    def loop(tf, x):
        array = tf.TensorArray(tf.float32, size=tf.shape(x)[0])
        _, array = tf.while_loop(
            lambda i, _: i < tf.shape(x)[0],
            lambda i, a: (i + 1, a.write(i, 2.0 * x[i])),
            [0, array],
        )
        return array.stack()

    case = Case("loop", {"x": arr(6, 3)}, program=loop, dynamic=("x",))
    timed = replace(spec("TensorListStack"), bench=[case])
    monkeypatch.setitem(table._SPECS, "TensorListStack", timed)
    report = bench_ops(["TensorListStack"], dtypes=["float32"], peers=["tf"], rounds=3)
    assert report.ok, report.rows
    assert set(report.rows[0].times) == {"opkit", "tf"}


HOLD = """
from opkit.bench.ceiling import hold_peers
from opkit.runtime import get_simd, select_host, set_simd
best = get_simd()
set_simd("avx2" if best == "avx512" else best)
print(best, "|", hold_peers(select_host({host!r})))
"""


@pytest.mark.parametrize("host", ["tensorflow", "litert"])
def test_peers_are_held_to_avx2(host: str) -> None:
    """In a process of its own, as it cannot be undone."""
    told = subprocess.run(
        [sys.executable, "-c", HOLD.format(host=host)], capture_output=True, text=True, check=True
    )
    best, _, held = told.stdout.strip().partition(" |")
    wanted = "oneDNN, XNNPACK held to AVX2; not NumPy" if best == "avx512" else ""
    assert held.strip() == wanted


def test_flags_that_are_not_as_expected_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ceiling, "_machine_flags", lambda: {"avx2"})
    flags = (ctypes.c_uint8 * len(ceiling.FLAGS))(*[1] * len(ceiling.FLAGS))
    with pytest.raises(ceiling.CannotHold, match="flag rdtscp is 1"):
        ceiling.strike_out(flags)
    assert set(flags) == {1}


def test_models_are_timed_beside_flex(tmp_path: Path) -> None:
    """With an open shape, with inputs made up, and one that is no model."""
    lstm, plain, broken = (tmp_path / f"{n}.tflite" for n in ("lstm", "plain", "broken"))
    lstm.write_bytes(tf_models.lstm_flex())
    plain.write_bytes(tf_models.convolution())
    broken.write_bytes(b"no model")
    samples = np.ones((2, 5, 3), np.float32)
    report = bench_models([lstm], [samples], rounds=3)
    assert [(r.id, r.parity) for r in report.rows] == [("lstm/model/2x5x3", "ok")]
    assert report.rows[0].times["opkit"].median > 0
    flex = find_flex_python() is not None
    assert ("flex" in report.rows[0].times) == flex == ("flex" not in report.absent)
    report = bench_models([plain, broken], flex=False, rounds=3)
    assert [(r.op, r.case, r.parity) for r in report.rows] == [
        ("plain", "1x8x8x3", "ok"),
        ("broken", "", "error"),
    ]
    assert not report.ok and "broken" not in report.peers


def test_models_of_the_same_name_are_rows_of_their_own(tmp_path: Path) -> None:
    paths = [tmp_path / folder / "m.tflite" for folder in ("old", "new")]
    for path in paths:
        path.parent.mkdir()
        path.write_bytes(tf_models.convolution())
    run = bench_models(paths, flex=False, rounds=3).to_json()
    assert [c["op"] for c in run["cases"]] == [str(p.with_suffix("")) for p in paths]
    assert len(diff(run, run)) == 2
    (row,) = bench_models(paths[:1], flex=False, rounds=3).rows
    assert row.op == "m"
