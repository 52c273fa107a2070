"""What TensorFlow's own converter and runtime say, each attempt on its own.

    python stock.py SAVED_MODEL OUTPUT.tflite

Prints one JSON line per attempt. A process of its own: the converter writes to stderr, and can
crash.
"""

from __future__ import annotations

import json
import os
import re
import sys
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def _ops(kind: str, text: str) -> list[str]:
    found = re.search(rf"^{kind}: (.*)$", text, re.M)
    return [op.strip() for op in found[1].split(",")] if found else []


def attempt(saved_model: str, select: bool, custom: bool, output: str) -> dict[str, Any]:
    """Converts with these allowances, and runs what comes out in a stock interpreter."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(saved_model)
    builtins = [tf.lite.OpsSet.TFLITE_BUILTINS]
    converter.target_spec.supported_ops = builtins + [tf.lite.OpsSet.SELECT_TF_OPS] * select
    converter.allow_custom_ops = custom
    found: dict[str, Any] = {"select": select, "custom": custom}
    try:
        model = converter.convert()
    except Exception as e:
        text = str(e)
        return {
            **found,
            "converts": False,
            "flex_ops": _ops("TF Select ops", text),
            "custom_ops": _ops("Custom ops", text),
        }
    with open(output, "wb") as file:
        file.write(model)
    found |= {"converts": True, "bytes": len(model), "runs": True, "says": ""}
    try:
        interpreter = tf.lite.Interpreter(model_content=model)
        interpreter.allocate_tensors()
        interpreter.invoke()  # only here are nodes behind a dynamic tensor prepared
    except (RuntimeError, ValueError) as e:
        found |= {"runs": False, "says": str(e)}
    return found


if __name__ == "__main__":
    for select, custom in ((False, False), (True, False), (True, True)):
        print(json.dumps(attempt(sys.argv[1], select, custom, sys.argv[2])), flush=True)
