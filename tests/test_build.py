"""Builds of chosen ops."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from opkit import registry
from opkit.runtime import select_host
from opkit.spec import Types
from opkit.verify import single_op

ROOT = Path(__file__).resolve().parent.parent


def configure(build: Path, ops: str) -> subprocess.CompletedProcess[str]:
    """CMake's configure step for a library of these ops."""
    return subprocess.run(
        [
            *("cmake", "-G", "Ninja", "-S", str(ROOT), "-B", str(build), f"-DOPKIT_OPS={ops}"),
            *("-DOPKIT_PYTHON=OFF", f"-DPython_EXECUTABLE={sys.executable}"),
        ],
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def chosen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The build folder of a library of two ops."""
    build = tmp_path_factory.mktemp("chosen")
    done = configure(build, "StringLength;Cumprod")
    assert done.returncode == 0, done.stderr
    made = subprocess.run(["ninja", "-C", str(build)], capture_output=True, text=True)
    assert made.returncode == 0, made.stdout[-2000:]
    return build


def test_only_chosen_ops_are_built(chosen: Path) -> None:
    rules = (chosen / "build.ninja").read_text()
    assert "ops/string/basic.cc" in rules
    assert "ops/scan/" in rules
    assert "ops/linalg" not in rules, "only the families of the chosen ops are built"
    library = str(chosen / "libopkit.so")
    names = subprocess.run(["nm", "-C", library], check=True, capture_output=True, text=True).stdout
    assert "OpkitTag_StringLength" in names
    assert "OpkitTag_StringStrip" not in names


def test_a_library_of_chosen_ops_is_small(chosen: Path, tmp_path: Path) -> None:
    stripped = tmp_path / "libopkit.so"
    library = chosen / "libopkit.so"
    subprocess.run(["strip", "-o", str(stripped), str(library)], check=True)
    size = stripped.stat().st_size
    assert size < 140_000, f"libopkit.so of two ops has {size} bytes"


@pytest.mark.parametrize("host", ["tensorflow", "litert"])
def test_a_library_of_chosen_ops_runs_as_delegate(chosen: Path, host: str) -> None:
    x = np.arange(1, 7, dtype=np.float32).reshape(2, 3)
    inputs = {"x": x, "axis": np.array(1, np.int32)}
    types = Types({"T": "float32"})
    one = single_op.build(
        registry.declarations()["Cumprod"], types, inputs, {"reverse": True}, form="flex"
    )
    module = select_host(host).module
    interpreter = module.Interpreter(
        model_content=one.to_bytes(),
        experimental_delegates=[module.load_delegate(str(chosen / "libopkit.so"))],
    )
    interpreter.allocate_tensors()
    for detail, value in zip(interpreter.get_input_details(), one.feeds, strict=True):
        interpreter.set_tensor(detail["index"], value)
    interpreter.invoke()
    got = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.testing.assert_array_equal(got, np.cumprod(x[:, ::-1], axis=1)[:, ::-1])


def test_an_unknown_op_ends_the_configure_step(tmp_path: Path) -> None:
    done = configure(tmp_path, "Erf;Erff")
    assert done.returncode != 0
    assert "the kit has no op called Erff" in " ".join(done.stderr.split())


@pytest.mark.parametrize("op", ["LeftShift", "FFT2D", "MatrixInverse", "TensorListStack"])
def test_ops_declared_through_a_familys_macro_are_found(tmp_path: Path, op: str) -> None:
    done = configure(tmp_path, op)
    assert done.returncode == 0, done.stderr
