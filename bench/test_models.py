"""Whole models beside Flex: a Keras LSTM at several lengths, and a training step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import programs
from opkit.bench import bench_models
from opkit.report.tables import bench_view


def test_models(
    request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    lstm, step = programs.lstm(tmp_path), programs.training_step(tmp_path)
    lengths = [rng.standard_normal((1, n, 16)).astype(np.float32) for n in (10, 100, 1000)]
    images = rng.random((32, 28, 28), dtype=np.float32)
    labels = np.eye(10, dtype=np.float32)[rng.integers(0, 10, 32)]
    report = bench_models(
        [lstm] * len(lengths) + [step],
        [*lengths, {"x": images, "y": labels}],
        rounds=request.config.getoption("--rounds"),
    )
    with capsys.disabled():
        print()
        Console(width=170, highlight=False).print(bench_view(report))
    assert [r.message for r in report.rows if r.parity != "ok"] == []
    assert [r.id for r in report.rows if any(t.parity != "ok" for t in r.times.values())] == []
