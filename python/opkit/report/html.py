"""A self-contained HTML page from a verification or benchmark run: tables and inline SVG plots."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import jinja2

from opkit.model.writer import write_atomic
from opkit.report import text
from opkit.report.plots import bound_plot, dot_plot
from opkit.verify.results import SKIPPED

_OPEN = 60
"""Lines of a plot that a page shows at once; a longer one is folded away."""


def _environment() -> jinja2.Environment:
    loader = jinja2.FileSystemLoader(Path(__file__).with_name("templates"))
    env = jinja2.Environment(
        loader=loader,
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters.update(number=text.number, duration=text.duration)
    env.globals.update(measured=text.measured)
    return env


def _verify_page(report: Any) -> tuple[str, dict[str, Any]]:
    groups = report.groups()
    first = text.first_of_each_group(report.failures())
    plotted = [(f"{g.op} {g.types}", g.error, g.bound) for g in groups if g.unit == "ulp"]
    skipped = Counter(r.message for r in report.results if r.status == SKIPPED)
    return "verify.html.j2", {
        "title": "opkit verify",
        "report": report,
        "summary": f"{text.counts(report.counts)} in {report.seconds:.1f} s",
        "groups": groups,
        "first": first,
        "rest": [r for r in report.failures() if r not in first],
        "skipped": skipped.most_common(),
        "plot": bound_plot(plotted, "worst error in ulp"),
        "plotted": len(plotted),
    }


def _bench_page(report: Any) -> tuple[str, dict[str, Any]]:
    # Ours first: the plot draws its first series as bars.
    plotted = [
        (r.id, [(p, r.times[p].median * 1e6) for p in report.peers if p in r.times])
        for r in report.rows
        if "opkit" in r.times
    ]
    return "bench.html.j2", {
        "title": "opkit bench",
        "summary": f"{len(report.rows)} cases in {report.seconds:.0f} s",
        "rows": report.rows,
        "peers": [p for p in report.peers if p != "opkit"],
        "absent": report.absent,
        "not_timed": text.not_timed(report),
        "plot": dot_plot(plotted, "microseconds per call"),
        "plotted": len(plotted),
    }


def _model_page(report: Any) -> tuple[str, dict[str, Any]]:
    plotted = [
        (f"{k.node} {k.op} {k.types}", k.error, k.bound) for k in report.kernels if k.unit == "ulp"
    ]
    return "model.html.j2", {
        "title": "opkit verify: model",
        "summary": report.summary(),
        "outputs": report.outputs,
        "kernels": report.kernels,
        "first_divergence": report.first_divergence,
        "plot": bound_plot(plotted, "worst error of a kernel in ulp"),
        "plotted": len(plotted),
    }


def html(report: Any) -> str:
    """The page of a verify Report, a ModelReport or a BenchReport."""
    if hasattr(report, "rows"):
        template, page = _bench_page(report)
    elif hasattr(report, "outputs"):
        template, page = _model_page(report)
    else:
        template, page = _verify_page(report)
    page.update(ok=report.ok, environment=report.environment, open_plot=page["plotted"] <= _OPEN)
    return _environment().get_template(template).render(**page)


def write_html(report: Any, path: str | os.PathLike[str]) -> None:
    """Writes the page at once, replacing an older one."""
    write_atomic(Path(path), html(report).encode(), True)
