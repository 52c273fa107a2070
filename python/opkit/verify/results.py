"""What verification found; tables, JSON, JUnit and HTML are made from these objects."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

SCHEMA = 1

OK, FAIL, ERROR, SKIPPED = "ok", "fail", "error", "skipped"
STATUSES = (OK, FAIL, ERROR, SKIPPED)


@dataclass
class CaseResult:
    """One case of one op for one combination of dtypes, or one contract check.

    status: "ok"; "fail": ran, and the result is wrong; "error": it did not run; "skipped": it was
      not checked, `message` says why. A skip is never a pass.
    error, bound, unit: worst measured error beside what is allowed.
    missing: skipped for want of a reference that is not installed.
    """

    op: str
    types: str
    case: str
    status: str
    error: float = 0.0
    bound: float = 0.0
    unit: str = ""
    output: str = ""
    message: str = ""
    reference: str = ""
    reference_error: float | None = None
    elements: int = 0
    failing: int = 0
    disputed: int = 0
    seconds: float = 0.0
    missing: bool = False

    @property
    def id(self) -> str:
        """`Erf/float32/walk`."""
        return f"{self.op}/{self.types}/{self.case}"

    @property
    def replay(self) -> str:
        """The command that repeats this case alone."""
        return f"opkit verify {self.op} --case {self.types}/{self.case}"


@dataclass
class Group:
    """All cases of one op and one combination of dtypes, for a table row."""

    op: str
    types: str
    counts: dict[str, int]
    error: float
    bound: float
    unit: str
    worst: CaseResult | None
    reference_error: float | None
    elements: int
    slack: bool

    @property
    def status(self) -> str:
        """The worst status of the group: error, fail, skipped (when nothing ran), ok."""
        if self.counts.get(ERROR):
            return ERROR
        if self.counts.get(FAIL):
            return FAIL
        return OK if self.counts.get(OK) else SKIPPED


@dataclass
class Report:
    """Results of a verification run.

    kind: "parity", "contract", or "model".
    options: of the command line that made it, which the command that repeats a case needs too.
    """

    kind: str
    results: list[CaseResult] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    options: str = ""

    @property
    def counts(self) -> dict[str, int]:
        """Number of results by status."""
        found = Counter(r.status for r in self.results)
        return {status: found.get(status, 0) for status in STATUSES}

    @property
    def ok(self) -> bool:
        """Whether something was checked and nothing failed."""
        counts = self.counts
        return counts[FAIL] == 0 and counts[ERROR] == 0 and counts[OK] > 0

    def replay(self, result: CaseResult) -> str:
        """The command that repeats a result, with the options of this run."""
        return f"{result.replay} {self.options}".rstrip()

    def failures(self) -> list[CaseResult]:
        """Results that failed or did not run."""
        return [r for r in self.results if r.status in (FAIL, ERROR)]

    def missing_reference(self) -> str:
        """Why results lack a reference that is not installed; "" when none does."""
        return next((r.message for r in self.results if r.missing), "")

    def groups(self) -> list[Group]:
        """Results joined by op and dtypes, in the order they ran."""
        table: dict[tuple[str, str], list[CaseResult]] = {}
        for r in self.results:
            table.setdefault((r.op, r.types), []).append(r)
        return [_group(op, types, rows) for (op, types), rows in table.items()]

    def extend(self, results: Iterable[CaseResult]) -> None:
        """Adds results."""
        self.results.extend(results)

    def to_json(self) -> dict[str, Any]:
        """A plain object for `json.dumps`; infinities become strings ("inf")."""
        rows = []
        for r in self.results:
            row = {k: _plain(v) for k, v in dataclasses.asdict(r).items()}
            if r.status in (FAIL, ERROR):
                row["replay"] = self.replay(r)
            rows.append(row)
        return {
            "schema": SCHEMA,
            "kind": f"verify-{self.kind}",
            "ok": self.ok,
            "counts": self.counts,
            "environment": self.environment,
            "seconds": round(self.seconds, 3),
            "results": rows,
        }


def _group(op: str, types: str, rows: list[CaseResult]) -> Group:
    def weight(r: CaseResult) -> tuple[bool, float]:
        return (r.status in (FAIL, ERROR), r.error)

    worst = max(rows, key=weight)
    bounds = [r.bound for r in rows if r.unit == worst.unit and r.status != SKIPPED]
    bound = max(bounds, default=0.0)
    own = [
        r.reference_error for r in rows if r.unit == worst.unit and r.reference_error is not None
    ]
    measured = [r for r in rows if r.status == OK]
    slack = (
        worst.unit == "ulp"
        and bool(measured)
        and worst.status == OK
        and bound >= 2
        and sum(r.elements for r in measured) >= 10_000
        and bound > 4 * max(worst.error, 0.5)
    )
    return Group(
        op,
        types,
        dict(Counter(r.status for r in rows)),
        worst.error,
        bound,
        worst.unit,
        worst,
        max(own, default=None) if own else None,
        sum(r.elements for r in rows),
        slack,
    )


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, (int, float, str, bool)) or value is None:
        return value
    return str(value)
