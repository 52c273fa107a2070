"""Cases that are small programs: ops with state or variants, with what surrounds them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from opkit import registry
from opkit.model import Model, Node, Signature, Subgraph, Tensor
from opkit.model.attrs import encode_flex_options
from opkit.model.nodedef import decode_nodedef
from opkit.spec import Case
from opkit.verify.execute import RunError, Runner, Session
from opkit.verify.reference import flat_outputs, tensorflow


def model_of(case: Case, inputs: Mapping[str, np.ndarray]) -> bytes:
    """The case's program as a .tflite model: by the converter, or node by node (`Case.direct`).

    Raises:
      Exception: whatever TensorFlow's converter raises.
      RunError: a direct program holds an op that is no kernel.
    """
    module = _traced(case, inputs)
    return _translated(module) if case.direct else _converted(module)


def _traced(case: Case, inputs: Mapping[str, np.ndarray]) -> Any:
    """A tf.Module whose `call` is the program with a signature for these inputs."""
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
    return module


def _converted(module: Any) -> bytes:
    tf = tensorflow()
    concrete = module.call.get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], module)
    converter.target_spec.supported_ops = [
        tf.lite.OpsSet.TFLITE_BUILTINS,
        tf.lite.OpsSet.SELECT_TF_OPS,
    ]
    converter.allow_custom_ops = True
    converter._experimental_lower_tensor_list_ops = False
    return converter.convert()


def _translated(module: Any) -> bytes:
    """The traced graph with a Flex node for each of its nodes, in their order.

    Constants are stored in the model. The converter refuses or decomposes programs for dtypes that
    TFLite's builtins lack; here nothing but kernels is left.
    """
    concrete = module.call.get_concrete_function()
    kernels = registry.declarations()
    graph = Subgraph("main")
    made: dict[str, Tensor] = {}

    def tensor(t: Any, name: str) -> Tensor:
        known = t.shape.rank is not None
        dims = tuple(-1 if d is None else d for d in t.shape) if known else ()
        new = Tensor(name, t.dtype.base_dtype.name, tuple(max(d, 1) for d in dims))
        if -1 in dims:
            new.shape_signature = dims
        graph.tensors.append(new)
        made[t.name] = new
        return new

    for op in concrete.graph.get_operations():
        if op.type == "Placeholder":
            graph.inputs.append(tensor(op.outputs[0], op.name))
        elif op.type == "Const":
            constant = tensor(op.outputs[0], op.name)
            value = tensorflow().make_ndarray(op.get_attr("value"))
            if value.size == 0:  # a stored tensor without bytes is none
                raise RunError(f"{op.name} is an empty constant: make it an input of the program")
            constant.shape = value.shape
            constant.set_numpy(value)
        elif op.type == "Identity":
            made[op.outputs[0].name] = made[op.inputs[0].name]
        elif op.type in kernels:
            outputs = [tensor(t, f"{op.name}:{i}") for i, t in enumerate(op.outputs)]
            node = Node.custom(op.type, [made[t.name] for t in op.inputs], list(outputs))
            node.custom_code = f"Flex{op.type}"
            node.custom_options = encode_flex_options(decode_nodedef(_nodedef(op)))
            graph.nodes.append(node)
        elif op.type != "NoOp":
            raise RunError(f"{op.type} ({op.name}) is no kernel: convert the program instead")
    results = [made[t.name] for t in concrete.outputs]
    graph.outputs = results
    names = {f"output_{i}": t for i, t in enumerate(results)}
    signature = Signature("serving_default", graph, {t.name: t for t in graph.inputs}, names)
    return Model(subgraphs=[graph], signatures=[signature]).to_bytes()


def _nodedef(op: Any) -> bytes:
    """The node as the converter stores it: bare of what TensorFlow keeps for itself."""
    node = op.node_def
    for name in [n for n in node.attr if n.startswith("_")]:
        del node.attr[name]
    node.name = ""
    return node.SerializeToString()


def run_program(
    op: str, case: Case, inputs: Mapping[str, np.ndarray], runner: Runner
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """(got, want): the program with the kit's kernels, and TensorFlow's eager run of it.

    Raises:
      RunError: the model has no node of `op`, or an input is not in the model.
      LoadError: the runtime refused the model.
    """
    tf = tensorflow()
    program = case.program
    assert program is not None
    tensors = {k: tf.constant(v) for k, v in inputs.items()}
    want = flat_outputs(tf.nest.flatten(program(tf, **tensors)))
    data = model_of(case, inputs)
    found = {node.op for _, _, node in Model.load(data).nodes()}
    if op not in found:
        raise RunError(f"no {op} is left in the program; it holds {sorted(found)}")
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
