"""What a pass did and what it refused to do: the one result type of all passes."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["Change", "Refused", "Report"]


@dataclass(frozen=True)
class Change:
    """Something a pass did. ``node`` numbers the node in the graph as the pass found it; ``before``
    is the op as found there, ``tensors`` the names of the outputs it computes."""

    rewrite: str
    subgraph: int
    node: int
    before: str
    after: str
    tensors: tuple[str, ...]
    detail: str = ""


@dataclass(frozen=True)
class Refused:
    """Something that matched a pass, but that it left alone: why, and what would help."""

    rewrite: str
    subgraph: int
    node: int
    op: str
    tensors: tuple[str, ...]
    reason: str
    next_step: str = ""


@dataclass
class Report:
    """Changes and refusals of one or several passes, in order."""

    changes: list[Change] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)

    def extend(self, other: Report) -> Report:
        """Appends the entries of ``other``; returns self."""
        self.changes += other.changes
        self.refused += other.refused
        return self

    def to_json(self) -> dict[str, Any]:
        """As plain dicts and lists."""
        return {
            "changes": [asdict(change) for change in self.changes],
            "refused": [asdict(refusal) for refusal in self.refused],
        }
