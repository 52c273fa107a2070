"""The wheel under test: built once, rebuilt when a source is newer."""

from __future__ import annotations

import atexit
import fcntl
import functools
import os
import pathlib
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv

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


@functools.cache
def environment() -> pathlib.Path:
    """Python of the tests' shared environment with the wheel in it; some install more there."""
    return new_environment()


def new_environment() -> pathlib.Path:
    """Python of a clean environment with the wheel in it.

    TensorFlow, LiteRT, NumPy and the build tools are seen through a path file, so that nothing is
    downloaded; opkit itself can only come from the wheel, whose folder is first.
    """
    folder = pathlib.Path(tempfile.mkdtemp(prefix="opkit-wheel-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    pip_install(python, wheel())
    (own,) = (folder / "lib").glob("python*/site-packages")
    (own / "heavy.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def pip_install(python: pathlib.Path, *what: object) -> None:
    """pip install --no-deps --no-build-isolation into another environment. Raises RuntimeError."""
    command = [sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps"]
    run(*command, "--no-build-isolation", *what)


def run(*command: object, cwd: pathlib.Path | None = None) -> str:
    """Output of a command that must succeed, with this environment's tools on PATH."""
    tools = str(pathlib.Path(sys.executable).parent)
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    env |= {"PATH": tools + os.pathsep + os.environ["PATH"], "TF_CPP_MIN_LOG_LEVEL": "3"}
    words = [str(c) for c in command]
    done = subprocess.run(words, capture_output=True, text=True, cwd=cwd, env=env)
    if done.returncode != 0:
        shown = " ".join(words)
        raise RuntimeError(f"{shown}: {done.stdout[-6000:]}\n{done.stderr[-6000:]}")
    return done.stdout
