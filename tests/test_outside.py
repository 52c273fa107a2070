"""An author outside the repository: examples/softshrink and a fresh `opkit new`, built against the
installed wheel in a clean environment, run on TensorFlow (resolver) and LiteRT (delegate)."""

from __future__ import annotations

import json
import pathlib
import re
import shutil

import pytest

import built
import opkit
from opkit.scaffold import load_ops, new_op, snake_case

EXAMPLE = built.ROOT / "examples" / "softshrink"


@pytest.fixture(scope="module")
def packaged() -> pathlib.Path:
    """A clean environment with the wheel and the author's package."""
    python = built.environment()
    built.pip_install(python, EXAMPLE)
    return python


def test_package_verifies(packaged: pathlib.Path) -> None:
    """The author's own tests, with every dtype and the contract, on both runtimes."""
    tests = EXAMPLE / "tests"
    out = built.run(packaged, "-m", "pytest", "-q", "-p", "no:cacheprovider", tests, cwd=tests)
    assert " passed" in out and " failed" not in out


def test_package_is_known_by_its_entry_point(packaged: pathlib.Path) -> None:
    """Nobody imports it: `opkit ops`, the interpreter and install() know it nevertheless."""
    out = built.run(packaged, "-m", "opkit", "ops", "Softshrink", "--json")
    assert "Softshrink" in out
    program = """
import numpy as np, sys, opkit
from opkit.runtime import installed_hosts
assert "opkit_softshrink" not in sys.modules
d = opkit.declarations()["Softshrink"]
assert d.quantized == ("qint8", "quint8"), d
from opkit.spec import Types
from opkit.verify.single_op import build
x = np.array([-2, -0.25, 0, 0.25, 2], np.float32)
model = build(d, Types({"T": "float32"}), {"features": x}, {"lambda": 0.5}, form="flex")
for host, by in (("tensorflow", "resolver"), ("tensorflow", "delegate"), ("litert", "delegate")):
    it = opkit.Interpreter(model_content=model.to_bytes(), host=host, by=by)
    it.allocate_tensors()
    it.set_tensor(it.get_input_details()[0]["index"], x)
    it.invoke()
    print(host, by, it.get_tensor(it.get_output_details()[0]["index"]).tolist())
opkit.install()
from ai_edge_litert.interpreter import Interpreter
it = Interpreter(model_content=model.to_bytes())
it.allocate_tensors()
print("install")
"""
    lines = built.run(packaged, "-c", program).strip().splitlines()
    want = "[-1.5, 0.0, 0.0, 0.0, 1.5]"
    assert lines == [
        f"tensorflow resolver {want}",
        f"tensorflow delegate {want}",
        f"litert delegate {want}",
        "install",
    ]


def test_package_is_benchmarked(packaged: pathlib.Path) -> None:
    command = ("bench", "Softshrink", "--case", "n1000", "--rounds", "3", "--json")
    report = json.loads(built.run(packaged, "-m", "opkit", *command))
    rows = [row for row in report["cases"] if row["op"] == "Softshrink"]
    assert {row["types"] for row in rows} >= {"float32", "qint8"}
    assert all("opkit" in row["times"] for row in rows)


def test_bad_attribute_is_refused(packaged: pathlib.Path) -> None:
    program = """
import numpy as np, opkit
from opkit.spec import Types
from opkit.verify.single_op import build
d = opkit.declarations()["Softshrink"]
model = build(d, Types({"T": "float32"}), {"features": np.zeros(3, np.float32)}, {"lambda": -2.0})
try:
    opkit.Interpreter(model_content=model.to_bytes()).allocate_tensors()
except (RuntimeError, ValueError) as e:
    print(e)
"""
    assert "lambda is -2, want 0 or more" in built.run(packaged, "-c", program)


def test_fresh_op(tmp_path: pathlib.Path) -> None:
    """`opkit new`, build, and the test it wrote; a second op in the same folder too."""
    python = built.environment()
    folder = tmp_path / "my-ops"
    for name in ("CubedRelu", "OtherRelu"):
        out = built.run(python, "-m", "opkit", "new", name, "--dir", folder)
        assert f"{snake_case(name)}.cc" in out
    options = ("-G", "Ninja", f"-DPython_EXECUTABLE={python}")
    built.run("cmake", "-S", folder, "-B", folder / "build", *options)
    built.run("cmake", "--build", folder / "build")
    assert (folder / "my_ops.so").exists()
    out = built.run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", folder, cwd=folder)
    assert " passed" in out and " failed" not in out
    out = built.run(
        python, "-m", "opkit", "verify", "CubedRelu", "--ops", folder / "cubed_relu.py", "--json"
    )
    assert json.loads(out)["ok"] is True


# --- the scaffold's refusals, in this process -----------------------------------------------------


def test_new_op_writes_four_files(tmp_path: pathlib.Path) -> None:
    files = new_op("SquaredThing", tmp_path / "ops")
    assert [f.name for f in files] == [
        "squared_thing.cc",
        "squared_thing.py",
        "CMakeLists.txt",
        "test_squared_thing.py",
    ]
    assert not any(re.search("@[A-Z]+@", f.read_text()) for f in files)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("lower", "want CamelCase"),
        ("With Space", "want CamelCase"),
        ("../Up", "want CamelCase"),
        ("FlexErf", "not starting with Flex"),
        ("Erf", "kernel for Erf already"),
        ("ERF", "upper and lower case"),
        ("Class", "class is a word or a module of Python's"),
        ("Numpy", "numpy.py could not be imported"),
        ("", "want CamelCase"),
    ],
)
def test_new_op_refuses_a_name(tmp_path: pathlib.Path, name: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        new_op(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_new_op_keeps_files(tmp_path: pathlib.Path) -> None:
    new_op("SquaredThing", tmp_path)
    (tmp_path / "squared_thing.cc").write_text("mine")
    (tmp_path / "squared_thing.py").unlink()
    with pytest.raises(FileExistsError, match="nothing was written"):
        new_op("SquaredThing", tmp_path)
    assert not (tmp_path / "squared_thing.py").exists()
    assert (tmp_path / "squared_thing.cc").read_text() == "mine"
    new_op("SquaredThing", tmp_path, overwrite=True)
    assert "OPKIT_UNARY" in (tmp_path / "squared_thing.cc").read_text()


def test_new_op_keeps_a_foreign_build(tmp_path: pathlib.Path) -> None:
    (tmp_path / "CMakeLists.txt").write_text("project(mine)\n")
    with pytest.raises(FileExistsError, match="opkit_add_ops"):
        new_op("SquaredThing", tmp_path)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("name", "file"),
    [("MyOp", "my_op"), ("FFT2D", "fft2d"), ("MyFFTOp", "my_fft_op"), ("A_Bc", "a_bc")],
)
def test_snake_case(name: str, file: str) -> None:
    assert snake_case(name) == file


def test_load_library_refuses(tmp_path: pathlib.Path) -> None:
    absent = tmp_path / "absent.so"
    with pytest.raises(FileNotFoundError, match=r"absent\.so; cmake -B build && .* makes it"):
        opkit.load_library(absent)
    with pytest.raises(RuntimeError, match="opkit_library"):
        opkit.load_library(_some_library(tmp_path))
    with pytest.raises(FileNotFoundError, match="there is no file"):
        load_ops(tmp_path / "absent.py")
    (tmp_path / "json.py").write_text("")
    with pytest.raises(ImportError, match=r"'json' is loaded from .*; rename"):
        load_ops(tmp_path / "json.py")


@pytest.mark.parametrize("kind", ["int = 1", "list(string) = []"])
def test_choices_of_what_is_no_string_are_a_wrong_declaration(
    tmp_path: pathlib.Path, kind: str
) -> None:
    """The first would refuse every model, the second none."""
    declaration = f"x: float32 -> y: float32 \\n limited: {kind} in {{1, 2}}"
    code = f"""
#include "opkit/op.h"
namespace {{
opkit::Status Run(opkit::OpContext&) {{ return {{}}; }}
OPKIT_OP(Limited).Signature("{declaration}").Shape(opkit::SameAs<0>).Run(Run);
}}
"""
    kit = pathlib.Path(opkit.delegate_path()).parent
    include = kit.parent / "include"
    framework = [
        *("-std=c++17", "-fvisibility=hidden", f"-I{include}", "-pthread"),
        *("-Wl,--whole-archive", kit / "libopkit_framework.a", "-Wl,--no-whole-archive", "-ldl"),
    ]
    with pytest.raises(RuntimeError, match=r"Limited: .*'limited' is .*; in \{\.\.\.\} limits"):
        opkit.load_library(_library(tmp_path, code, *framework))


def _some_library(folder: pathlib.Path) -> pathlib.Path:
    """A shared library that is no op library."""
    return _library(folder, 'extern "C" int other() { return 1; }\n')


def _library(folder: pathlib.Path, code: str, *options: str | pathlib.Path) -> pathlib.Path:
    source = folder / "other.cc"
    source.write_text(code)
    compiler = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    assert compiler, "a C++ compiler is needed"
    built.run(compiler, "-shared", "-fPIC", source, *options, "-o", folder / "other.so")
    return folder / "other.so"
