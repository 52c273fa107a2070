"""The Flex delegate as a peer: TensorFlow 2.17 or 2.18 in an environment of its own.

Newer packages carry no Flex delegate, so a worker process of that environment runs the same
one-op models as Flex nodes and times them itself. Parent and worker speak JSON lines over pipes;
arrays travel in .npy files of a temporary folder.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from opkit.bench.child import end

ENVIRONMENTS = ("tf-2.18.1", "tf-2.17.1")


class MissingPeer(RuntimeError):
    """A peer that was asked for is not installed; the text says how to get it."""


def find_flex_python() -> Path | None:
    """The python of an environment with TensorFlow 2.17 or 2.18.

    OPKIT_FLEX_PYTHON names one; otherwise .envs/tf-2.18.1 in the working folder, or above it.
    """
    named = os.environ.get("OPKIT_FLEX_PYTHON")
    if named:
        return Path(named) if Path(named).exists() else None
    here = Path.cwd()
    for folder in (here, *here.parents):
        for name in ENVIRONMENTS:
            for python in ("bin/python", "Scripts/python.exe"):
                found = folder / ".envs" / name / python
                if found.exists():
                    return found
    return None


def _packed(value: np.ndarray) -> np.ndarray:
    """Strings as NumPy's fixed-width ones, which a .npy file holds without pickling."""
    if value.dtype != object:
        return value
    packed = value.astype("S")
    if not np.array_equal(packed.astype(object), value):
        raise RuntimeError("strings that end with a zero byte do not travel to the Flex worker")
    return packed


class FlexWorker:
    """A process that runs and times SELECT_TF_OPS models.

    Raises:
      MissingPeer: no environment with the Flex delegate was found, or it does not start.
    """

    def __init__(self, python: Path | None = None):
        chosen = python or find_flex_python()
        if chosen is None:
            raise MissingPeer(
                "no environment with TensorFlow 2.17 or 2.18, the last with a Flex delegate: "
                "python -m venv .envs/tf-2.18.1 && .envs/tf-2.18.1/bin/pip install "
                "tensorflow-cpu==2.18.1 (or set OPKIT_FLEX_PYTHON)"
            )
        self._folder = tempfile.TemporaryDirectory(prefix="opkit-flex-")
        self._ids = itertools.count()
        script = Path(__file__).with_name("flex_worker.py")
        env = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1"}
        env.pop("PYTHONPATH", None)
        try:
            self._process = subprocess.Popen(
                [str(chosen), "-E", str(script)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env=env,
            )
        except OSError as e:
            raise MissingPeer(f"the Flex worker does not start: {chosen}: {e.strerror}") from None
        try:
            self.version = str(self._receive()["version"])
        except MissingPeer as e:
            raise MissingPeer(f"{e}; does {chosen} have TensorFlow 2.17 or 2.18?") from None
        except ValueError:
            end(self._process)
            raise MissingPeer(f"{chosen} is no Python: it does not run the Flex worker") from None

    def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise MissingPeer(f"the Flex worker ended with code {self._process.wait()}")
        return json.loads(line)

    def _ask(self, **request: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise MissingPeer("the Flex worker is gone") from None
        answer = self._receive()
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    def load(self, model: bytes, feeds: Sequence[np.ndarray]) -> str:
        """Loads and runs a model once; returns a handle. Raises RuntimeError if it cannot."""
        handle = str(next(self._ids))
        folder = Path(self._folder.name)
        (folder / f"{handle}.tflite").write_bytes(model)
        for i, value in enumerate(feeds):
            if value.dtype.name == "bfloat16":
                raise RuntimeError("bfloat16 does not travel to the Flex worker")
            np.save(folder / f"{handle}-in{i}.npy", _packed(value))
        self._ask(do="load", handle=handle, folder=str(folder), inputs=len(feeds))
        return handle

    def outputs(self, handle: str) -> list[np.ndarray]:
        """What the model computed when it was loaded."""
        answer = self._ask(do="outputs", handle=handle, folder=self._folder.name)
        folder = Path(self._folder.name)
        found = [
            np.load(folder / f"{handle}-out{i}.npy", allow_pickle=False)
            for i in range(answer["outputs"])
        ]
        return [v.astype(object) if v.dtype.kind == "S" else v for v in found]

    def calls_for(self, handle: str, target: float) -> int:
        """How many calls last `target` seconds."""
        return int(self._ask(do="calls", handle=handle, target=target)["calls"])

    def seconds(self, handle: str, calls: int) -> float:
        """CPU seconds per call over a batch of calls."""
        return float(self._ask(do="time", handle=handle, calls=calls)["seconds"])

    def drop(self, handle: str) -> None:
        """Frees a model."""
        self._ask(do="drop", handle=handle)
        for path in Path(self._folder.name).glob(f"{handle}*"):
            path.unlink()

    def close(self) -> None:
        """Ends the process."""
        end(self._process)
        self._folder.cleanup()

    def __enter__(self) -> FlexWorker:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
