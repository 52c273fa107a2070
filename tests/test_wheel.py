"""The built wheel: what is in it, and that it installs and runs where nothing else of ours is."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import zipfile

import pytest

import built

MEGABYTE = 1e6


@pytest.fixture(scope="module")
def names() -> list[str]:
    with zipfile.ZipFile(built.wheel()) as archive:
        return archive.namelist()


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("wheel")
    with zipfile.ZipFile(built.wheel()) as archive:
        archive.extractall(folder)
    return folder / "opkit"


@pytest.mark.parametrize(
    "file",
    [
        "opkit/__init__.py",
        "opkit/py.typed",
        "opkit/include/opkit/op.h",
        "opkit/include/opkit/pointwise.h",
        "opkit/include/opkit/tflite_abi.h",
        "opkit/include/opkit/c_api.h",
        "opkit/cmake/opkit-config.cmake",
        "opkit/lib/libopkit.so",
        "opkit/lib/libopkit_flex.so",
        "opkit/lib/libopkit_framework.a",
        "opkit/scaffold/templates/op.cc.in",
    ],
)
def test_holds(names: list[str], file: str) -> None:
    assert file in names


def test_holds_nothing_else(names: list[str]) -> None:
    for name in names:
        top = name.split("/")[0]
        assert top == "opkit" or re.fullmatch(r"tflite_opkit-.*\.dist-info", top), name
        assert not name.endswith((".cc", ".o", ".tflite")), name
        assert "__pycache__" not in name, name


def test_headers_are_all_there(names: list[str]) -> None:
    source = built.ROOT / "kernels" / "include" / "opkit"
    for header in source.glob("*.h"):
        assert f"opkit/include/opkit/{header.name}" in names


@pytest.mark.parametrize("library", ["libopkit.so", "libopkit_flex.so"])
def test_stripped_and_plain(unpacked, library: str) -> None:
    """Linked with libc, libm and the C++ runtime only, and without a symbol table."""
    path = unpacked / "lib" / library
    if shutil.which("readelf") is None:
        pytest.fail("readelf is needed: install binutils")
    dynamic = built.run("readelf", "-d", path)
    needed = set(re.findall(r"NEEDED.*\[(.+)\]", dynamic))
    allowed = r"lib(c|m|dl|pthread|stdc\+\+|gcc_s|opkit)\.so(\.\d+)?|ld-linux-.*"
    assert needed and all(re.fullmatch(allowed, n) for n in needed), needed
    assert ".symtab" not in built.run("readelf", "-S", "-W", path)


def test_exports(unpacked) -> None:
    """The C surface and no C++ of ours."""
    symbols = built.run("nm", "-D", "--defined-only", unpacked / "lib" / "libopkit.so")
    exported = {line.split()[-1].split("@")[0] for line in symbols.splitlines()}
    wanted = {
        "opkit_library",
        "opkit_load_library",
        "opkit_op",
        "opkit_register_all",
        "tflite_plugin_create_delegate",
        "tflite_plugin_destroy_delegate",
    }
    assert wanted <= exported
    assert not [s for s in exported if "5opkit" in s]


def test_size(unpacked) -> None:
    """Kernels of every family together stay small."""
    size = (unpacked / "lib" / "libopkit.so").stat().st_size
    assert size < 3 * MEGABYTE, f"libopkit.so has {size / MEGABYTE:.1f} MB"


def test_runs_in_a_clean_environment() -> None:
    program = """
import json, sys, time
start = time.perf_counter()
import opkit
took = time.perf_counter() - start
import numpy as np
from opkit.scaffold import paths
from opkit.spec import Types
from opkit.verify.single_op import build

erf = opkit.declarations()["Erf"]
x = np.linspace(-2, 2, 9).astype(np.float32)
model = build(erf, Types({"T": "float32"}), {"x": x}, {}).to_bytes()
early = sorted({"tensorflow", "ai_edge_litert"} & set(sys.modules))
found = []
for host in ("litert", "tensorflow"):
    it = opkit.Interpreter(model_content=model, host=host)
    it.allocate_tensors()
    it.set_tensor(it.get_input_details()[0]["index"], x)
    it.invoke()
    found.append(it.get_tensor(it.get_output_details()[0]["index"]).tolist())
print(json.dumps({"file": opkit.__file__, "version": opkit.__version__, "early": early,
                  "seconds": took, "same": found[0] == found[1], "middle": found[0][4],
                  "last": found[0][-1], "paths": {k: str(v) for k, v in paths().items()}}))
"""
    python = built.environment()
    result = json.loads(built.run(python, "-c", program).splitlines()[-1])
    assert result["file"].startswith(str(python.parent.parent))
    assert result["version"] == "0.1.0"
    assert result["early"] == [], "importing opkit must not import a runtime"
    assert result["same"] and result["middle"] == 0.0
    assert abs(result["last"] - 0.9953223) < 1e-6
    assert all(p.startswith(str(python.parent.parent)) for p in result["paths"].values())


def test_a_process_that_runs_models_stays_small() -> None:
    """The delegate brings none of the modules that cost megabytes and that no kernel needs."""
    program = """
import json, sys
import ai_edge_litert.interpreter
before = set(sys.modules)
import opkit
opkit.load_delegate()
print(json.dumps(sorted(set(sys.modules) - before)))
"""
    # Packages with ops of their own, as other tests install, need more.
    modules = json.loads(built.run(built.new_environment(), "-c", program).splitlines()[-1])
    heavy = {"email", "importlib.metadata", "rich", "scipy", "tempfile", "tensorflow", "zipfile"}
    assert "opkit._native" in modules
    assert not heavy & set(modules)


def test_command_in_a_clean_environment() -> None:
    python = built.environment()
    command = python.parent / "opkit"
    assert built.run(command, "paths", "--cmake").strip().endswith("cmake")
    assert built.run(python, "-m", "opkit", "--version").strip().endswith("0.1.0")
    done = subprocess.run([str(command), "ops", "Erf"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Erf" in done.stdout


def test_wheel_name_says_what_it_needs() -> None:
    """A compiled module: one wheel per Python version."""
    tag = f"cp{sys.version_info.major}{sys.version_info.minor}"
    assert f"-{tag}-{tag}-" in built.wheel().name
