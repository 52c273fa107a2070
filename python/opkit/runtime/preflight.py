"""Errors at load that name what the runtime's own message leaves out."""

from __future__ import annotations

import os

from opkit.rewrite import ScannedNode, ScanResult, scan
from opkit.runtime.hosts import Host


class UnsupportedOpError(ValueError):
    """A model needs ops that neither the runtime nor the kit has; the text names each."""


def check_model(source: str | os.PathLike[str] | bytes, host: Host) -> ScanResult:
    """Raises UnsupportedOpError if a custom or Flex node has no kernel that takes it; else returns
    what was found.

    Builtin ops are left to the host, and so are Flex nodes where its own Flex delegate runs them
    (TF up to 2.18).
    """
    found = scan(source)
    problems = [
        node
        for node in found.unserved
        if node.found_as == "custom" or (node.found_as == "flex" and not host.runs_flex)
    ]
    if not problems:
        return found
    lines = "\n".join(f"  {_line(node)}" for node in problems[:20])
    more = f"\n  and {len(problems) - 20} more" if len(problems) > 20 else ""
    raise UnsupportedOpError(
        f"{len(problems)} node(s) of this model have no kernel:\n{lines}{more}\n"
        "`opkit scan MODEL` shows the whole list, `opkit ops` what there is."
    )


def _line(node: ScannedNode) -> str:
    inputs = ", ".join("absent" if t is None else f"{t.name!r} {t}" for t in node.inputs)
    where = f"node {node.node}" + (f" of subgraph {node.subgraph}" if node.subgraph else "")
    step = f"; {node.next_step}" if node.next_step else ""
    return f"{node.op} ({where}; in {inputs}): {node.reason}{step}"
