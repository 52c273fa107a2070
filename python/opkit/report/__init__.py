"""Tables, documents and files made from result objects; nothing here measures anything."""

from __future__ import annotations

from opkit.report.docs import check_docs, ops_markdown, write_docs
from opkit.report.doctor import Diagnosis, diagnose
from opkit.report.html import write_html
from opkit.report.junit import write_junit

__all__ = [
    "Diagnosis",
    "check_docs",
    "diagnose",
    "ops_markdown",
    "write_docs",
    "write_html",
    "write_junit",
]
