"""Inline SVG plots for HTML reports, one line a row, on logarithmic axes.

Colours of text, grid and series are CSS classes of the page (`s0` to `s5`), so that one drawing
serves light and dark pages.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from opkit.report.text import number

SERIES = 6
"""Colours the page defines; further series share them."""
_LINE, _WIDTH, _TOP = 18, 520, 22


class _Axis:
    """Positive values to positions, whole decades wide."""

    def __init__(self, values: Sequence[float], left: float):
        self.low = math.floor(math.log10(min(values)))
        self.decades = max(1, math.ceil(math.log10(max(values) * 1.0001)) - self.low)
        self.left = left

    def at(self, value: float) -> float:
        return self.left + _WIDTH * (math.log10(value) - self.low) / self.decades

    def grid(self, bottom: float) -> list[str]:
        parts = []
        step = math.ceil(self.decades / 12)  # room for the numbers
        for k in range(0, self.decades + 1, step):
            x = self.left + _WIDTH * k / self.decades
            label = f"{10.0 ** (self.low + k):g}"
            parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 4}" y2="{bottom}"/>')
            parts.append(f'<text x="{x:.1f}" y="12" text-anchor="middle">{label}</text>')
        return parts


def _svg(parts: list[str], width: float, height: float, title: str) -> str:
    return (
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" '
        f'role="img" aria-label="{escape(title)}">{"".join(parts)}</svg>'
    )


def _drawable(value: float) -> bool:
    return value > 0 and math.isfinite(value)


def _rows_left(names: Sequence[str]) -> float:
    return 12 + 6.6 * max(len(n) for n in names)


def dot_plot(rows: Sequence[tuple[str, Sequence[tuple[str, float]]]], label: str) -> str:
    """A line per row with a dot per series: rows of (name, [(series, value > 0), ...]).

    The first series is drawn as a bar up to its value, so that the eye finds it. Empty without
    anything to draw.
    """
    rows = [(n, [(s, v) for s, v in points if _drawable(v)]) for n, points in rows]
    rows = [(n, points) for n, points in rows if points]
    if not rows:
        return ""
    names = list(dict.fromkeys(s for _, points in rows for s, _ in points))
    left = _rows_left([n for n, _ in rows])
    axis = _Axis([v for _, points in rows for _, v in points], left)
    bottom = _TOP + _LINE * len(rows)
    parts = axis.grid(bottom)
    for i, (name, points) in enumerate(rows):
        y = _TOP + _LINE * i + _LINE / 2
        parts.append(
            f'<text x="{left - 8:.0f}" y="{y + 4}" text-anchor="end">{escape(name)}</text>'
        )
        for series, value in points:
            k = names.index(series)
            title = f"<title>{escape(series)} {number(value)}</title>"
            x = axis.at(value)
            if k == 0:
                parts.append(
                    f'<rect class="s0" x="{left:.1f}" y="{y - 4}" width="{max(1.0, x - left):.1f}" '
                    f'height="8">{title}</rect>'
                )
            else:
                parts.append(
                    f'<circle class="s{k % SERIES}" cx="{x:.1f}" cy="{y}" r="4">{title}</circle>'
                )
    parts.append(_legend(names, label, left, bottom + 18))
    return _svg(parts, left + _WIDTH + 30, bottom + 28, label)


def bound_plot(rows: Sequence[tuple[str, float, float]], label: str) -> str:
    """A bar per row up to what was measured, and a tick at what is allowed: (name, value, bound).

    Rows measured at 0 have no bar.
    """
    rows = [r for r in rows if _drawable(r[2])]
    if not any(_drawable(v) for _, v, _ in rows):
        return ""
    left = _rows_left([n for n, _, _ in rows])
    axis = _Axis([x for _, v, b in rows for x in (v, b) if _drawable(x)], left)
    bottom = _TOP + _LINE * len(rows)
    parts = axis.grid(bottom)
    for i, (name, value, bound) in enumerate(rows):
        y = _TOP + _LINE * i + _LINE / 2
        title = f"<title>{number(value)} of {number(bound)}</title>"
        parts.append(
            f'<text x="{left - 8:.0f}" y="{y + 4}" text-anchor="end">{escape(name)}</text>'
        )
        if _drawable(value):
            width = max(1.0, axis.at(value) - left)
            kind = "s0" if value <= bound else "over"
            parts.append(
                f'<rect class="{kind}" x="{left:.1f}" y="{y - 4}" width="{width:.1f}" height="8">'
                f"{title}</rect>"
            )
        x = axis.at(bound)
        parts.append(
            f'<rect class="bound" x="{x - 1:.1f}" y="{y - 7}" width="2" height="14">{title}</rect>'
        )
    parts.append(_legend(["measured"], f"{label}; the tick is the bound", left, bottom + 18))
    return _svg(parts, left + _WIDTH + 30, bottom + 28, label)


def _legend(names: Sequence[str], label: str, left: float, y: float) -> str:
    spans = "".join(
        f'<tspan class="s{i % SERIES}">{"■" if i == 0 else "●"}</tspan>'
        f"<tspan> {escape(n)}&#160;&#160; </tspan>"
        for i, n in enumerate(names)
    )
    return f'<text x="{left:.0f}" y="{y}">{spans}<tspan>{escape(label)}</tspan></text>'
