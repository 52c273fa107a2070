"""Builds of chosen ops."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

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


def test_only_chosen_ops_are_registered(tmp_path: Path) -> None:
    done = configure(tmp_path, "StringLength;Erf")
    assert done.returncode == 0, done.stderr
    rules = (tmp_path / "build.ninja").read_text()
    assert "ops/string/basic.cc" in rules
    assert "ops/elementwise/unary.cc" in rules
    assert "ops/linalg" not in rules, "only the families of the chosen ops are built"
    target = "CMakeFiles/opkit_objects.dir/kernels/ops/string/basic.cc.o"
    subprocess.run(["ninja", "-C", str(tmp_path), target], check=True, capture_output=True)
    names = subprocess.run(
        ["nm", str(tmp_path / target)], check=True, capture_output=True, text=True
    ).stdout
    assert "OpkitTag_StringLength" in names
    assert "OpkitTag_StringStrip" not in names


def test_an_unknown_op_ends_the_configure_step(tmp_path: Path) -> None:
    done = configure(tmp_path, "Erf;Erff")
    assert done.returncode != 0
    assert "the kit has no op called Erff" in " ".join(done.stderr.split())


@pytest.mark.parametrize("op", ["LeftShift", "FFT2D", "MatrixInverse", "TensorListStack"])
def test_ops_declared_through_a_familys_macro_are_found(tmp_path: Path, op: str) -> None:
    done = configure(tmp_path, op)
    assert done.returncode == 0, done.stderr
