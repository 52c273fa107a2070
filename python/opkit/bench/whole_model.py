"""Timing of whole models: ours beside Flex, both running the same file."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from opkit.bench.clock import TARGET
from opkit.bench.flex import FlexWorker, MissingPeer
from opkit.bench.peers import Contestant, flexed, plain
from opkit.bench.results import BenchReport, Row
from opkit.bench.run import begin, enter_times
from opkit.verify.execute import LoadError, RunError, Runner, Session
from opkit.verify.feeding import detail_names
from opkit.verify.samples import feed_of

SHARE = 1e-4
"""Flex is `off` where an output differs by more than this share of its largest value."""


def bench_models(
    models: Sequence[str | os.PathLike[str]],
    samples: Sequence[Any] | None = None,
    *,
    flex: bool = True,
    rounds: int = 15,
    runner: Runner | None = None,
    progress: Callable[[str, int, int], None] | None = None,
    keep: Callable[[BenchReport], None] | None = None,
) -> BenchReport:
    """Times `invoke` of .tflite files on the kit's kernels, beside the Flex delegate.

    Args:
      models: paths; each becomes a row, so that float and int8 models stand side by side.
      samples: what each model is fed, as dict by input name, list in input order, or one array; it
        is resized to them. None: normal numbers, zeros for integers, 1 for an open dimension.
      flex: whether Flex takes part; it can only run models without other custom ops.
      progress, keep: as of `bench_ops`.

    Raises:
      FileNotFoundError: no such file. A model that does not load or run raises nothing: its row
        has parity "error" and the message.
    """
    start = time.perf_counter()
    runner = runner or Runner()
    names = _names([Path(path) for path in models])
    rivals, report = begin(("flex",) if flex else (), runner)
    try:
        for i, path in enumerate(models):
            if progress is not None:
                progress(Path(path).name, i, len(models))
            sample = None if samples is None else samples[i]
            row = _row(Path(path), sample, rivals.flex, runner, rounds)
            row.op = names[i]
            report.rows.append(row)
            report.seconds = time.perf_counter() - start
            if keep is not None:
                keep(report)
    finally:
        rivals.close()
    if progress is not None:
        progress("", len(models), len(models))
    return report


def _names(paths: Sequence[Path]) -> list[str]:
    """What rows are called: the file's name, with its folder where several have that name."""
    stems = [path.stem for path in paths]
    return [
        stem if stems.count(stem) == 1 else str(path.with_suffix(""))
        for path, stem in zip(paths, stems, strict=True)
    ]


def _row(
    path: Path,
    sample: Any,
    worker: FlexWorker | None,
    runner: Runner,
    rounds: int,
) -> Row:
    data = path.read_bytes()
    row = Row(path.stem, "model", "", "error")
    try:
        session = runner.load(data)
        if sample is None:
            feeds = _made_up(session)
        else:
            feeds = list(feed_of(sample, detail_names(session, "inputs")).values())
        row.case = " ".join("x".join(map(str, f.shape)) or "scalar" for f in feeds)
        shapes = [f.shape for f in feeds]
        if shapes != [tuple(d["shape"]) for d in session.inputs]:
            session.resize(shapes)
        got = session.run(feeds)
    except (LoadError, RunError, ValueError) as e:
        row.message = str(e)
        return row
    row.parity = "ok"
    contestants = {"opkit": plain(session.interpreter.invoke)}
    if worker is not None:
        try:
            contestants["flex"] = _flex(worker, data, feeds, got)
        except (RuntimeError, MissingPeer) as e:
            row.refused["flex"] = _why_not_flex(str(e))
    enter_times(row, contestants, rounds)
    return row


def _why_not_flex(error: str) -> str:
    found = re.search(r"unresolved custom op: (\w+)", error)
    if found:
        step = "time the model with Flex ops beside it"
        return f"its {found[1]} is a custom op, which Flex does not run; {step}"
    return " ".join(error.split())[:160]


def _flex(
    worker: FlexWorker, data: bytes, feeds: Sequence[np.ndarray], got: Sequence[np.ndarray]
) -> Contestant:
    handle = worker.load(data, feeds)
    parity = "ok" if _alike(worker.outputs(handle), got) else "off"
    return flexed(worker, handle, worker.calls_for(handle, TARGET), parity)


def _alike(a: Sequence[np.ndarray], b: Sequence[np.ndarray]) -> bool:
    for x, y in zip(a, b, strict=True):
        if x.dtype.kind not in "fc":
            if not np.array_equal(x, y):
                return False
            continue
        if x.shape != y.shape:
            return False
        size = np.abs(y[np.isfinite(y)]).max(initial=0.0)
        if not np.allclose(x, y, rtol=0, atol=SHARE * size, equal_nan=True):
            return False
    return True


def _made_up(session: Session) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    feeds: list[np.ndarray] = []
    for detail in session.inputs:
        shape = [max(1, d) for d in detail["shape_signature"]]
        dtype = np.dtype(detail["dtype"])
        if dtype.kind in "SUO":
            raise ValueError(f"input {detail['name']} holds strings: pass --samples")
        if dtype.kind in "fc":
            feeds.append(rng.standard_normal(shape).astype(dtype))
        else:
            feeds.append(np.zeros(shape, dtype))
    return feeds
