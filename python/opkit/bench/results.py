"""What a benchmark run measured."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

SCHEMA = 1


@dataclass(frozen=True)
class Timing:
    """Seconds of CPU time per call: median and quartiles over interleaved rounds."""

    median: float
    p25: float
    p75: float
    rounds: int
    calls: int
    parity: str = "ok"


@dataclass
class Row:
    """One bench case of one op for one combination of dtypes.

    times: by peer; "opkit" is ours through the interpreter. A peer without an entry was not timed:
      `refused` says why (wrong result, or it cannot run the case).
    parity: "ok", or "fail": then ours is not timed.
    elements: of the largest input or output. bytes: of all inputs and outputs.
    copy_share: time of copying as many bytes (this run, this machine) over our time.
    """

    op: str
    types: str
    case: str
    parity: str
    elements: int = 0
    bytes: int = 0
    error: float = 0.0
    bound: float = 0.0
    unit: str = ""
    times: dict[str, Timing] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    copy_share: float | None = None
    message: str = ""

    @property
    def id(self) -> str:
        """`Erf/float32/n1000`."""
        return f"{self.op}/{self.types}/{self.case}"

    def ratio(self, peer: str) -> float | None:
        """The peer's median over ours; above 1 we are faster."""
        if "opkit" not in self.times or peer not in self.times:
            return None
        return self.times[peer].median / self.times["opkit"].median


@dataclass
class BenchReport:
    """A benchmark run. `absent` says why whole peers, or ops that were asked for, are missing."""

    rows: list[Row] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def peers(self) -> list[str]:
        """Names of all that were timed, "opkit" first."""
        names = {p for r in self.rows for p in r.times}
        return sorted(names, key=lambda p: (p != "opkit", p))

    @property
    def ok(self) -> bool:
        """Whether every case was right, and so was timed."""
        return bool(self.rows) and all(r.parity == "ok" for r in self.rows)

    def to_json(self) -> dict[str, Any]:
        """A plain object for `json.dumps`."""
        rows = []
        for r in self.rows:
            row = asdict(r)
            row["id"] = r.id
            row["ratios"] = {p: r.ratio(p) for p in r.times if p != "opkit"}
            rows.append(row)
        return {
            "schema": SCHEMA,
            "kind": "bench",
            "ok": self.ok,
            "environment": self.environment,
            "absent": self.absent,
            "seconds": round(self.seconds, 1),
            "cases": rows,
        }
