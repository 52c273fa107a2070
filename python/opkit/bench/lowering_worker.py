"""Child process of lowering.py: reads requests as JSON lines, writes .tflite files."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

#: The converter hangs the Python frames of the model's source on its message.
_TRACE = re.compile(r"(?<=\.)/\S+\.py:\d+")

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def convert(op: str, types_text: str, case_id: str) -> bytes:
    """A bench case converted with builtins only. Raises whatever the converter raises."""
    from opkit import registry
    from opkit.spec import resolve, spec
    from opkit.verify.declaration import product
    from opkit.verify.parity import SMALL, case_inputs
    from opkit.verify.reference import tensorflow, tf_attributes

    tf = tensorflow()
    s, d = spec(op), registry.declarations()[op]
    types = next(t for t in product(d) if str(t) == types_text)
    case = next(c for c in s.bench_for(types) if c.id == case_id)
    inputs = case_inputs(s, d, types, case, SMALL)
    if any(isinstance(v, (list, tuple)) for v in inputs.values()):
        raise ValueError("list inputs are not lowered here")
    named = None if callable(s.reference) else s.reference
    function = resolve(named or f"tf.raw_ops.{op}")
    attrs = tf_attributes(d, types, case.attrs)
    fixed = {k: tf.constant(v) for k, v in inputs.items() if v is not None and v.size <= 8}
    if len(fixed) == len(inputs):
        fixed = {}
    free = {k: v for k, v in inputs.items() if v is not None and k not in fixed}
    specs = [
        tf.TensorSpec(v.shape, tf.string if v.dtype == object else tf.as_dtype(v.dtype), k)
        for k, v in free.items()
    ]

    def call(*args: Any) -> Any:
        return function(**dict(zip(free, args, strict=True)), **fixed, **attrs)

    concrete = tf.function(call, input_signature=specs).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete])
    return converter.convert()


def first_words(error: str) -> str:
    """The first line of what the converter says, without the source lines hung on it."""
    text = next((line for line in error.splitlines() if line.strip()), "")
    return _TRACE.split(text, maxsplit=1)[0]


def main() -> None:
    """Answers until standard input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    from opkit.scaffold import load_ops

    for source in sys.argv[1:]:
        load_ops(source)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            model = convert(request["op"], request["types"], request["case"])
            Path(request["path"]).write_bytes(model)
            answer: dict[str, Any] = {"bytes": len(model)}
        except Exception as e:  # the parent reports it as the peer's reason
            answer = {"error": f"{type(e).__name__}: {first_words(str(e))[:200]}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
