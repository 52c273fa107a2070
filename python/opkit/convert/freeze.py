"""A concrete function as a GraphDef with its variables as constants, and back as a SavedModel.

Freezing ends three traps at once: variables that nothing tracks (Keras 3 models inside a
tf.Module lose their weights silently in a SavedModel), TensorList loops that the converter only
takes without variables, and resource reads between ops that could be fused.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = [
    "FrozenFunction",
    "argument_names",
    "changes_state",
    "freeze",
    "result_names",
    "save_frozen",
]


@dataclass
class FrozenFunction:
    """A graph without variables: its inputs by argument name and its outputs by result name, both
    as (name in the signature, tensor in the graph)."""

    graph_def: Any
    inputs: list[tuple[str, str, Any]]  # argument, graph tensor, TensorSpec
    outputs: list[tuple[str, str]]  # result, graph tensor


# Ops that change a variable or own a table: functions with them stay as they are.
_STATE = frozenset(
    [
        "AssignVariableOp",
        "AssignAddVariableOp",
        "AssignSubVariableOp",
        "HashTableV2",
        "MutableHashTableV2",
        "MutableHashTableOfTensorsV2",
        "MutableDenseHashTableV2",
        "ResourceApplyGradientDescent",
        "ResourceScatterUpdate",
        "ResourceScatterAdd",
        "ResourceScatterNdUpdate",
        "StackV2",
        "VarHandleOp",
    ]
)


def changes_state(function: Any) -> bool:
    """Whether running a concrete function may change its variables."""
    applies = ("ResourceApply", "ResourceScatter", "ResourceSparseApply")
    found = _ops(function.graph.as_graph_def())
    return any("Assign" in op or op.startswith(applies) for op in found)


def freeze(function: Any) -> FrozenFunction | str:
    """Freezes a concrete function; or says why it has to keep its state."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    variables = {id(v.handle) for v in function.graph.variables}
    other = [
        outside
        for outside, _ in function.graph.captures
        if id(outside) not in variables and outside.dtype == tf.resource
    ]
    if other:
        return "it uses a resource that is no variable, such as a table"
    stateful = sorted(_ops(function.graph.as_graph_def()) & _STATE)
    if stateful:
        return f"it has state of its own ({', '.join(stateful)})"
    if _has_inlined_composites(function.graph.as_graph_def()):
        return "it calls functions marked as ops, which freezing would dissolve"
    frozen = convert_variables_to_constants_v2(function, lower_control_flow=False)
    graph_def = frozen.graph.as_graph_def()
    _rename_functions(graph_def)
    inputs = [tensor for tensor in frozen.inputs if tensor.dtype != tf.resource]
    named = argument_names(function)
    return FrozenFunction(
        graph_def,
        [
            (name, tensor.name, tf.TensorSpec(tensor.shape, tensor.dtype, name=name))
            for name, tensor in zip(named, inputs, strict=True)
        ],
        list(zip(result_names(function), [t.name for t in frozen.outputs], strict=True)),
    )


_conversions = itertools.count()


def _rename_functions(graph_def: Any) -> None:
    """Gives the graph's functions names of their own: importing a graph registers its functions
    with the process, where the model's originals already are."""
    library = graph_def.library
    number = next(_conversions)
    names = {f.signature.name: f"opkit{number}_{f.signature.name}" for f in library.function}
    for function in library.function:
        function.signature.name = names[function.signature.name]
    for gradient in library.gradient:
        gradient.function_name = names.get(gradient.function_name, gradient.function_name)
        gradient.gradient_func = names.get(gradient.gradient_func, gradient.gradient_func)
    for nodes in [graph_def.node, *(function.node_def for function in library.function)]:
        for node in nodes:
            node.op = names.get(node.op, node.op)
            for value in node.attr.values():
                for called in [value.func, *value.list.func] if _is_call(value) else ():
                    called.name = names.get(called.name, called.name)


def _is_call(value: Any) -> bool:
    kind = value.WhichOneof("value")
    return kind == "func" or (kind == "list" and len(value.list.func) > 0)


def _has_inlined_composites(graph_def: Any) -> bool:
    """Whether a function implements an op and may be inlined; opkit.convert.composite's may not."""
    return any(
        "_implements" in function.attr and not function.attr["_noinline"].b
        for function in graph_def.library.function
    )


def _ops(graph_def: Any) -> set[str]:
    found = {node.op for node in graph_def.node}
    for function in graph_def.library.function:
        found |= {node.op for node in function.node_def}
    return found


def argument_names(function: Any) -> list[str]:
    """Names of a concrete function's arguments, in the order of its input tensors."""
    import tensorflow as tf

    count = len(function.inputs) - len(function.captured_inputs)
    positional, keywords = function.structured_input_signature
    if not positional and len(keywords) == count:
        # Keyword arguments are flattened in the order of their names.
        return sorted(keywords)
    specs = [
        spec for spec in tf.nest.flatten((positional, keywords)) if isinstance(spec, tf.TypeSpec)
    ]
    names = [getattr(spec, "name", None) for spec in specs]
    if len(names) != count or None in names or len(set(names)) != count:
        names = [tensor.op.name for tensor in function.inputs[:count]]
    return [str(name) for name in names]


def result_names(function: Any) -> list[str]:
    """Names of a concrete function's results, in the order of its output tensors."""
    import tensorflow as tf

    outputs = function.structured_outputs
    count = len(function.outputs)
    if isinstance(outputs, dict) and len(outputs) == count:
        return sorted(outputs)  # tf.nest flattens dicts in the order of their keys
    flat = tf.nest.flatten(outputs)
    return [f"output_{i}" for i in range(len(flat) if flat else count)][:count]


def save_frozen(functions: dict[str, FrozenFunction], folder: Path) -> None:
    """Writes frozen functions as the signatures of a SavedModel."""
    import tensorflow as tf

    module = tf.Module()
    signatures = {}
    for number, (key, frozen) in enumerate(functions.items()):
        signature = _as_function(frozen)
        setattr(module, f"function_{number}", signature)
        signatures[key] = signature
    tf.saved_model.save(module, str(folder), signatures=signatures)


def _as_function(frozen: FrozenFunction) -> Any:
    import tensorflow as tf

    arguments = {name: spec for name, _, spec in frozen.inputs}

    @tf.function(autograph=False)
    def call(**values: Any) -> dict[str, Any]:
        results = tf.graph_util.import_graph_def(
            frozen.graph_def,
            input_map={tensor: values[name] for name, tensor, _ in frozen.inputs},
            return_elements=[tensor for _, tensor in frozen.outputs],
            name="",
        )
        return {
            name: tf.identity(result, name=f"result_{i}")
            for i, ((name, _), result) in enumerate(zip(frozen.outputs, results, strict=True))
        }

    return call.get_concrete_function(**arguments)
