"""Cases that are small programs: ops with state or variants, with what surrounds them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from opkit.model import Model
from opkit.spec import Case
from opkit.verify.execute import RunError, Runner, Session
from opkit.verify.reference import flat_outputs, tensorflow


def convert_program(case: Case, inputs: Mapping[str, np.ndarray]) -> bytes:
    """The case's program as a .tflite model whose unsupported ops are Flex nodes.

    Raises:
      Exception: whatever TensorFlow's converter raises.
    """
    tf = tensorflow()
    program = case.program
    assert program is not None
    specs = []
    for name, value in inputs.items():
        dims = [None] * value.ndim if name in case.dynamic else list(value.shape)
        dtype = tf.string if value.dtype == object else tf.as_dtype(value.dtype)
        specs.append(tf.TensorSpec(dims, dtype, name))

    def call(*args: Any) -> Any:
        return tf.nest.flatten(program(tf, **dict(zip(inputs, args, strict=True))))

    module = tf.Module()
    module.call = tf.function(call, input_signature=specs)
    concrete = module.call.get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], module)
    converter.target_spec.supported_ops = [
        tf.lite.OpsSet.TFLITE_BUILTINS,
        tf.lite.OpsSet.SELECT_TF_OPS,
    ]
    converter.allow_custom_ops = True
    converter._experimental_lower_tensor_list_ops = False
    return converter.convert()


def run_program(
    op: str, case: Case, inputs: Mapping[str, np.ndarray], runner: Runner
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """(got, want): the converted program with the kit's kernels, and TensorFlow's eager run.

    Raises:
      RunError: the converter left no node of `op`, or an input is not in the model.
      LoadError: the runtime refused the model.
    """
    tf = tensorflow()
    program = case.program
    assert program is not None
    tensors = {k: tf.constant(v) for k, v in inputs.items()}
    want = flat_outputs(tf.nest.flatten(program(tf, **tensors)))
    data = convert_program(case, inputs)
    found = {node.op for _, _, node in Model.load(data).nodes()}
    if op not in found:
        raise RunError(f"the converter left no {op} in the program; it holds {sorted(found)}")
    session = runner.load(data)
    return in_order(session, session.run(feeds_of(session, inputs))), want


def feeds_of(session: Session, inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """A program's inputs in the order of the model's, which is resized to fit them.

    Raises:
      RunError: the model has an input the program lacks.
    """
    feeds = []
    for detail in session.inputs:
        name = detail["name"].removeprefix("serving_default_").split(":")[0]
        if name not in inputs:
            raise RunError(f"the converted program has an input {detail['name']!r}")
        feeds.append(inputs[name])
    if any(list(d["shape"]) != list(f.shape) for d, f in zip(session.inputs, feeds, strict=True)):
        session.resize([f.shape for f in feeds])
    return feeds


def in_order(session: Session, got: list[np.ndarray]) -> list[np.ndarray]:
    """Outputs as the program returned them: the graph's order is the converter's own."""
    index = {d["index"]: i for i, d in enumerate(session.outputs)}
    signature = session.interpreter.get_signature_runner()
    details = signature.get_output_details()
    names = sorted(details, key=lambda name: int(name.removeprefix("output_")))
    return [got[index[details[name]["index"]]] for name in names]
