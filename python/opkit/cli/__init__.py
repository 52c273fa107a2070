"""The command `opkit`. Argument parsing and printing only: every verb is one library call."""

from opkit.cli.app import app, main

__all__ = ["app", "main"]
