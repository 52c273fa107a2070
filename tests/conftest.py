"""Options and fixtures that all tests share."""

from __future__ import annotations

import os

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("opkit")
    group.addoption(
        "--budget", type=int, default=2000, help="elements of a bit-pattern walk in parity tests"
    )
    group.addoption("--update-golden", action="store_true", help="rewrite golden files")
    group.addoption("--op", action="append", default=[], help="only this op (repeatable)")


@pytest.fixture(scope="session")
def budget(request: pytest.FixtureRequest) -> int:
    """Elements of a bit-pattern walk."""
    return int(request.config.getoption("--budget"))
