"""Benchmarks over the bench cases of the specs; `make bench` runs them, `make test` does not."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("opkit")
    group.addoption("--op", action="append", default=[], help="only this op (repeatable)")
    group.addoption("--simd", default="auto", help="auto, sse4, avx2, avx512 or neon")
    group.addoption("--rounds", type=int, default=15, help="interleaved rounds of the peers' table")
    group.addoption("--save", default="out/bench.json", help="the peers' table as JSON")
    group.addoption("--html", default="out/bench.html", help="the peers' table as HTML")


def pytest_configure(config: pytest.Config) -> None:
    """Medians and quartiles only: a mean says more about the machine's other users."""
    config.option.benchmark_columns = ["median", "iqr", "rounds"]
    config.option.benchmark_sort = "name"


@pytest.fixture(scope="session", autouse=True)
def simd(request: pytest.FixtureRequest) -> Iterator[str]:
    """The instruction set kernels are capped to."""
    from opkit.runtime import get_simd, set_simd

    set_simd(request.config.getoption("--simd"))
    yield get_simd()
    set_simd("auto")
