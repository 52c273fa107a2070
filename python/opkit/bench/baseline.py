"""Runs kept as JSON files, by machine, and what changed between two of them."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from pathlib import Path
from typing import Any

from opkit.bench.results import SCHEMA, BenchReport
from opkit.model.writer import write_atomic


def fingerprint() -> str:
    """Short name of this machine: architecture and a hash of CPU model and core count."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        model = next((ln.split(":", 1)[1].strip() for ln in lines if "model name" in ln), "")
    except OSError:
        model = ""
    text = f"{model or platform.processor()}/{os.cpu_count()}"
    return f"{platform.machine()}-{hashlib.blake2b(text.encode(), digest_size=4).hexdigest()}"


def write(report: BenchReport, path: str | os.PathLike[str]) -> None:
    """Writes a run, replacing an older file at once."""
    text = json.dumps(report.to_json(), indent=1) + "\n"
    write_atomic(Path(path), text.encode(), True)


def load(path: str | os.PathLike[str]) -> dict[str, Any]:
    """A run written by `write`.

    Raises:
      FileNotFoundError: no such file.
      ValueError: it is no run, or of another schema.
    """
    try:
        run = json.loads(Path(path).read_text(encoding="utf-8"))
    except json.JSONDecodeError as e:
        raise ValueError(f"{path} is no JSON: {e}") from None
    if not isinstance(run, dict) or run.get("kind") != "bench" or run.get("schema") != SCHEMA:
        raise ValueError(
            f"{path} is no bench run of schema {SCHEMA}; opkit bench --save writes one"
        )
    return run


def diff(before: dict[str, Any], after: dict[str, Any]) -> list[dict[str, Any]]:
    """Cases of both runs: {"id", "before", "after", "ratio", "verdict"}; ratio = after / before.

    "faster" or "slower" only where the quartile ranges part and the medians differ by over 5 %;
    else "same". Cases timed in one run only have a ratio of 1: they are "gone", "failed" where the
    later run has them but could not time them (wrong result, error), or "new".

    Raises:
      ValueError: the runs come from different machines.
    """
    machines = {run["environment"].get("fingerprint") for run in (before, after)}
    if len(machines) > 1:
        raise ValueError(f"the runs are from different machines: {sorted(map(str, machines))}")
    old = {c["id"]: c["times"].get("opkit") for c in before["cases"]}
    new = {c["id"]: c["times"].get("opkit") for c in after["cases"]}
    rows = []
    for id in sorted(set(old) | set(new)):
        a, b = old.get(id), new.get(id)
        if a is None or b is None:
            only = a or b
            if only is None:
                continue
            verdict = "new" if a is None else "failed" if id in new else "gone"
            rows.append(_row(id, only["median"], only["median"], verdict))
            continue
        verdict = "same"
        if b["p75"] < a["p25"] and b["median"] < 0.95 * a["median"]:
            verdict = "faster"
        if b["p25"] > a["p75"] and b["median"] > 1.05 * a["median"]:
            verdict = "slower"
        rows.append(_row(id, a["median"], b["median"], verdict))
    return rows


def changed(before: dict[str, Any], after: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """What else than the kernels differs between two runs and explains a change: runtime,
    instruction set, versions; by name, before and after."""
    a, b = before["environment"], after["environment"]
    names = ("host", "by", "simd", "threads", "governor", "numpy", "python")
    pairs = {name: (str(a.get(name)), str(b.get(name))) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _row(id: str, before: float, after: float, verdict: str) -> dict[str, Any]:
    return {
        "id": id,
        "before": before,
        "after": after,
        "ratio": after / before,
        "verdict": verdict,
    }
