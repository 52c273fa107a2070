"""Ending the child processes of a bench run."""

from __future__ import annotations

import subprocess


def end(process: subprocess.Popen[str] | None) -> None:
    """Closes the child's input, which ends it; kills one that stays."""
    if process is None or process.poll() is not None:
        return
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
