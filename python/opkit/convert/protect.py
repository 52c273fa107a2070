"""Keeps ops whole that TF's converter would lower badly.

A node is moved into a function of its own whose ``_implements`` attribute carries
``tfl_fusable_op``; the converter then leaves the call as one custom op, with the function's other
attributes as its options. The converter does this on the SavedModel path only: from concrete
functions it inlines calls first.
"""

from __future__ import annotations

import itertools
from typing import Any

from opkit.model import ModelError
from opkit.model.dtypes import dtype_from_tensorflow
from opkit.rewrite import Kernels

__all__ = ["PROTECTED", "protect"]

#: Ops with a lowering that is wrong or bloated, and why. Each is protected where the kit has a
#: kernel for it.
PROTECTED = {
    "Expm1": "lowered to exp(x) - 1, which loses all digits near 0",
    "IsInf": "lowered so that is_inf(inf) is False",
    "Lgamma": "lowered to constants of the tensor's size (92 MB for a million elements)",
    "Log1p": "lowered to log(1 + x), which loses all digits near 0",
    "RFFT": "lowered to RFFT2D, for powers of two only and slower",
    "RFFT2D": "a builtin for powers of two only",
    "Selu": "lowered to exp(x) - 1, which loses all digits near 0",
    "Softplus": "lowered with an error of 0.6 %, and to inf at 100",
    "Softsign": "lowered to three ops, which int8 rounds three times",
    "Xdivy": "lowered to three ops, which int8 rounds three times",
    "Xlog1py": "lowered to log(1 + y), which loses all digits near 0",
    "Xlogy": "lowered to four ops, which int8 rounds four times",
}

_numbers = itertools.count()
_KEPT = ("s", "i", "f", "b")  # attribute kinds the converter carries over


def protect(graph_def: Any, kernels: Kernels) -> dict[str, int]:
    """Wraps every protected node of ``graph_def``, in functions too; changes it in place.

    Returns how many nodes of each op were wrapped. Nodes whose dtypes or attributes the kit's
    kernel does not take are left to the converter."""
    for function in graph_def.library.function:
        if "_implements" in function.attr and "_noinline" in function.attr:
            del function.attr["_noinline"]  # it kept the call until here; now it would not fuse
    wrapper = _Wrapper(graph_def, kernels)
    bodies = [f for f in graph_def.library.function if "_implements" not in f.attr]
    wrapper.nodes(graph_def.node)
    for function in bodies:  # not the ones made on the way
        renamed = wrapper.nodes(function.node_def)
        _rename_results(function, renamed)
    return wrapper.counts


class _Wrapper:
    def __init__(self, graph_def: Any, kernels: Kernels) -> None:
        self.library = graph_def.library
        self.kernels = kernels
        self.counts: dict[str, int] = {}
        self.functions: dict[str, str] = {}

    def nodes(self, nodes: Any) -> dict[str, list[str]]:
        """Wraps nodes of one graph; returns, per wrapped node, the names its outputs had."""
        from tensorflow.python.framework import op_def_registry

        renamed: dict[str, list[str]] = {}
        for node in nodes:
            if node.op not in PROTECTED or node.op not in self.kernels:
                continue
            op_def = op_def_registry.get(node.op)
            if op_def is None or not self._takes(node, op_def):
                continue
            self._wrap(node, op_def)
            renamed[node.name] = [argument.name for argument in op_def.output_arg]
        return renamed

    def _takes(self, node: Any, op_def: Any) -> bool:
        """Whether the kernel takes the node's types, and its attributes survive the way."""
        declaration = self.kernels.get(node.op)
        assert declaration is not None
        for name, value in node.attr.items():
            if name.startswith("_"):
                continue
            kind = value.WhichOneof("value")
            if kind == "type":
                try:
                    dtype = dtype_from_tensorflow(value.type)
                except ModelError:
                    return False
                if name in declaration.types and dtype not in declaration.types[name]:
                    return False
            elif kind not in _KEPT:
                return False
        # Arguments that stand for several tensors have no place in the function's signature.
        return not any(
            argument.number_attr or argument.type_list_attr
            for argument in [*op_def.input_arg, *op_def.output_arg]
        )

    def _wrap(self, node: Any, op_def: Any) -> None:
        from tensorflow.core.framework import types_pb2

        def dtype(argument: Any) -> int:
            if argument.type_attr:
                return int(node.attr[argument.type_attr].type)
            return int(argument.type)

        inputs = [dtype(argument) for argument in op_def.input_arg]
        outputs = [dtype(argument) for argument in op_def.output_arg]
        assert types_pb2.DT_INVALID not in inputs + outputs
        name = self._function(node, op_def, inputs, outputs)
        self.counts[node.op] = self.counts.get(node.op, 0) + 1
        for key in list(node.attr):
            if not key.startswith("_"):
                del node.attr[key]
        node.op = "PartitionedCall"
        node.attr["Tin"].list.type.extend(inputs)
        node.attr["Tout"].list.type.extend(outputs)
        node.attr["f"].func.name = name
        for empty in ("config", "config_proto", "executor_type"):
            node.attr[empty].s = b""

    def _function(self, node: Any, op_def: Any, inputs: list[int], outputs: list[int]) -> str:
        """Name of the function that holds a copy of ``node``; equal nodes share one."""
        attrs = {key: value for key, value in node.attr.items() if not key.startswith("_")}
        identity = repr((node.op, sorted((k, v.SerializeToString()) for k, v in attrs.items())))
        if identity in self.functions:
            return self.functions[identity]
        # Unique in the process, as all functions of imported graphs share one registry.
        name = f"opkit_{node.op}_{next(_numbers)}"
        self.functions[identity] = name
        function = self.library.function.add()
        function.signature.name = name
        for i, value in enumerate(inputs):
            function.signature.input_arg.add(name=f"in{i}", type=value)
        body = function.node_def.add(name="op", op=node.op)
        body.input.extend(f"in{i}" for i in range(len(inputs)))
        for key, value in attrs.items():
            body.attr[key].CopyFrom(value)
        for i, (argument, value) in enumerate(zip(op_def.output_arg, outputs, strict=True)):
            function.signature.output_arg.add(name=f"out{i}", type=value)
            function.ret[f"out{i}"] = f"op:{argument.name}:0"
        marker = function.attr["_implements"].func
        marker.name = node.op
        marker.attr["tfl_fusable_op"].b = True
        for key, value in attrs.items():
            if value.WhichOneof("value") in _KEPT:
                marker.attr[key].CopyFrom(value)
        return name


def _rename_results(function: Any, renamed: dict[str, list[str]]) -> None:
    """In a function body, ``node:result:0`` of a wrapped node is now ``node:output:i``."""
    if not renamed:
        return

    def fixed(reference: str) -> str:
        parts = reference.split(":")
        if len(parts) != 3 or parts[0] not in renamed:
            return reference
        return f"{parts[0]}:output:{renamed[parts[0]].index(parts[1])}"

    for node in function.node_def:
        for i, reference in enumerate(node.input):
            node.input[i] = fixed(reference)
    for key in list(function.ret):
        function.ret[key] = fixed(function.ret[key])
