"""Rich tables for the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from rich import box
from rich.console import Group as Lines
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from opkit.report.doctor import Diagnosis
from opkit.report.text import counts, duration, first_of_each_group, measured, not_timed, number
from opkit.verify.results import ERROR, FAIL, OK, SKIPPED, Group, Report

_STYLES = {OK: "green", FAIL: "bold red", ERROR: "bold red", SKIPPED: "yellow", "warn": "yellow"}


def _table(*columns: str, right: tuple[str, ...] = (), title: str | None = None) -> Table:
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False)
    for c in columns:
        table.add_column(
            escape(c),
            justify="right" if c in right else "left",
            overflow="fold",
            no_wrap=c in right or c in ("case", "op"),
        )
    return table


def _status(status: str) -> Text:
    return Text(status, style=_STYLES.get(status, ""))


def _measured(group: Group) -> str:
    unit = "" if group.types == "contract" else group.unit
    return measured(group.error, group.bound, unit)


def verify_view(report: Report, detail: int = 20) -> RenderableType:
    """Worst measured error beside the bound per op and dtypes, then failures with their replay."""
    table = _table("op", "dtypes", "cases", "worst", "reference's own", "", right=("cases",))
    for g in report.groups():
        own = "-" if g.reference_error is None else f"{number(g.reference_error)} {g.unit}"
        status = _status(g.status)
        if g.slack:
            status.append(" slack bound", style="yellow")
        table.add_row(g.op, g.types, str(sum(g.counts.values())), _measured(g), own, status)
    lines: list[RenderableType] = [table]
    bad = report.failures()
    shown = first_of_each_group(bad)[:detail]
    for r in shown:
        lines.append(Text(f"{r.id}: {r.status}", style="bold red"))
        lines.append(Text(f"  {r.message}"))
        if r.reference:
            lines.append(Text(f"  reference: {r.reference}", style="dim"))
        lines.append(Text(f"  repeat: {report.replay(r)}"))
    if len(bad) > len(shown):
        lines.append(Text(f"and {len(bad) - len(shown)} more; --json has all", style="bold red"))
    skipped = [r for r in report.results if r.status == SKIPPED]
    for reason, n in Counter(r.message for r in skipped).most_common(8):
        lines.append(Text(f"skipped {n}: {reason}", style="yellow"))
    total = Text(f"{counts(report.counts)} in {report.seconds:.1f} s", style="bold")
    lines.append(total)
    return Lines(*lines)


def ops_view(rows: list[dict[str, Any]]) -> RenderableType:
    """All ops: name, version, family, dtypes, bound, doc."""
    table = _table("op", "v", "family", "dtypes", "bound", "what it does", right=("v",))
    for r in rows:
        table.add_row(
            r["name"],
            str(r["version"]),
            r["family"],
            r["dtypes_text"],
            r["bound"],
            escape(r["doc"]),
        )
    return Lines(table, Text(f"{len(rows)} ops", style="bold"))


def card_view(card: dict[str, Any]) -> RenderableType:
    """One op: signature, dtypes, attributes, bounds, domain, reference, source."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    table.add_row("op", f"{card['name']} (version {card['version']}, {card['family']})")
    for label in ("doc", "signature"):
        table.add_row(label, escape(card[label] or "-"))
    for name, dtypes in card["types"].items():
        table.add_row(f"  {name}", escape(", ".join(dtypes)))
    for a in card["attributes"]:
        table.add_row("attribute", escape(a))
    for dtype, bound in card["bounds"].items():
        table.add_row(f"bound {dtype}", escape(bound))
    for label in ("domain", "reference", "truth", "source", "known"):
        if card.get(label):
            table.add_row(label, escape(card[label]))
    flags = [f for f in ("data_dependent", "stateful") if card[f]]
    if flags:
        table.add_row("notes", ", ".join(f.replace("_", " ") for f in flags))
    return table


def doctor_view(diagnosis: Diagnosis) -> RenderableType:
    """One line per finding, with the next step where there is one."""
    table = _table("", "what", "found", "next step")
    for f in diagnosis.findings:
        table.add_row(_status(f.status), f.name, escape(f.found), escape(f.next_step))
    return table


def scan_view(path: str, result: Any) -> RenderableType:
    """Nodes that the stock runtime cannot run, and what the kit does about each."""
    table = _table("node", "op", "found as", "inputs", "opkit", right=("node",))
    for n in result.nodes:
        where = f"{n.subgraph}:{n.node}" if n.subgraph else str(n.node)
        inputs = " ".join("-" if t is None else str(t) for t in n.inputs)
        if n.served:
            verdict = Text(f"ready (v{n.kernel_version})", style="green")
        else:
            verdict = Text(f"refused: {n.reason}", style="red")
            if n.next_step:
                verdict.append(f"\n{n.next_step}", style="dim")
        table.add_row(where, n.op, n.found_as, escape(inputs), verdict)
    count = len(result.nodes)
    total = f"{path}: {result.node_count} nodes, {count} beyond the stock runtime, "
    total += f"{len(result.served)} served"
    return Lines(*([table] if count else []), Text(total, style="bold"))


def convert_view(result: Any) -> RenderableType:
    """Steps of a conversion, what passes did and refused, sizes."""
    table = _table("step", "seconds", "result", right=("seconds",))
    for step in result.steps:
        table.add_row(step.name, f"{step.seconds:.2f}", escape(step.detail))
    lines: list[RenderableType] = [table]
    report = result.report.to_json()
    refused = Counter((r["op"], r["reason"]) for r in report.get("refused", []))
    for (op, reason), n in refused.items():
        lines.append(Text(f"refused {n} {op}: {reason}", style="yellow"))
    lines += [Text(f"note: {note}") for note in result.notes]
    if result.sizes:
        sizes = ", ".join(f"{k} {v / 1000:.1f} kB" for k, v in result.sizes.items())
        lines.append(Text(f"sizes: {sizes}"))
    if result.kernels:
        kernels = ", ".join(f"{k} v{v}" for k, v in result.kernels.items())
        lines.append(Text(f"kernels: {kernels}"))
    if result.comparison is not None:
        view = getattr(result.comparison, "view", None)
        lines.append(view() if callable(view) else Text(str(result.comparison)))
    if result.path is not None:
        lines.append(Text(f"wrote {result.path}", style="bold green"))
    return Lines(*lines)


def model_view(report: Any) -> RenderableType:
    """Per-output errors of a whole model, then the first op that diverges."""
    table = _table(
        "output",
        "dtype",
        "shape",
        "max error",
        "relative",
        "rms",
        "allowed",
        "",
        right=("max error", "relative", "rms", "allowed"),
    )
    for o in report.outputs:
        table.add_row(
            escape(o.name),
            o.dtype,
            str(list(o.shape)),
            number(o.max_error),
            number(o.relative),
            number(o.rms),
            number(o.allowed),
            _status(OK if o.ok else FAIL),
        )
    lines: list[RenderableType] = [table]
    if report.kernels:
        kernels = _table("node", "op", "dtypes", "worst", "", right=("node",))
        for k in report.kernels:
            worst = measured(k.error, k.bound, k.unit)
            kernels.add_row(str(k.node), k.op, k.types, worst, _status(k.status))
        lines.append(kernels)
    if report.first_divergence:
        lines.append(Text(report.first_divergence, style="bold red" if not report.ok else ""))
    lines.append(Text(report.summary(), style="bold"))
    return Lines(*lines)


def bench_view(report: Any) -> RenderableType:
    """Time per call of ours and every peer, with quartiles, ratios, parity and share of copy."""
    peers = [p for p in report.peers if p != "opkit"]
    table = _table(
        "case",
        "opkit",
        "[p25, p75]",
        "ns/el",
        "of copy",
        *peers,
        "parity",
        right=("opkit", "[p25, p75]", "ns/el", "of copy", *peers),
    )
    for row in report.rows:
        ours = row.times.get("opkit")
        cells = [row.id]
        if ours is None:
            cells += ["-", "", "", ""]
        else:
            cells += [duration(ours.median), f"[{duration(ours.p25)}, {duration(ours.p75)}]"]
            cells.append("-" if row.elements == 0 else number(ours.median * 1e9 / row.elements))
            cells.append("-" if row.copy_share is None else f"{row.copy_share:.0%}")
        for p in peers:
            t = row.times.get(p)
            if t is None:
                cells.append("-")
            elif ours is None:
                cells.append(duration(t.median))
            else:
                off = " off" if t.parity != "ok" else ""
                cells.append(f"{duration(t.median)} {t.median / ours.median:.2f}x{off}")
        table.add_row(*[escape(c) for c in cells], _status(row.parity))
    lines: list[RenderableType] = [table]
    lines += [
        Text(f"{row.id}: {row.message}", style="yellow") for row in report.rows if row.message
    ]
    for why, ids in not_timed(report).items():
        cases = f"{len(ids)} {'case' if len(ids) == 1 else 'cases'}"
        lines.append(Text(f"not timed in {cases}: {why}", style="dim"))
    lines += [Text(f"{peer}: {why}", style="yellow") for peer, why in report.absent.items()]
    env = report.environment
    lines.append(Text(", ".join(f"{k} {v}" for k, v in env.items()), style="dim"))
    return Lines(*lines)


def diff_view(
    rows: list[dict[str, Any]], changed: Mapping[str, tuple[str, str]] = MappingProxyType({})
) -> RenderableType:
    """Two benchmark runs side by side; a change is called only when the quartiles part. `changed`:
    what else differs between the runs."""
    table = _table("case", "before", "after", "ratio", "", right=("before", "after", "ratio"))
    styles = {"faster": "green", "slower": "bold red", "failed": "bold red"}
    for r in rows:
        table.add_row(
            r["id"],
            duration(r["before"]),
            duration(r["after"]),
            f"{r['ratio']:.2f}",
            Text(r["verdict"], style=styles.get(r["verdict"], "")),
        )
    notes = [
        Text(f"{name}: {before} before, {after} after", style="yellow")
        for name, (before, after) in changed.items()
    ]
    return Lines(table, *notes)
