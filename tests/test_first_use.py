"""What someone meets who has never seen the kit: texts that must lead on, and files found where the
author is."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import opkit
from opkit.cli.app import app
from opkit.convert.check import Comparison, OutputRow
from opkit.convert.errors import CalibrationWarning, ConversionError
from opkit.model import Model, Node, Subgraph, Tensor
from opkit.rewrite import scan
from opkit.spec import Spec, Types, Ulp, table
from opkit.verify.results import CaseResult, Report

tf: Any = pytest.importorskip("tensorflow")


def run(*args: str) -> Any:
    return CliRunner().invoke(app, list(args), env={"COLUMNS": "100", "TERM": "dumb"})


# --- ops of one's own -----------------------------------------------------------------------------


def test_a_bare_library_name_is_a_file_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system's loader takes a name without a folder for one of its own libraries."""
    (tmp_path / "my_ops.so").write_bytes(b"no library, but found")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RuntimeError, match=r"my_ops\.so: (file too short|invalid ELF header)"):
        opkit.load_library("my_ops.so")


def refusal_of(spec: Path, text: str) -> str:
    """What the command prints that refuses a spec file of this text."""
    spec.write_text(text)
    result = run("verify", "MyOp", "--ops", str(spec))
    assert result.exit_code == 2
    return result.output


def test_a_library_that_is_not_built_is_told_so(tmp_path: Path) -> None:
    text = "import opkit\n\nopkit.load_library('nowhere/my_ops.so')\n"
    output = refusal_of(tmp_path / "not_built_yet.py", text)
    assert "line 3: there is no op library" in output
    assert "nowhere/my_ops.so; cmake -B build" in output
    assert "RuntimeError" not in output


def test_a_mistake_in_a_spec_file_has_its_line(tmp_path: Path) -> None:
    text = "import opkit\n\n\nopkit.lod_library('x.so')\n"
    output = refusal_of(tmp_path / "with_a_mistake.py", text)
    assert "line 4: AttributeError: module 'opkit' has no attribute" in output
    assert "give a library" not in output


def test_a_tolerance_for_a_misspelt_dtype_is_refused() -> None:
    with pytest.raises(ValueError, match="MyOp: tolerance for 'flaot64', which is no dtype"):
        Spec("MyOp", (), {"float32": Ulp(1), "flaot64": Ulp(1)})
    assert Spec("MyOp", (), {"float32": Ulp(1)}).tolerance_for("float64") == Ulp(1)


def test_the_command_that_repeats_a_case_has_the_options(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    tight = replace(table.spec("Erf"), tolerance={"float32": Ulp(0.01)})
    monkeypatch.setitem(table._SPECS, "Erf", tight)
    chosen = ("--budget", "500", "--host", "tensorflow", "--by", "delegate", "--simd", "sse4")
    kept = opkit.get_simd()
    try:
        args = ("verify", "Erf", "--case", "float32/walk", "--ops", "json", *chosen)
        shown, as_json = run(*args).output, run(*args, "--json").stdout
    finally:
        opkit.set_simd(kept)
    command = "opkit verify Erf --case float32/walk " + " ".join(chosen) + " --ops json"
    assert f"repeat: {command}" in " ".join(shown.split())
    assert json.loads(as_json[as_json.index("{") :])["results"][0]["replay"] == command


def test_one_mistake_does_not_hide_what_the_contract_says() -> None:
    from rich.console import Console

    from opkit.report.tables import verify_view

    results = [CaseResult("A", "float32", f"size{i}", "fail", message="wrong") for i in range(40)]
    results.append(CaseResult("A", "contract", "guard-bytes", "fail", message="wrote behind"))
    console = Console(width=120, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(verify_view(Report("ops", results)))
    text = console.export_text()
    assert "wrote behind" in text
    assert text.count("  wrong") == 3
    assert "and 37 more" in text


@pytest.mark.parametrize(("verb", "case"), [("verify", "float16/walk"), ("bench", "float16/n1")])
def test_a_crash_names_the_case(tmp_path: Path, verb: str, case: str) -> None:
    (tmp_path / "crashing.py").write_text(
        """
import ctypes
from dataclasses import replace
from opkit.spec import spec, table

def crash(*args, **attrs):
    return ctypes.string_at(8)

table._SPECS["Erf"] = replace(spec("Erf"), reference=crash)
"""
    )
    command = [sys.executable, "-m", "opkit", verb, "Erf", "--case", case, "--dtype", "float16"]
    done = subprocess.run(
        [*command, "--ops", str(tmp_path / "crashing.py")], capture_output=True, text=True
    )
    assert done.returncode == -signal.SIGSEGV
    assert f"in Erf/{case}" in done.stderr


def test_a_spec_without_a_kernel_says_what_to_look_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(table._SPECS, "MyOp", Spec("MyOp"))
    result = run("verify", "MyOp")
    assert result.exit_code == 1
    assert "OPKIT_OP has this very name" in " ".join(result.output.split())


def test_an_op_without_bench_cases_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    monkeypatch.setitem(table._SPECS, "Erf", replace(table.spec("Erf"), bench=()))
    alone = run("bench", "Erf", "--peer", "none")
    assert alone.exit_code == 2
    assert "the spec of Erf has no bench cases" in alone.output
    args = ("bench", "Erf", "Expm1", "--peer", "none", "--rounds", "3", "--dtype", "float16")
    found = json.loads(run(*args, "--json").stdout.splitlines()[-1])
    assert "no bench cases" in found["absent"]["Erf"]
    assert {c["op"] for c in found["cases"]} == {"Expm1"}


# --- models ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["saved", "m.keras"])
def test_scan_of_a_model_that_is_not_converted(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if path.suffix:
        path.write_bytes(b"PK")
    else:
        path.mkdir()
    result = run("scan", str(path))
    assert result.exit_code == 2
    assert f"`opkit convert {path} -o model.tflite`" in " ".join(result.output.split())


def test_a_damaged_model_is_named_and_shown_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "users.tflite"
    path.write_bytes(b"root:x:0:0" * 9)
    result = run("scan", str(path))
    assert result.exit_code == 1
    assert str(path) in result.output
    assert "b':x:0'" in result.output  # no picture in place of :x:


@pytest.mark.parametrize("verb", ["verify", "bench"])
def test_a_model_with_an_op_that_is_not_loaded(tmp_path: Path, verb: str) -> None:
    x, y = Tensor("x", "float32", (4,)), Tensor("y", "float32", (4,))
    graph = Subgraph("main", [x, y], [x], [y])
    graph.nodes.append(Node.custom("MyOp", [x], [y]))
    (tmp_path / "m.tflite").write_bytes(Model([graph]).to_bytes())
    np.save(tmp_path / "s.npy", np.ones((2, 4), np.float32))
    samples = ("--samples", str(tmp_path / "s.npy")) if verb == "verify" else ("--peer", "none")
    result = run(verb, str(tmp_path / "m.tflite"), *samples)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit), result.exception  # told, not thrown
    text = " ".join(result.output.split())
    assert "MyOp" in text
    assert "load the op's library (--ops, opkit.load_library), write one with" in text


@pytest.mark.parametrize("verb", ["verify", "bench"])
def test_files_are_no_ops(verb: str) -> None:
    result = run(verb, "Erf", "m/model.keras")
    assert result.exit_code == 2
    assert "m/model.keras is a file, want names of ops or .tflite files alone" in result.output


def test_a_flex_op_with_a_builtins_name_says_why_it_is_one() -> None:
    x, y = Tensor("x", "complex64", (4,)), Tensor("y", "complex64", (2,))
    graph = Subgraph("main", [x, y], [x], [y])
    graph.nodes.append(Node.custom("FlexStridedSlice", [x], [y]))
    (found,) = scan(Model([graph])).unserved
    assert "could not make it the builtin STRIDED_SLICE" in found.reason
    assert "real and the imaginary part" in found.next_step


def test_a_conversion_without_a_kernel_sends_nobody_to_scan(tmp_path: Path) -> None:
    @tf.function(input_signature=[tf.TensorSpec((3, 3), tf.float32)])
    def f(x: Any) -> Any:
        return tf.linalg.diag_part(x)

    module = tf.Module()
    module.f = f
    tf.saved_model.save(module, str(tmp_path / "m"), signatures=f)
    result = run("convert", str(tmp_path / "m"), "-o", str(tmp_path / "m.tflite"))
    assert result.exit_code == 1
    assert "the kit has no kernel for MatrixDiagPartV3" in result.output
    assert "opkit scan" not in result.output  # there is no file to scan, and all is said


def test_outputs_that_are_equal_or_not_are_not_measured() -> None:
    whole = OutputRow("s", "n", "int32", 8, 0.0, 0.0, 0.0, 0)
    assert str(Comparison([whole], 8)) == "8 samples against TensorFlow, all values equal"
    off = OutputRow("s", "n", "int32", 8, 0.0, 0.0, 0.0, 3)
    assert str(Comparison([off], 8)).endswith("3 mismatched")
    floats = OutputRow("s", "y", "float32", 8, 0.5, 0.1, 2.0, 0)
    assert "0.5 of values up to 2 (y)" in str(Comparison([whole, floats], 8))
    cells = [list(c.cells) for c in Comparison([whole, floats], 8).view().columns]
    assert cells[4] == ["-", "0.5"]


def test_samples_of_another_signature_are_an_error_of_conversion() -> None:
    @tf.function(input_signature=[tf.TensorSpec((2,), tf.float32, "x")])
    def f(x: Any) -> Any:
        return {"y": tf.math.asinh(x)}

    ones = np.ones(2, np.float32)
    for strange in ({"x": ones, "z": ones}, [ones, ones]):
        with pytest.raises(ConversionError, match=r"a sample has .*; the inputs of .* are x"):
            opkit.convert(f, representative_dataset=[strange])


def test_a_warning_of_the_kit_is_a_line(capfd: pytest.CaptureFixture[str]) -> None:
    import warnings

    from opkit.cli.output import Output

    with Output("convert", False).warnings():
        warnings.warn("calibrated with 3 samples", CalibrationWarning, stacklevel=1)
    assert capfd.readouterr().err == "warning: calibrated with 3 samples\n"


def test_int16_of_a_loop_says_what_helps(tmp_path: Path) -> None:
    @tf.function(input_signature=[tf.TensorSpec((1, 4), tf.float32, "x")])
    def f(x: Any) -> Any:
        matrix = tf.constant(np.eye(4, dtype=np.float32))
        _, y = tf.while_loop(
            lambda i, _: i < 3, lambda i, v: (i + 1, tf.tanh(v @ matrix)), (tf.constant(0), x)
        )
        return {"y": y}

    samples = [np.full((1, 4), i / 100, np.float32) for i in range(100)]
    with pytest.raises(ConversionError, match="int16 quantizer takes no loops: quantize to int8"):
        opkit.convert(f, "int16", samples)


# --- what the documents say -----------------------------------------------------------------------


def test_nan_becomes_the_zero_point() -> None:
    """docs/numerics.md."""
    from opkit.verify.single_op import build

    codes = np.array([-128, 0], np.int8)  # log1p of -12.8 and of 0
    quant = {"x": (0.1, 0), "y": (0.05, 7)}
    log1p = opkit.declarations()["Log1p"]
    model = build(log1p, Types({"T": "qint8"}), {"x": codes}, {}, quant=quant)
    interpreter = opkit.Interpreter(model_content=model.to_bytes())
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], codes)
    interpreter.invoke()
    got = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    assert got.tolist() == [7, 7]


def test_flex_as_a_peer_of_a_model_of_custom_ops() -> None:
    from opkit.bench.whole_model import _why_not_flex

    said = "RuntimeError: Encountered unresolved custom op: Softplus.\nSee instructions: https://x"
    assert _why_not_flex(said).startswith("its Softplus is a custom op, which Flex does not run;")
    assert _why_not_flex("no\n memory") == "no memory"


def test_the_converters_stack_is_no_reason() -> None:
    from opkit.bench.lowering_worker import first_words

    said = "Could not translate MLIR to FlatBuffer./a/b/tf/f.py:129:1: error: 'tf.Erf'"
    assert first_words(said) == "Could not translate MLIR to FlatBuffer."
    assert first_words("\n  no op\nmore") == "  no op"


def test_the_page_folds_failures_that_are_alike() -> None:
    from opkit.report.html import html

    results = [CaseResult("A", "float32", f"size{i}", "fail", message="wrong") for i in range(40)]
    own = {"error": 1.0, "bound": 2.0, "unit": "residual in eps", "reference_error": 3.0}
    results.append(CaseResult("B", "float32", "x", "ok", **own))
    page = html(Report("ops", results, options="--by delegate"))
    assert page.index("37 more of the same ops") > page.index("size2")
    assert page.count("--by delegate</pre>") == 40
    assert "3 residual in eps</td>" in page  # not "3 ulp"


def test_a_diff_of_runs_says_what_else_changed(tmp_path: Path) -> None:
    from opkit.bench import write
    from opkit.bench.results import BenchReport

    for name, simd in (("a", "avx512"), ("b", "sse4")):
        environment = {"fingerprint": "here", "simd": simd, "host": "tf.lite", "opkit": name}
        write(BenchReport(environment=environment), tmp_path / f"{name}.json")
    args = ("bench", "diff", str(tmp_path / "a.json"), str(tmp_path / "b.json"))
    assert "simd: avx512 before, sse4 after" in run(*args).output
    found = json.loads(run(*args, "--json").stdout)
    assert found["changed"] == {"simd": ["avx512", "sse4"]}
