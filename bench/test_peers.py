"""Kernels beside their peers, interleaved in one run: the table that claims about speed rest on."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from opkit.bench import bench_ops, write
from opkit.report.html import write_html
from opkit.report.tables import bench_view


def test_peers(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> None:
    option = request.config.getoption
    console = Console(width=170, highlight=False)

    def progress(label: str, done: int, total: int) -> None:
        with capsys.disabled():
            print(f"\r{done}/{total} {label:<60.60}", end="", flush=True)

    report = bench_ops(option("--op") or None, rounds=option("--rounds"), progress=progress)
    with capsys.disabled():
        print()
        console.print(bench_view(report))
    for path in (Path(option("--save")), Path(option("--html"))):
        path.parent.mkdir(parents=True, exist_ok=True)
    write(report, option("--save"))
    write_html(report, option("--html"))
    wrong = [r for r in report.rows if r.parity != "ok"]
    assert not wrong, "\n".join(f"{r.id}: {r.message}" for r in wrong)
    assert report.rows
