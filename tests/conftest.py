"""Options and fixtures that all tests share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

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


@pytest.fixture(scope="session")
def erf_chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SavedModel: float32[?, 8], matmul, erf, erf, matmul."""
    import numpy as np

    import tf_models

    tf = tf_models.tf()
    rng = np.random.default_rng(5)
    left, right = (rng.standard_normal((8, 8)).astype(np.float32) for _ in range(2))
    module = tf.Module()
    module.left, module.right = tf.Variable(left), tf.Variable(right)

    @tf.function(input_signature=[tf.TensorSpec([None, 8], tf.float32, name="x")])
    def call(x: Any) -> Any:
        y = tf.math.erf(tf.math.erf(tf.matmul(x, module.left)))
        return {"y": tf.matmul(y, module.right)}

    folder = tmp_path_factory.mktemp("erf_chain") / "model"
    tf.saved_model.save(module, str(folder), signatures=call)
    return folder
