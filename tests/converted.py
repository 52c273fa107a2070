"""What tests of conversion share: how results are looked at."""

from __future__ import annotations

from typing import Any

from opkit.model import Model


def ops_of(model: Model) -> list[str]:
    """Custom codes or builtin names of all nodes."""
    return [node.custom_code or node.builtin for _, _, node in model.nodes()]


def check_close(result: Any, bound: float) -> None:
    """Every output of a conversion is within `bound` of the source's largest value."""
    comparison = result.comparison
    assert not comparison.skipped, comparison.skipped
    for row in comparison.rows:
        assert row.mismatched == 0, row
        assert row.max_abs <= bound * max(row.scale, 1e-30), row
