"""What `opkit ops` shows: every op in a row, or one op's card, as plain objects."""

from __future__ import annotations

from typing import Any

from opkit.registry import Declaration
from opkit.report.docs import attribute_texts, bound_text, dtypes_text, signature_text
from opkit.spec import Spec


def ops_rows(pattern: str = "") -> list[dict[str, Any]]:
    """One object per op whose name or family contains `pattern` (any case)."""
    from opkit import ops, registry
    from opkit.spec import specs

    declared, written = registry.declarations(), specs()
    rows = []
    for name, d in declared.items():
        family = ops.family_of(name)
        if pattern and pattern.lower() not in name.lower() and pattern.lower() != family:
            continue
        spec = written.get(name)
        rows.append(
            {
                "name": name,
                "version": d.version,
                "family": family,
                "dtypes": list(d.dtypes),
                "dtypes_text": dtypes_text(d.dtypes),
                "bound": bound_text(spec, d) if spec else "no spec",
                "doc": " ".join(spec.doc.split()) if spec else "",
            }
        )
    return rows


def op_card(name: str) -> dict[str, Any]:
    """Everything known about one op.

    Raises:
      KeyError: there is no kernel of that name; the message names near misses.
    """
    import difflib

    from opkit import ops, registry
    from opkit.spec import specs

    declared = registry.declarations()
    bare = name.removeprefix("Flex")
    if bare not in declared:
        lower = {n.lower(): n for n in declared}
        near = difflib.get_close_matches(bare.lower(), lower, n=3)
        hint = (
            f"did you mean {', '.join(lower[n] for n in near)}?"
            if near
            else "`opkit ops` lists all"
        )
        raise KeyError(f"no kernel for {name!r}; {hint}")
    d = declared[bare]
    return _card(d, specs().get(bare), ops.family_of(bare))


def _card(d: Declaration, spec: Spec | None, family: str) -> dict[str, Any]:
    card: dict[str, Any] = {
        "name": d.name,
        "version": d.version,
        "family": family,
        "signature": signature_text(d),
        "types": {k: list(v) for k, v in d.types.items()},
        "attributes": attribute_texts(d),
        "data_dependent": d.data_dependent,
        "stateful": d.stateful,
        "doc": " ".join(spec.doc.split()) if spec else "",
        "bounds": {},
    }
    if spec is None:
        return card
    names = [a.name for a in d.outputs]
    for dtype in d.dtypes or ("fixed",):
        bounds = {n: str(spec.tolerance_for(dtype, n)) for n in names}
        same = len(set(bounds.values())) == 1
        text = (
            next(iter(bounds.values()))
            if same
            else ", ".join(f"{k}: {v}" for k, v in bounds.items())
        )
        card["bounds"][dtype] = text
    card["domain"] = "; ".join(f"[{x.low:g}, {x.high:g}]" for x in spec.domain)
    card["reference"] = spec.reference_name()
    truth = spec.truth
    card["truth"] = (
        truth if isinstance(truth, str) else getattr(truth, "__name__", "") if truth else ""
    )
    card["source"] = spec.source
    card["known"] = "; ".join(k.why for k in spec.known)
    return card
