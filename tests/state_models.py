"""Models with lists, tables and strings, converted with the stock converter, and graphs of custom
nodes put together by hand for calls no converter writes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from opkit.model import Model, Node, Signature, Subgraph, Tensor
from opkit.model.attrs import encode_custom_options
from opkit.runtime import Interpreter, installed_hosts

HOSTS = [host.name for host in installed_hosts()]
PLACES = [
    (host.name, by)
    for host in installed_hosts()
    for by in ("resolver", "delegate")
    if by == "delegate" or host.has_resolver
]


def tf() -> Any:
    """TensorFlow, imported when the first model is made."""
    import tensorflow

    return tensorflow


def convert(converter: Any, custom: bool) -> bytes:
    """The converter's model with Flex ops, or with custom ops; lists are left as they are."""
    converter.target_spec.supported_ops = [tf().lite.OpsSet.TFLITE_BUILTINS]
    if custom:
        converter.allow_custom_ops = True
    else:
        converter.target_spec.supported_ops += [tf().lite.OpsSet.SELECT_TF_OPS]
    converter._experimental_lower_tensor_list_ops = False
    return bytes(converter.convert())


def from_function(function: Callable[..., Any], *specs: Any, custom: bool = False) -> bytes:
    """A traced function as a model."""
    module = tf().Module()
    module.call = tf().function(function, input_signature=specs)
    concrete = module.call.get_concrete_function()
    return convert(tf().lite.TFLiteConverter.from_concrete_functions([concrete], module), custom)


RNNS = ("lstm", "gru", "bidirectional", "stacked", "masked", "backwards", "states", "distributed")


@functools.cache
def rnn(name: str) -> Any:
    """A Keras model of float32[?, ?, 5] (distributed: [?, 6, 5])."""
    keras = tf().keras
    keras.utils.set_random_seed(7)
    layers = keras.layers
    # TensorFlow converts TimeDistributed over free time to a model of wrong shapes, Flex or not.
    x = keras.Input((6 if name == "distributed" else None, 5))
    whole = {"return_sequences": True}
    y = {
        "lstm": lambda: layers.LSTM(8)(x),
        "gru": lambda: layers.GRU(7, **whole)(x),
        "bidirectional": lambda: layers.Bidirectional(layers.LSTM(6, **whole))(x),
        "stacked": lambda: layers.LSTM(4)(layers.GRU(6, **whole)(x)),
        "masked": lambda: layers.LSTM(6)(layers.Masking()(x)),
        "backwards": lambda: layers.SimpleRNN(6, go_backwards=True)(x),
        "states": lambda: layers.LSTM(6, return_state=True, **whole)(x),
        "distributed": lambda: layers.TimeDistributed(layers.Dense(3))(layers.LSTM(6, **whole)(x)),
    }[name]()
    return keras.Model(x, y)


@functools.cache
def rnn_bytes(name: str, custom: bool) -> bytes:
    """The model of `rnn`, converted."""
    return convert(tf().lite.TFLiteConverter.from_keras_model(rnn(name)), custom)


def call(interpreter: Any, *arrays: np.ndarray) -> list[np.ndarray]:
    """Runs the only signature on inputs in their names' order; outputs in theirs."""
    runner = interpreter.get_signature_runner()
    names = sorted(runner.get_input_details())
    found = runner(**dict(zip(names, arrays, strict=True)))
    return [found[k] for k in sorted(found, key=lambda k: (len(k), k))]


class Graph:
    """A model of custom nodes, built node by node."""

    def __init__(self) -> None:
        self.graph = Subgraph(name="main")
        self._count = 0

    def tensor(self, dtype: str, shape: Sequence[int] = ()) -> Tensor:
        """A new tensor between nodes."""
        self._count += 1
        made = Tensor(name=f"t{self._count}", dtype=dtype, shape=tuple(shape))
        self.graph.tensors.append(made)
        return made

    def input(self, dtype: str, shape: Sequence[int] = ()) -> Tensor:
        """A graph input."""
        made = self.tensor(dtype, shape)
        self.graph.inputs.append(made)
        return made

    def constant(self, value: Any, dtype: str) -> Tensor:
        """A constant."""
        array = np.array(value, dtype=object if dtype == "string" else dtype)
        made = self.tensor(dtype, array.shape)
        made.set_numpy(array)
        return made

    def node(
        self, op: str, inputs: Sequence[Tensor], outputs: Sequence[str], **attrs: Any
    ) -> list[Tensor]:
        """A custom node; outputs of these dtypes."""
        outs = [self.tensor(dtype) for dtype in outputs]
        node = Node.custom(op, list(inputs), outs, {}, 1)
        node.custom_options = encode_custom_options(attrs)
        self.graph.nodes.append(node)
        return outs

    def load(self, outputs: Sequence[Tensor], **options: Any) -> Any:
        """An interpreter, not yet allocated."""
        self.graph.outputs = list(outputs)
        signature = Signature(
            "serving_default",
            self.graph,
            {t.name: t for t in self.graph.inputs},
            {t.name: t for t in self.graph.outputs},
        )
        model = Model(subgraphs=[self.graph], signatures=[signature]).to_bytes()
        return Interpreter(model_content=model, check=False, **options)

    def run(
        self, outputs: Sequence[Tensor], feeds: Mapping[str, Any] | None = None, **options: Any
    ) -> list[np.ndarray]:
        """Allocates, feeds inputs by tensor name, invokes, fetches."""
        interpreter = self.load(outputs, **options)
        interpreter.allocate_tensors()
        for detail in interpreter.get_input_details():
            interpreter.set_tensor(detail["index"], (feeds or {})[detail["name"]])
        interpreter.invoke()
        return [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]


def check_refused(make: Callable[[Graph], Tensor], says: str) -> None:
    """A graph whose result no host computes, for the reason given."""
    for host, by in PLACES:
        graph = Graph()
        with pytest.raises((RuntimeError, ValueError), match=says):
            graph.run([make(graph)], host=host, by=by)
