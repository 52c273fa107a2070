"""The converter's own lowering of an op to builtins, as a peer.

Some conversions crash the converter's process, so a child process does them; it is started again
when it is gone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from opkit.bench.child import end

TIMEOUT = 60.0


class Lowering:
    """Converts cases of specs to models of builtins only."""

    def __init__(self, sources: tuple[str, ...] = ()):
        self._sources = sources
        self._folder = tempfile.TemporaryDirectory(prefix="opkit-lowering-")
        self._process: subprocess.Popen[str] | None = None

    def _start(self) -> subprocess.Popen[str]:
        if self._process is None or self._process.poll() is not None:
            env = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
            env["PYTHONPATH"] = os.pathsep.join(p for p in sys.path if p)
            self._process = subprocess.Popen(
                [sys.executable, "-m", "opkit.bench.lowering_worker", *self._sources],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env=env,
            )
        return self._process

    def convert(self, op: str, types: str, case: str) -> bytes:
        """The model of a bench case.

        Raises:
          RuntimeError: the converter refuses the op, needs more than builtins, or crashed.
        """
        process = self._start()
        assert process.stdin is not None and process.stdout is not None
        path = Path(self._folder.name) / "model.tflite"
        request = {"op": op, "types": types, "case": case, "path": str(path)}
        try:
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            code = process.wait()
            self._process = None
            raise RuntimeError(f"the converter crashed on {op} (code {code})")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return path.read_bytes()

    def close(self) -> None:
        """Ends the child process."""
        end(self._process)
        self._folder.cleanup()
