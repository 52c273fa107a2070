"""Parity on 64-bit Arm, on any machine: the kernels cross-compiled, the runtimes' own Arm wheels,
and QEMU to run them.

    make test-aarch64
    python tests/hosts/aarch64.py Erf Softplus --dtype qint8     # arguments of opkit verify

Needs build/aarch64 (`make aarch64`). Debian's arm64 Python and the wheels live in .envs/aarch64 and
are kept. All ops in float32 and int8 take about a quarter of an hour.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HOME = ROOT / ".envs" / "aarch64"
SYSTEM, WHEELS, SITE = HOME / "system", HOME / "wheels", HOME / "site"
BUILD = ROOT / "build" / "aarch64"
SUITE, PYTHON = "bookworm", "3.11"  # Debian's release, and the Python it has
TOOLS = {
    "qemu-aarch64": "qemu-user",
    "aarch64-linux-gnu-g++": "g++-aarch64-linux-gnu",
    "debootstrap": "debootstrap",
    "dpkg": "dpkg",
}
PACKAGES = (
    *("tensorflow==2.21.0", "ai-edge-litert==2.3.0", "scipy", "mpmath"),
    *("flatbuffers", "rich", "typer", "jinja2"),
)
USUAL = ("--dtype", "float32", "--dtype", "qint8", "--no-contract", "--budget", "20000")


def _run(*command: str | pathlib.Path) -> None:
    subprocess.run([str(c) for c in command], check=True)


def _system() -> None:
    """Debian's arm64 Python with its headers, unpacked and not installed: QEMU needs no more."""
    if (SYSTEM / "usr" / "bin" / f"python{PYTHON}").exists():
        return
    shutil.rmtree(SYSTEM, ignore_errors=True)
    wanted = f"python3,libpython{PYTHON}-dev,libstdc++6"
    _run(
        *("debootstrap", "--foreign", "--arch=arm64", "--variant=minbase"),
        *(f"--include={wanted}", SUITE, SYSTEM),
    )
    for package in sorted((SYSTEM / "var" / "cache" / "apt" / "archives").glob("*.deb")):
        _run("dpkg", "-x", package, SYSTEM)


def _wheels() -> None:
    if (SITE / "tensorflow").exists():
        return
    platforms = [f"manylinux_2_{minor}_aarch64" for minor in (17, 27, 28, 34)]
    _run(
        *(sys.executable, "-m", "pip", "download", "-q", "-d", WHEELS, "--only-binary=:all:"),
        *(f"--platform={p}" for p in (*platforms, "manylinux2014_aarch64")),
        *("--python-version", PYTHON, *PACKAGES),
    )
    for wheel in WHEELS.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(SITE)


def _kit() -> None:
    """Our package: this checkout's Python files beside the cross-compiled libraries."""
    import pybind11

    package = SITE / "opkit"
    shutil.rmtree(package, ignore_errors=True)
    (package / "lib").mkdir(parents=True)
    for entry in (ROOT / "python" / "opkit").iterdir():
        if entry.name != "__pycache__":
            (package / entry.name).symlink_to(entry)
    for name in ("libopkit.so", "libopkit_flex.so"):
        shutil.copy(BUILD / name, package / "lib" / name)
    headers = SYSTEM / "usr" / "include"
    _run(
        *("aarch64-linux-gnu-g++", "-std=c++17", "-O2", "-shared", "-fPIC", "-fvisibility=hidden"),
        *(f"-I{ROOT / 'kernels'}", f"-I{ROOT / 'kernels' / 'include'}"),
        *(f"-I{pybind11.get_include()}", f"-I{headers / f'python{PYTHON}'}", f"-I{headers}"),
        *(ROOT / "python" / "bindings" / "module.cc", f"-L{package / 'lib'}", "-lopkit"),
        *("-Wl,-rpath,$ORIGIN/lib", "-o", package / "_native.so"),
    )


def main() -> int:
    """Exit code of `opkit verify`; 2 where a tool or the build is missing."""
    missing = [package for tool, package in TOOLS.items() if shutil.which(tool) is None]
    if missing:
        print(f"needed: apt-get install {' '.join(missing)}", file=sys.stderr)
        return 2
    if not (BUILD / "libopkit.so").exists():
        print(f"there is no {BUILD / 'libopkit.so'}; make aarch64 builds it", file=sys.stderr)
        return 2
    HOME.mkdir(parents=True, exist_ok=True)
    _system()
    _wheels()
    _kit()
    arguments = sys.argv[1:] or list(USUAL)
    python = SYSTEM / "usr" / "bin" / f"python{PYTHON}"
    environment = {
        **os.environ,
        "QEMU_LD_PREFIX": str(SYSTEM),
        "PYTHONPATH": str(SITE),
        "PYTHONHOME": str(SYSTEM / "usr"),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    return subprocess.run(
        ["qemu-aarch64", str(python), "-m", "opkit", "verify", *arguments], env=environment
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
