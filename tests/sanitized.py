"""Runs pytest on the sanitizer build of the kernels (`make sanitize`).

    python tests/sanitized.py build/asan tests/test_parity.py --budget 100

The sanitizer runtimes have to be loaded before Python, so the process starts itself again with
them preloaded. An access outside a buffer, undefined behaviour or a use after free ends it.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def _runtimes() -> str:
    compiler = os.environ.get("CXX", "c++")
    names = ("libasan.so", "libubsan.so", "libstdc++.so")
    found = [
        subprocess.run(
            [compiler, f"-print-file-name={name}"], capture_output=True, text=True, check=True
        ).stdout.strip()
        for name in names
    ]
    missing = [n for n, path in zip(names, found, strict=True) if not os.path.isabs(path)]
    if missing:
        sys.exit(f"{compiler} has no {', '.join(missing)}; install gcc's sanitizer libraries")
    return " ".join(found)


def _site(build: pathlib.Path) -> pathlib.Path:
    """The build's libraries beside this checkout's Python files."""
    site = build / "site"
    subprocess.run(
        ["cmake", "--install", str(build), "--prefix", str(site)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    for entry in (ROOT / "python" / "opkit").iterdir():
        link = site / "opkit" / entry.name
        if entry.name != "__pycache__" and not link.exists():
            link.symlink_to(entry)
    return site


def main() -> int:
    """Exit code of pytest, or of the sanitizer that ended it."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    if "OPKIT_SANITIZED_SITE" not in os.environ:
        site = _site(pathlib.Path(sys.argv[1]).resolve())
        environment = {
            **os.environ,
            "OPKIT_SANITIZED_SITE": str(site),
            "LD_PRELOAD": _runtimes(),
            # Python and TensorFlow keep memory to the end, and mix allocators.
            "ASAN_OPTIONS": "detect_leaks=0:alloc_dealloc_mismatch=0:detect_odr_violation=0",
            "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
        }
        return subprocess.run([sys.executable, *sys.argv], env=environment, check=False).returncode
    # The editable install would answer `import opkit` first.
    sys.meta_path[:] = [f for f in sys.meta_path if "ScikitBuild" not in type(f).__name__]
    sys.path.insert(0, os.environ["OPKIT_SANITIZED_SITE"])
    import pytest

    import opkit._native

    where = opkit._native.library_path()
    if not where.startswith(os.environ["OPKIT_SANITIZED_SITE"]):
        sys.exit(f"the kernels come from {where}, not from the sanitizer build")
    return int(pytest.main(sys.argv[2:]))


if __name__ == "__main__":
    sys.exit(main())
