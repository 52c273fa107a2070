"""The command where things go wrong around it: files, streams, signals, names that are no text."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from opkit.cli import app
from opkit.model import Model, Node, Subgraph, Tensor
from opkit.model.writer import write_atomic


def run(*args: str) -> Any:
    return CliRunner().invoke(app, list(args), env={"COLUMNS": "100", "TERM": "dumb"})


def start(*args: str, **options: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "opkit", *args]
    return subprocess.Popen(command, stderr=subprocess.PIPE, **options)


def model(path: Path, name: str = "x", op: str = "Erf") -> str:
    x, y = Tensor(name, "float32", (4,)), Tensor("y", "float32", (4,))
    graph = Subgraph("main", [x, y], [x], [y])
    graph.nodes.append(Node.custom(op, [x], [y]))
    path.write_bytes(Model([graph]).to_bytes())
    return str(path)


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (("scan",), "Missing argument"),
        (("frobnicate",), "No such command"),
        (("verify", "--budget", "many"), "--budget"),
        (("verify", "Erf", "--dtype", "float31"), "dtype 'float31' is none of bfloat16"),
        (("verify", "Erf", "--html", "no/such/page.html"), "there is no folder no/such"),
        (("verify", "Erf", "--samples", "s.npz"), "--samples: not for ops"),
        (("verify", "m.tflite", "--junit", "j.xml"), "--junit: not for a model"),
        (("bench", "m.tflite", "--case", "n1"), "--case: not for models"),
        (("docs", "--root", "no/such"), "there is no folder no/such"),
        (("ops", "--ops", "no_such.so"), "--ops no_such.so: "),
        (("ops", "--ops", "no_such.py"), "is no file"),
        (("ops", "--ops", "./folder/"), "--ops ./folder/: "),
        (("ops", "--ops", ""), "Empty module name"),
        (("scan", "."), ". is no .tflite file"),
        (("new", "SomeOp", "--dir", os.devnull), "file exists"),
    ],
)
def test_wrong_usage_is_one_json_object(args: tuple[str, ...], text: str) -> None:
    result = run(*args, "--json")
    assert result.exit_code == 2, result.output
    found = json.loads(result.stdout)
    assert (found["schema"], found["ok"]) == (1, False)
    assert text in found["error"]


def test_the_source_is_not_offered_to_be_overwritten(tmp_path: Path) -> None:
    source = model(tmp_path / "m.tflite")
    result = run("convert", source, "-o", source, "--json")
    assert json.loads(result.stdout)["next_step"] == "choose another name"
    other = str(tmp_path / "other.tflite")
    Path(other).write_bytes(b"")
    found = json.loads(run("convert", source, "-o", other, "--json").stdout)
    assert found["error"] == f"{other} exists"
    assert found["next_step"] == "choose another name, or pass --overwrite"


def test_names_that_are_no_text_are_shown(tmp_path: Path) -> None:
    source = model(tmp_path / "m.tflite", name="x\udcff\x1b", op="Erf")
    for args, shown in (((), "1 served"), (("--json",), '"ok": true')):
        result = run("scan", source, *args)
        assert result.exit_code == 0, result.exception
        assert shown in result.output
    found = json.loads(run("scan", source, "--json").stdout)
    assert found["nodes"][0]["inputs"][0]["name"] == "x\\udcff\x1b"
    result = run("scan", model(tmp_path / "n.tflite", op="No\udcff"))
    assert result.exit_code == 1, result.exception
    assert "No\\udcff" in result.output


def test_a_pipe_is_written_to_and_stays_one(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_atomic(pipe, b"report", overwrite=True)
        assert os.read(reader, 100) == b"report"
    finally:
        os.close(reader)
    assert pipe.is_fifo()


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="no /dev/full here")
@pytest.mark.parametrize("args", [("ops",), ("ops", "--json")])
def test_a_full_disk_is_told(args: tuple[str, ...]) -> None:
    with open("/dev/full", "wb") as full:
        process = start(*args, stdout=full)
        _, error = process.communicate(timeout=120)
    assert process.returncode == 3
    assert b"standard output cannot be written: No space left" in error
    assert b"Traceback" not in error and b"Exception ignored" not in error


def test_ctrl_c_leaves_with_130_and_no_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import opkit.verify

    def stopped(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(opkit.verify, "verify_ops", stopped)
    for option in ("--html", "--junit"):
        result = run("verify", "Erf", option, str(tmp_path / "report"), "--json")
        assert result.exit_code == 130, result.output
        assert json.loads(result.stdout)["error"] == "stopped"
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_ours_is_json_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("opkit.scan", broken)
    result = run("scan", model(tmp_path / "m.tflite"), "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"] == "internal error: ZeroDivisionError: oops"
    assert "Traceback" in result.stderr


def test_the_self_check_needs_no_scipy(monkeypatch: pytest.MonkeyPatch) -> None:
    from opkit.report.doctor import _self_check
    from opkit.runtime import installed_hosts

    for name in {"scipy", "scipy.special", *(m for m in sys.modules if m.startswith("scipy."))}:
        monkeypatch.setitem(sys.modules, name, None)
    for host in installed_hosts():
        assert _self_check(host.name, "delegate") == ""


def test_a_missing_package_is_named_with_its_installation() -> None:
    from opkit.cli.output import _explain

    error = _explain(ModuleNotFoundError("No module named 'tensorflow'", name="tensorflow.lite"))
    assert error is not None
    assert error.code == 3
    assert error.next_step.startswith("pip install tensorflow; ")


def test_a_closed_folder_is_named_before_the_work(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source, target = model(tmp_path / "m.tflite"), tmp_path / "report"
    with monkeypatch.context() as patched:  # root may write everywhere
        patched.setattr(os, "access", lambda path, mode, **_: mode != os.W_OK)
        result = run("verify", "Erf", "--html", str(target), "--json")
        assert f"{target} cannot be written" in json.loads(result.stdout)["error"]
        result = run("convert", source, "-o", str(target), "--json")
        assert f"{tmp_path} cannot be written to" in json.loads(result.stdout)["error"]

    def refuse(prefix: str, dir: Path) -> None:
        raise PermissionError(13, "Permission denied", f"{dir}/{prefix}x")

    monkeypatch.setattr("tempfile.mkstemp", refuse)
    result = run("convert", source, "-o", str(target), "--json")
    assert json.loads(result.stdout)["error"] == f"{target}: permission denied"
