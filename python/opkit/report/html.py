"""A self-contained HTML page from a verification or benchmark run: tables and inline SVG plots."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import jinja2

from opkit.model.writer import write_atomic
from opkit.report.tables import counts_text, duration, number

_COLOURS = ("#2f6f9f", "#c8553d", "#6a994e", "#8d6a9f", "#bc8f00", "#5c677d")


def bar_plot(rows: list[tuple[str, list[tuple[str, float]]]], label: str) -> str:
    """Horizontal bars on a logarithmic axis as SVG: rows of (name, [(series, value > 0), ...])."""
    values = [v for _, bars in rows for _, v in bars if v > 0 and math.isfinite(v)]
    if not values:
        return ""
    low = 10 ** math.floor(math.log10(min(values)))
    high = 10 ** math.ceil(math.log10(max(values) * 1.0001))
    names = list(dict.fromkeys(s for _, bars in rows for s, _ in bars))
    left, width, bar, gap = 230, 560, 9, 8
    span = math.log10(high / low)
    parts: list[str] = []
    y = 24
    for name, bars in rows:
        middle = y + len(bars) * bar / 2 + 4
        parts.append(
            f'<text x="{left - 8}" y="{middle:.0f}" text-anchor="end">{_escape(name)}</text>'
        )
        for series, value in bars:
            if value > 0 and math.isfinite(value):
                w = max(1.0, width * math.log10(value / low) / span)
                colour = _COLOURS[names.index(series) % len(_COLOURS)]
                title = f"{_escape(series)} {number(value)}"
                parts.append(
                    f'<rect x="{left}" y="{y}" width="{w:.1f}" height="{bar - 1}" '
                    f'fill="{colour}"><title>{title}</title></rect>'
                )
            y += bar
        y += gap
    for k in range(round(span) + 1):
        x = left + width * k / span
        parts.append(f'<line x1="{x:.0f}" x2="{x:.0f}" y1="18" y2="{y}" class="grid"/>')
        parts.append(f'<text x="{x:.0f}" y="12" text-anchor="middle">{low * 10**k:g}</text>')
    legend = "".join(
        f'<tspan fill="{_COLOURS[i % len(_COLOURS)]}">■ {_escape(n)}  </tspan>'
        for i, n in enumerate(names)
    )
    parts.append(f'<text x="{left}" y="{y + 14}">{legend} {_escape(label)}</text>')
    size = f'width="{left + width + 40}" height="{y + 24}"'
    return f'<svg {size} xmlns="http://www.w3.org/2000/svg" role="img">{"".join(parts)}</svg>'


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


def _environment() -> jinja2.Environment:
    loader = jinja2.FileSystemLoader(Path(__file__).with_name("templates"))
    env = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    env.filters.update(number=number, duration=duration)
    return env


def _verify_page(report: Any) -> dict[str, Any]:
    groups = report.groups()
    plotted = [
        (f"{g.op} {g.types}", [("worst", g.error), ("bound", g.bound)])
        for g in groups
        if g.unit == "ulp" and g.error > 0
    ]
    return {
        "title": "opkit verify",
        "summary": f"{counts_text(report.counts)} in {report.seconds:.1f} s",
        "ok": report.ok,
        "environment": report.environment,
        "groups": groups,
        "failures": report.failures(),
        "plot": bar_plot(plotted, "ulp"),
        "rows": [],
        "peers": [],
        "outputs": [],
    }


def _bench_page(report: Any) -> dict[str, Any]:
    rows = [
        (r.id, [(p, t.median * 1e6) for p, t in r.times.items()]) for r in report.rows if r.times
    ]
    return {
        "title": "opkit bench",
        "summary": f"{len(report.rows)} cases in {report.seconds:.0f} s",
        "ok": report.ok,
        "environment": report.environment,
        "groups": [],
        "failures": [],
        "plot": bar_plot(rows, "microseconds per call"),
        "rows": report.rows,
        "peers": [p for p in report.peers if p != "opkit"],
        "outputs": [],
    }


def _model_page(report: Any) -> dict[str, Any]:
    return {
        "title": "opkit verify: model",
        "summary": report.summary(),
        "ok": report.ok,
        "environment": report.environment,
        "groups": [],
        "failures": [],
        "plot": "",
        "rows": [],
        "peers": [],
        "outputs": report.outputs,
    }


def html(report: Any) -> str:
    """The page of a verify Report, a ModelReport or a BenchReport."""
    if hasattr(report, "rows"):
        page = _bench_page(report)
    elif hasattr(report, "outputs"):
        page = _model_page(report)
    else:
        page = _verify_page(report)
    return _environment().get_template("report.html.j2").render(**page)


def write_html(report: Any, path: str | os.PathLike[str]) -> None:
    """Writes the page at once, replacing an older one."""
    write_atomic(Path(path), html(report).encode(), True)
