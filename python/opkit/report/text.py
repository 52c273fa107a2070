"""Short texts of measured values, for tables and pages alike."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from opkit.verify.results import CaseResult


def number(x: float) -> str:
    """Short text of a measured value: 0, 0.52, 3.1, 211, 1.2e+06, inf."""
    if x == 0:
        return "0"
    if not math.isfinite(x):
        return str(x)
    if abs(x) >= 1e5 or abs(x) < 1e-3:
        return f"{x:.2g}"
    return f"{x:.3g}"


def duration(seconds: float) -> str:
    """0.0000019 -> "1.9 us"."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def counts(found: dict[str, int]) -> str:
    """ "40 ok, 2 skipped"; zero counts are left out."""
    return ", ".join(f"{n} {status}" for status, n in found.items() if n) or "nothing ran"


def measured(error: float, bound: float, unit: str) -> str:
    """ "0.52 of 2 ulp", "exact", "3 differ", "-" where nothing is measured."""
    if not unit:
        return "-"
    if unit == "differing":
        return "exact" if error == 0 else f"{number(error)} differ"
    return f"{number(error)} of {number(bound)} {unit}"


def not_timed(report: Any) -> dict[str, list[str]]:
    """Why peers of a BenchReport have no time: reason -> ids of the cases."""
    found: dict[str, list[str]] = {}
    for row in report.rows:
        for peer, why in row.refused.items():
            found.setdefault(f"{row.op} {peer}: {why}", []).append(row.id)
    return found


def first_of_each_group(results: list[CaseResult], most: int = 3) -> list[CaseResult]:
    """The first few results of each op and dtypes: one mistake fails many cases of a group with
    the same words, and would hide what the contract says of it."""
    seen: Counter[tuple[str, str]] = Counter()
    kept = []
    for r in results:
        seen[r.op, r.types] += 1
        if seen[r.op, r.types] <= most:
            kept.append(r)
    return kept
