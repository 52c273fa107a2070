"""The wheel under test: built once, rebuilt when a source is newer."""

from __future__ import annotations

import fcntl
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
_SOURCES = ("kernels", "python", "cmake", "CMakeLists.txt", "pyproject.toml")


def _newest_source() -> float:
    newest = 0.0
    for name in _SOURCES:
        top = ROOT / name
        files = [top] if top.is_file() else [p for p in top.rglob("*") if p.is_file()]
        kept = [f for f in files if "__pycache__" not in f.parts]
        newest = max([newest, *(f.stat().st_mtime for f in kept)])
    return newest


def wheel() -> pathlib.Path:
    """File of a wheel made from the sources as they are.

    OPKIT_WHEEL names another one to test, such as a release candidate.

    Raises:
        RuntimeError: The build fails; the text holds its output.
    """
    given = os.environ.get("OPKIT_WHEEL")
    if given:
        return pathlib.Path(given).resolve()
    folder = ROOT / "build" / "wheel"
    folder.mkdir(parents=True, exist_ok=True)
    # The same lock as `make build`: both compile in one build folder.
    with (ROOT / "build" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        newest = _newest_source()
        for path in folder.glob("tflite_opkit-*.whl"):
            if path.stat().st_mtime > newest:
                return path
            path.unlink()
        command = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "-o", str(folder)]
        tools = str(pathlib.Path(sys.executable).parent)
        env = {**os.environ, "PATH": tools + os.pathsep + os.environ["PATH"]}
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=env)
        if done.returncode != 0:
            raise RuntimeError(f"the wheel does not build:\n{done.stdout}\n{done.stderr}"[-8000:])
        (path,) = folder.glob("tflite_opkit-*.whl")
        return path
