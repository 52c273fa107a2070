"""Runs TF's converter in a process of its own: some models make it crash rather than fail.

``python -m opkit.convert.child SAVED_MODEL OUTPUT KEY...`` writes OUTPUT, or prints why not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from .errors import ConversionError

__all__ = ["run_in_child"]

_FAILED = 3  # exit status for a conversion that failed in an orderly way


def run_in_child(saved_model: Path, keys: Sequence[str]) -> bytes:
    """Converts a SavedModel in a child process.

    Raises ConversionError if the converter fails, or crashes: then with the signal's name."""
    output = saved_model.with_name("converted.tflite")
    package = Path(__file__).resolve().parents[2]
    path = os.pathsep.join([str(package), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-m", "opkit.convert.child", str(saved_model), str(output), *keys],
        capture_output=True,
        text=True,
        errors="replace",
        env={**os.environ, "PYTHONPATH": path},
    )
    if done.returncode == 0:
        return output.read_bytes()
    if done.returncode == _FAILED:
        raise ConversionError(done.stdout.strip())
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        raise ConversionError(
            f"TensorFlow's converter crashed ({name}); convert parts of the model by themselves to "
            "find the op, and see `opkit ops` for those the kit keeps whole"
        )
    raise ConversionError(f"the converter's process failed: {done.stderr.strip()[-2000:]}")


def _main(arguments: list[str]) -> int:
    from .tf_converter import run_converter

    saved_model, output, *keys = arguments
    try:
        data = run_converter(Path(saved_model), keys)
    except ConversionError as error:
        print(error)
        return _FAILED
    Path(output).write_bytes(data)
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
