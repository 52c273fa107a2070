"""The command: golden output, exit codes, error texts, JSON."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from opkit.bench.results import BenchReport, Row, Timing
from opkit.cli import app, output
from opkit.model import Model, Node, Subgraph, Tensor
from opkit.report.doctor import FAIL, OK, WARN, Diagnosis, Finding
from opkit.report.html import html
from opkit.report.junit import junit
from opkit.report.tables import bench_view, diff_view, doctor_view, model_view, verify_view
from opkit.verify.bisect import KernelResult
from opkit.verify.results import CaseResult, Report
from opkit.verify.whole_model import ModelReport, OutputResult

GOLDEN = Path(__file__).parent / "golden"
VERBS = ("doctor", "ops", "scan", "convert", "verify", "bench", "paths", "new", "docs")


def run(*args: str) -> Any:
    return CliRunner().invoke(app, list(args), env={"COLUMNS": "100", "TERM": "dumb"})


def rendered(view: Any) -> str:
    console = Console(width=120, record=True, file=open("/dev/null", "w"), color_system=None)  # noqa: SIM115
    console.print(view)
    return "\n".join(line.rstrip() for line in console.export_text().splitlines()).strip() + "\n"


def golden(name: str, text: str, request: pytest.FixtureRequest) -> None:
    path = GOLDEN / name
    if request.config.getoption("--update-golden"):
        GOLDEN.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.exists(), f"no golden file {name}: run pytest with --update-golden and look at it"
    assert text == path.read_text(encoding="utf-8")


def flex_model(op: str = "NoSuchOp") -> bytes:
    x, y = Tensor("x", "float32", (4,)), Tensor("y", "float32", (4,))
    graph = Subgraph("main", [x, y], [x], [y])
    graph.nodes.append(Node.custom(op, [x], [y]))
    return Model([graph]).to_bytes()


# --- golden output --------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", VERBS)
def test_help_teaches_by_example(verb: str) -> None:
    # Not golden: the layout of options is the parser's, and changes with its version.
    result = run(verb, "--help")
    assert result.exit_code == 0
    assert "Example" in result.output
    assert f"opkit {verb}" in result.output
    assert "--json" in result.output


def test_help_lists_verbs_and_exit_codes() -> None:
    text = run("--help").output
    for verb in VERBS:
        assert re.search(rf"^ *│? *{verb} ", text, flags=re.M), verb
    assert "Exit codes: 0 fine, 1 a check failed, 2 wrong usage, 3 something is missing" in text


def parity_report() -> Report:
    report = Report("ops", seconds=1.5)
    good = CaseResult("Erf", "float32", "walk", "ok", 1.46, 2, "ulp", "y", elements=4000)
    good.reference_error = 5.99
    slack = CaseResult("Erf", "float64", "walk", "ok", 0.4, 8, "ulp", "y", elements=40000)
    bad = CaseResult("Softshrink", "float32", "walk", "fail", 211, 4, "ulp", "y", failing=3)
    bad.message = "y: at [17]: got 5.96061e-08, want 5.96046e-08 for x=0.50000006"
    bad.reference = "tf.raw_ops.Softshrink"
    skipped = CaseResult("Erf", "contract", "attrs-missing", "skipped")
    skipped.message = "no attribute is required"
    error = CaseResult("Roll", "int32,int64", "axis0", "error", message="refused at load: no")
    report.results += [good, slack, skipped, bad, error]
    return report


def test_verify_table(request: pytest.FixtureRequest) -> None:
    report = parity_report()
    assert not report.ok
    assert report.counts == {"ok": 2, "fail": 1, "error": 1, "skipped": 1}
    golden("verify.txt", rendered(verify_view(report)), request)


def test_reference_error_has_the_unit_of_ours() -> None:
    report = Report("ops", seconds=1.5)
    ours = CaseResult("SegmentSum", "float32", "long", "ok", 1.5, 4, "eps of the magnitudes", "y")
    ours.reference_error = 8.81
    other = CaseResult("SegmentSum", "float32", "short", "ok", 0.5, 2, "ulp", "y")
    other.reference_error = 99.0  # another unit: no figure to stand beside ours
    report.results += [ours, other]
    [group] = report.groups()
    assert group.reference_error == 8.81
    assert re.search("8.81 eps of\\s+the", rendered(verify_view(report)))


def test_junit(request: pytest.FixtureRequest) -> None:
    golden("verify.xml", junit(parity_report()), request)


def model_report() -> ModelReport:
    report = ModelReport(samples=20, first_divergence="first diverging op: node 3, Cumprod")
    report.outputs.append(
        OutputResult("scores", "float32", (1, 4), 0.0051, 0.0051, 0.001, 1e-5, False)
    )
    report.kernels += [
        KernelResult(1, "Erf", "float32", "ok", 1.25, 2, "ulp"),
        KernelResult(3, "Cumprod", "float32,int32", "fail", 9, 4, "ulp", "out: want 1 < 2"),
    ]
    return report


def test_model_table(request: pytest.FixtureRequest) -> None:
    golden("model.txt", rendered(model_view(model_report())), request)


def bench_report() -> BenchReport:
    report = BenchReport(environment={"simd": "avx2", "threads": "1"})
    times = {
        "opkit": Timing(35.6e-6, 33.7e-6, 37.3e-6, 9, 100),
        "flex": Timing(51.9e-6, 50e-6, 53e-6, 9, 100),
        "lowering": Timing(80e-6, 79e-6, 81e-6, 9, 100, "off"),
    }
    report.rows.append(
        Row("Erf", "float32", "n1000", "ok", 1000, 8000, times=times, copy_share=0.5)
    )
    report.rows[0].refused["numpy"] = "ImportError: no scipy"
    report.rows.append(Row("Roll", "float32", "n1", "fail", message="shape [1], want [2]"))
    report.absent["tf"] = "TensorFlow is not installed"
    return report


def test_bench_tables(request: pytest.FixtureRequest) -> None:
    report = bench_report()
    assert report.rows[0].ratio("flex") == pytest.approx(51.9 / 35.6)
    assert not report.ok, "a wrong case was accepted"
    text = rendered(bench_view(report))
    rows = [
        {"id": "Erf/float32/n1", "before": 1e-6, "after": 2e-6, "ratio": 2, "verdict": "slower"}
    ]
    golden("bench.txt", text + rendered(diff_view(rows)), request)


def test_doctor_table(request: pytest.FixtureRequest) -> None:
    found = Diagnosis(
        [
            Finding("Python", OK, "3.11"),
            Finding("Flex peer", WARN, "none", "set OPKIT_FLEX_PYTHON"),
            Finding("runtime", FAIL, "no TensorFlow Lite runtime", "pip install ai-edge-litert"),
        ]
    )
    assert not found.ok
    golden("doctor.txt", rendered(doctor_view(found)), request)


def test_scan_output(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(flex_model())
    result = run("scan", str(path))
    assert result.exit_code == 1
    text = result.output.replace(str(tmp_path), "DIR")
    golden("scan.txt", "\n".join(x.rstrip() for x in text.splitlines()).strip() + "\n", request)


# --- pages ----------------------------------------------------------------------------------------


def page_text(page: str) -> str:
    """What a reader sees, white space folded."""
    body = re.sub(r"<svg.*?</svg>|<style.*?</style>", "", page, flags=re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


def test_the_verify_page_has_failures_skips_and_bounds() -> None:
    page = html(parity_report())
    text = page_text(page)
    assert "repeat: opkit verify Softshrink --case float32/walk" in text
    assert "1: no attribute is required" in text
    assert "Erf float32 1 1.46 of 2 ulp 5.99 ulp ok" in text
    assert "slack bound" in text
    assert page.count('class="bound"') == 3, "one tick for each group measured in ulp"
    assert page.count('class="over"') == 1, "what is over its bound has a colour of its own"


def test_the_model_page_has_the_kernels_of_the_terminal() -> None:
    text = page_text(html(model_report()))
    assert "first diverging op: node 3, Cumprod" in text
    assert "scores float32 [1, 4] 0.0051" in text
    assert "1 Erf float32 1.25 of 2 ulp ok" in text
    assert "3 Cumprod float32,int32 9 of 4 ulp fail out: want 1 &lt; 2" in text


def test_the_bench_page_has_ratios_and_reasons() -> None:
    text = page_text(html(bench_report()))
    assert "Roll/float32/n1: fail, not timed shape [1], want [2]" in text
    assert "35.6 us 33.7 us 37.3 us 35.6 50 % 51.9 us 1.46x 80 us 2.25x off ok" in text
    assert "tf: TensorFlow is not installed" in text
    assert "Erf numpy: ImportError: no scipy (1 case)" in text


# --- progress -------------------------------------------------------------------------------------


def test_progress_is_told_to_a_log_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = iter([0.0, 5.0, 25.0, 30.0, 60.0])
    monkeypatch.setattr(output.time, "monotonic", lambda: next(now))
    with output.Output("bench", as_json=True).progress() as progress:
        assert progress is not None, "standard error of a test is no terminal"
        for done, label in enumerate(("a", "b", "c", "d"), 1):
            progress(label, done, 40)
    assert capsys.readouterr().err.splitlines() == [
        "opkit bench: 2 of 40, about 13 min left: b",
        "opkit bench: 4 of 40, about 11 min left: d",
    ]


def test_progress_takes_no_pace_from_the_start_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = iter([0.0, 200.0, 231.0])
    monkeypatch.setattr(output.time, "monotonic", lambda: next(now))
    with output.Output("bench", as_json=True).progress() as progress:
        assert progress is not None
        progress("a", 1, 40)
        progress("b", 2, 40)
    assert capsys.readouterr().err.splitlines() == [
        "opkit bench: 1 of 40: a",
        "opkit bench: 2 of 40, about 20 min left: b",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (89, "89 s"), (90, "2 min"), (4800, "1 h 20 min")]
)
def test_minutes(seconds: float, text: str) -> None:
    assert output.minutes(seconds) == text


# --- exit codes and error texts -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "code", "text"),
    [
        (("ops", "Erff"), 2, "did you mean Erf"),
        (("verify", "NoSuchOp"), 2, "no op named 'NoSuchOp'"),
        (("verify", "Erf", "--case", "float32/nope"), 2, "no case matches"),
        (("verify", "Erf", "--simd", "mmx"), 2, "levels: auto, sse4"),
        (("verify", "m.tflite"), 2, "--samples"),
        (("scan", "missing.tflite"), 2, "missing.tflite"),
        (("convert", "missing", "-o", "x.tflite"), 2, "missing does not exist"),
        (("convert", "m", "-o", "x.tflite", "--int8"), 2, "--samples"),
        (("bench", "diff", "one.json"), 2, "diff takes two files"),
        (("bench", "Erf", "--peer", "abacus"), 2, "peer 'abacus' is none of"),
        (("bench", "Erf", "--save", "no/such/folder.json"), 2, "there is no folder no/such"),
        (("new", "notCamel"), 2, "CamelCase"),
        (("verify", "--budget", "many"), 2, "budget"),
        (("frobnicate",), 2, "frobnicate"),
    ],
)
def test_wrong_usage(args: tuple[str, ...], code: int, text: str) -> None:
    result = run(*args)
    assert result.exit_code == code, result.output
    assert text in result.output.replace("\n", " ")
    assert "Traceback" not in result.output


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    path = tmp_path / "bad.tflite"
    path.write_bytes(b"\x00" * 40)
    result = run("scan", str(path))
    assert result.exit_code == 1
    assert "not a valid TFLite file" in result.output
    assert "next step:" in result.output


def test_a_missing_package_is_an_environment_error(monkeypatch: pytest.MonkeyPatch) -> None:
    import opkit.report.doctor as doctor

    monkeypatch.setattr(doctor, "_library", lambda: [Finding("kernel library", FAIL, "x", "make")])
    result = run("doctor")
    assert result.exit_code == 3
    assert "make" in result.output


def test_json_errors_are_json() -> None:
    result = run("ops", "Erff", "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 2
    assert found["schema"] == 1
    assert found["ok"] is False
    assert "Erf" in found["error"]


# --- verbs on real kernels ------------------------------------------------------------------------


def test_ops_json_holds_every_declaration() -> None:
    from opkit import registry

    found = json.loads(run("ops", "--json").stdout)
    assert found["command"] == "ops"
    assert {r["name"] for r in found["ops"]} == set(registry.declarations())


def test_op_card() -> None:
    text = run("ops", "Erf").output
    for want in ("x: T -> y: T", "float32", "bound float32", "scipy.special.erf"):
        assert want in text
    assert run("ops", "FlexErf").output == text


def test_verify_one_case_and_its_replay(tmp_path: Path) -> None:
    args = ("verify", "Erf", "--case", "float32/walk", "--budget", "500")
    result = run(*args, "--json", "--junit", str(tmp_path / "j.xml"), "--html", str(tmp_path / "h"))
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout[result.stdout.index("{") :])
    assert found["counts"] == {"ok": 1, "fail": 0, "error": 0, "skipped": 0}
    row = found["results"][0]
    assert row["case"] == "walk"
    assert 0 < row["error"] <= row["bound"]
    assert "<testcase" in (tmp_path / "j.xml").read_text()
    assert "<svg" in (tmp_path / "h").read_text()


def test_a_failing_case_prints_the_command_that_repeats_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from opkit.spec import Ulp, spec, table

    tight = replace(spec("Erf"), tolerance={"float32": Ulp(0.01)})
    monkeypatch.setitem(table._SPECS, "Erf", tight)
    result = run("verify", "Erf", "--dtype", "float32", "--no-contract", "--budget", "500")
    assert result.exit_code == 1
    assert re.search(r"repeat: opkit verify Erf --case float32/walk", result.output)
    assert re.search(r"got .*, want .* for x=", result.output)


def test_verify_a_model(tmp_path: Path) -> None:
    model = tmp_path / "m.tflite"
    model.write_bytes(flex_model("Erf"))
    np.save(tmp_path / "s.npy", np.linspace(-3, 3, 20, dtype=np.float32).reshape(5, 4))
    # Samples have a batch axis of 1 in front of the model's [4]: the input is resized to [1, 4].
    result = run("verify", str(model), "--samples", str(tmp_path / "s.npy"), "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout[result.stdout.index("{") :])
    assert found["kernels"][0]["op"] == "Erf"
    assert found["kernels"][0]["status"] == "ok"


def test_paths_and_new(tmp_path: Path) -> None:
    shown = run("paths", "--library")
    if shown.exit_code == 0:
        assert Path(shown.stdout.strip()).exists()
    else:  # a build tree has no CMake package
        assert "missing" in shown.output
    made = run("new", "SquaredRelu", "--dir", str(tmp_path / "ops"))
    assert made.exit_code == 0, made.output
    assert (tmp_path / "ops" / "squared_relu.cc").exists()
    assert "next step: cd" in made.output
    again = run("new", "SquaredRelu", "--dir", str(tmp_path / "ops"))
    assert again.exit_code == 2
    assert "--overwrite" in again.output


def test_docs_check(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(
        "# x\n<!-- opkit docs: begin -->\nold\n<!-- opkit docs: end -->\nrest\n"
    )
    assert run("docs", "--check", "--root", str(tmp_path)).exit_code == 1
    assert run("docs", "--root", str(tmp_path)).exit_code == 0
    assert run("docs", "--check", "--root", str(tmp_path)).exit_code == 0
    readme = (tmp_path / "README.md").read_text()
    assert "`Erf`" in readme
    assert readme.endswith("rest\n")
    assert "| `Erf` |" in (tmp_path / "docs" / "ops.md").read_text()


def test_docs_of_the_repository_are_current() -> None:
    root = Path(__file__).parent.parent
    result = run("docs", "--check", "--root", str(root))
    assert result.exit_code == 0, f"{result.output}\nrun: opkit docs"


@pytest.mark.parametrize("case", ["contract/resize", "float32/walk"])
def test_verify_without_tensorflow_is_no_pass(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    result = run("verify", "Erf", "--case", case, "--host", "litert")
    assert result.exit_code == output.ENVIRONMENT, result.output
    assert "pip install tensorflow-cpu" in result.output
