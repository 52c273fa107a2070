"""The host matrix: every feature on every supported runtime, each in an environment of its own.

    make test-hosts
    python tests/hosts/run.py --only tf-2.18.1 --by delegate

Environments live in .envs/ and are kept; the wheel is built once and installed into each. Golden
models are converted once, with the newest TensorFlow. Exit code 0 when every cell is what it
should be: "ok", or "refused" with the right reason where a refusal is right.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import venv
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import built

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
ENVIRONMENTS = ROOT / ".envs"
NEWEST = "tf-2.21.0"
NEEDS = ("numpy>=1.26", "flatbuffers>=24.3", "rich>=13", "typer>=0.12", "jinja2>=3.1")
WAYS = ("resolver", "delegate", "install")


@dataclass(frozen=True)
class Target:
    """A runtime of the matrix."""

    name: str
    package: str
    version: str
    host: str

    @property
    def python(self) -> pathlib.Path:
        return ENVIRONMENTS / self.name / "bin" / "python"


TARGETS = (
    *(
        Target(f"tf-{v}", "tensorflow-cpu", v, "tensorflow")
        for v in ("2.18.1", "2.19.1", "2.20.0", "2.21.0")
    ),
    Target("litert-2.3.0", "ai-edge-litert", "2.3.0", "litert"),
)


@dataclass
class Cell:
    """One feature on one host in one way."""

    status: str
    expected: str
    right: bool
    reason: str = ""


@dataclass
class Column:
    """All cells of one host in one way, in the order they ran."""

    target: str
    by: str
    cells: dict[str, Cell] = field(default_factory=dict)
    problem: str = ""


def _run(*command: Any, **options: Any) -> str:
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **options)
    if done.returncode != 0:
        shown = " ".join(str(c) for c in command[:6])
        raise RuntimeError(f"{shown} ...: {(done.stdout + done.stderr)[-3000:]}")
    return done.stdout


def environment(target: Target) -> None:
    """Makes the target's environment unless it is complete."""
    if not target.python.exists():
        venv.create(ENVIRONMENTS / target.name, with_pip=True)
    check = f"import importlib.metadata as m; print(m.version({target.package!r}))"
    try:
        complete = _run(target.python, "-c", check).strip() == target.version
    except RuntimeError:
        complete = False
    wanted = () if complete else (f"{target.package}=={target.version}",)
    _run(target.python, "-m", "pip", "install", "-q", *wanted, *NEEDS)


def install(target: Target, wheel: pathlib.Path) -> None:
    """Puts the wheel in, replacing an older one."""
    pip = (target.python, "-m", "pip", "install", "-q", "--no-deps", "--force-reinstall")
    _run(*pip, wheel)


def goldens(python: pathlib.Path, env: dict[str, str]) -> pathlib.Path:
    """Folder of golden models, made when golden.py or the kit's model writer changed."""
    source = (HERE / "golden.py").read_bytes()
    folder = ROOT / "build" / "hosts" / f"golden-{hashlib.sha256(source).hexdigest()[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder.parent / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            _run(python, HERE / "golden.py", folder, env=env)
            (folder / "complete").touch()
    return folder


def column(
    python: pathlib.Path, target: str, host: str, by: str, golden: pathlib.Path, env: dict[str, str]
) -> Column:
    """Runs one way on one host in a process of its own."""
    # Of its own: two test processes may run the same way at once.
    out = golden.parent / f"{target}-{by}-{os.getpid()}.jsonl"
    command = [python, HERE / "matrix_features.py", "--golden", golden, "--host", host]
    command += ["--by", by, "--out", out]
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, env=env)
    made = Column(target, by)
    started: dict[str, Any] | None = None
    lines = out.read_text(encoding="utf-8").splitlines() if out.exists() else []
    out.unlink(missing_ok=True)
    for text in lines:
        item = json.loads(text)
        if "start" in item:
            started = item
        elif "feature" in item:
            started = None
            made.cells[item["feature"]] = Cell(
                item["status"], item["expected"], item["right"], item["reason"]
            )
    if done.returncode != 0:
        made.problem = f"exit code {done.returncode}: {done.stderr[-2000:]}"
        if started is not None:
            made.cells[started["start"]] = Cell("crashed", started["expected"], False, made.problem)
    return made


def _cell(cell: Cell | None) -> Text:
    if cell is None:
        return Text("not run", style="red")
    if cell.right:
        return Text(cell.status, style="green" if cell.status == "ok" else "cyan")
    return Text(f"{cell.status}, want {cell.expected}", style="bold red")


def show(console: Console, columns: list[Column]) -> bool:
    """Prints the matrix and its reasons; True when every cell is right."""
    targets = list(dict.fromkeys(c.target for c in columns))
    right = all(c.cells and not c.problem for c in columns)
    reasons: dict[str, list[str]] = {}
    for by in WAYS:
        here = {c.target: c for c in columns if c.by == by}
        if not here:
            continue
        table = Table(title=f"by {by}", title_justify="left", header_style="bold")
        table.add_column("feature")
        for target in targets:
            table.add_column(target, justify="center")
        for feature in dict.fromkeys(f for c in here.values() for f in c.cells):
            cells = [here[t].cells.get(feature) if t in here else None for t in targets]
            table.add_row(feature, *[_cell(cell) for cell in cells])
            for target, cell in zip(targets, cells, strict=True):
                right &= cell is not None and cell.right
                if cell is not None and (cell.status == "refused" or not cell.right):
                    first = cell.reason.strip().splitlines() or [""]
                    line = " ".join(part.strip() for part in first[:3])
                    reasons.setdefault(line, []).append(f"{target} {by}: {feature}")
        console.print(table)
    table = Table(title="reasons", title_justify="left", header_style="bold", show_lines=True)
    table.add_column("text", ratio=3)
    table.add_column("where", ratio=1)
    for reason, places in reasons.items():
        more = f" and {len(places) - 1} more" if len(places) > 1 else ""
        table.add_row(Text(reason[:400]), places[0] + more)
    if reasons:
        console.print(table)
    for item in columns:
        if item.problem:
            console.print(f"[bold red]{item.target} by {item.by}[/]: ", Text(item.problem))
    counts = [cell for c in columns for cell in c.cells.values()]
    ok = sum(c.right and c.status == "ok" for c in counts)
    refused = sum(c.right and c.status == "refused" for c in counts)
    wrong = len(counts) - ok - refused
    console.print(
        f"{len(targets)} hosts, {len(counts)} cells: {ok} ok, {refused} refused as they should be, "
        f"{wrong} wrong",
        style="green" if right else "bold red",
    )
    return right


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    names = [t.name for t in TARGETS]
    parser.add_argument("--only", choices=names, action="append", help="these hosts alone")
    parser.add_argument("--by", choices=WAYS, action="append", help="these ways alone")
    parser.add_argument("--site", type=pathlib.Path, help="folder with opkit, instead of a wheel")
    options = parser.parse_args()
    console = Console()
    targets = [t for t in TARGETS if not options.only or t.name in options.only]
    ways = [w for w in WAYS if not options.by or w in options.by]
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    env["PYTHONWARNINGS"] = "ignore"
    columns: list[Column] = []
    bar = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*bar, console=console, transient=True) as progress:
        task = progress.add_task("wheel", total=2 + len(targets) * (1 + len(ways)))

        def step(text: str) -> None:
            progress.update(task, description=text)

        newest = next(t for t in TARGETS if t.name == NEWEST)
        if options.site:
            env["PYTHONPATH"] = str(options.site.resolve())
        else:
            step("wheel")
            wheel = built.wheel()
        progress.advance(task)
        step(f"golden models ({newest.name})")
        environment(newest)
        if not options.site:
            install(newest, wheel)
        golden = goldens(newest.python, env)
        progress.advance(task)
        for target in targets:
            step(f"{target.name}: environment")
            try:
                environment(target)
                if not options.site and target != newest:
                    install(target, wheel)
            except RuntimeError as e:  # no such wheel for this Python, or no network
                columns += [Column(target.name, by, problem=str(e)) for by in ways]
                progress.advance(task, 1 + len(ways))
                continue
            progress.advance(task)
            for by in ways:
                step(f"{target.name}: by {by}")
                columns.append(column(target.python, target.name, target.host, by, golden, env))
                progress.advance(task)
    return 0 if show(console, columns) else 1


if __name__ == "__main__":
    sys.exit(main())
