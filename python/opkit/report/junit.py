"""Verification results as a JUnit file, which CI systems show case by case."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ElementTree

from opkit.model.writer import write_atomic
from opkit.verify.results import ERROR, FAIL, SKIPPED, Report


def junit(report: Report) -> str:
    """The report as JUnit XML: one suite per op and dtypes, one case per check."""
    counts = report.counts
    root = ElementTree.Element(
        "testsuites",
        name="opkit verify",
        tests=str(len(report.results)),
        failures=str(counts[FAIL]),
        errors=str(counts[ERROR]),
        skipped=str(counts[SKIPPED]),
        time=f"{report.seconds:.3f}",
    )
    suites: dict[tuple[str, str], ElementTree.Element] = {}
    for r in report.results:
        key = (r.op, r.types)
        if key not in suites:
            suites[key] = ElementTree.SubElement(root, "testsuite", name=f"{r.op}/{r.types}")
        case = ElementTree.SubElement(
            suites[key],
            "testcase",
            classname=f"{r.op}.{r.types}",
            name=r.case,
            time=f"{r.seconds:.4f}",
        )
        if r.status == SKIPPED:
            ElementTree.SubElement(case, "skipped", message=_clean(r.message))
        elif r.status in (FAIL, ERROR):
            tag = "failure" if r.status == FAIL else "error"
            child = ElementTree.SubElement(case, tag, message=_clean(r.message)[:300])
            child.text = _clean(f"{r.message}\nrepeat: {report.replay(r)}")
    for suite in suites.values():
        suite.set("tests", str(len(suite)))
        for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            suite.set(name, str(sum(1 for c in suite if c.find(tag) is not None)))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _clean(text: str) -> str:
    # XML 1.0 has no form for control characters, which kernels' messages may quote.
    return "".join(c if c >= " " or c in "\n\t" else "?" for c in text)


def write_junit(report: Report, path: str | os.PathLike[str]) -> None:
    """Writes the JUnit file at once, replacing an older one."""
    from pathlib import Path

    write_atomic(Path(path), junit(report).encode(), True)
