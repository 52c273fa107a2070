"""opkit.rewrite: each pass's structure, numbers and refusals, and the scan."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import opkit
import tf_models
from opkit.model import (
    Buffer,
    DType,
    Model,
    ModelError,
    Node,
    Quantization,
    Signature,
    Subgraph,
    Tensor,
)
from opkit.rewrite import (
    CleanUp,
    Declaration,
    FlexToKernel,
    IntegerIO,
    Kernels,
    SinkQuantization,
    registered_kernels,
    run_passes,
    scan,
)
from opkit.rewrite.affine import params_for_range, quantize_array

ALL_QUANTIZED = ["float32", "qint8", "quint8", "qint16"]


def _arg(name: str, kind: str, dtypes: list[str], **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "dtypes": dtypes, **more}


def _declared(
    name: str, dtypes: list[str], inputs: int = 1, version: int = 1, **more: Any
) -> Declaration:
    """An op ``T... -> T`` as the library's JSON declares it."""
    return Declaration.from_json(
        {
            "name": name,
            "version": version,
            "inputs": [_arg(f"x{i}", "T", dtypes) for i in range(inputs)],
            "outputs": [_arg("y", "T", dtypes)],
            "types": {"T": dtypes},
            "attrs": [],
            **more,
        }
    )


def _cumprod(**changes: Any) -> Declaration:
    return Declaration.from_json(
        {
            "name": "Cumprod",
            "version": 1,
            "inputs": [
                _arg("x", "T", ["float32"]),
                _arg("axis", "Tidx", ["int32", "int64"], shape="[]"),
            ],
            "outputs": [_arg("out", "T", ["float32"])],
            "types": {"T": ["float32"], "Tidx": ["int32", "int64"]},
            "attrs": [
                {"name": "exclusive", "kind": "bool", "required": False, "default": False},
                {"name": "reverse", "kind": "bool", "required": False, "default": False},
            ],
            **changes,
        }
    )


ERF = Kernels([_declared("Erf", ALL_QUANTIZED)])


# ---- Flex -> kernel ----------------------------------------------------------------------------


def test_flex_becomes_the_custom_op_the_converter_writes() -> None:
    model = Model.load(tf_models.erf_flex())
    report = run_passes(model, [FlexToKernel()], ERF)
    (change,) = report.changes
    assert (change.before, change.after, change.node, change.subgraph) == ("FlexErf", "Erf", 1, 0)
    assert change.tensors == ("Erf",)
    (custom,) = (n for _, _, n in Model.load(tf_models.erf_custom()).nodes() if n.is_custom)
    (made,) = (n for _, _, n in Model.load(model.to_bytes()).nodes() if n.is_custom)
    assert (made.op, made.version) == (custom.op, custom.version)
    assert made.custom_options == custom.custom_options


def test_flex_attributes_become_the_map() -> None:
    model = Model.load(tf_models.cumprod_flex())
    flex = model.subgraphs[0].nodes[0]
    flex.set_attrs({**flex.attrs(), "_output_shapes": [1], "Tq": DType("qint8")})
    run_passes(model, [FlexToKernel()], Kernels([_cumprod()]))
    assert model.subgraphs[0].nodes[0].is_flex  # Tq is unknown to the declaration
    attrs = dict(flex.attrs())
    del attrs["Tq"]
    flex.set_attrs(attrs)
    declaration = _cumprod()
    run_passes(model, [FlexToKernel()], Kernels([declaration]))
    (node,) = model.subgraphs[0].nodes
    assert node.attrs(declaration.kinds()) == {
        "T": DType("float32"),
        "Tidx": DType("int32"),
        "exclusive": False,
        "reverse": True,
    }


def test_flex_in_bodies_of_while_is_rewritten() -> None:
    model = Model.load(tf_models.erf_in_while())
    report = run_passes(model, [FlexToKernel(), CleanUp()], ERF)
    assert [c.subgraph for c in report.changes if c.rewrite == "flex-to-kernel"] == [2]
    assert not any(node.is_flex for _, _, node in model.nodes())


@pytest.mark.parametrize(
    ("declaration", "reason", "next_step"),
    [
        (_declared("Other", ["float32"]), "no kernel for Cumprod", "opkit new Cumprod"),
        (
            _cumprod(inputs=[_arg("x", "T", ["float64"]), _arg("axis", "Tidx", ["int32"])]),
            r"input 'x' \('x'\) is float32, the kernel takes float64",
            "tf.cast to float64",
        ),
        (
            _cumprod(inputs=[_arg("x", "T", ["float32"])]),
            "2 inputs; the kernel takes x",
            "definition",
        ),
        (
            _cumprod(
                inputs=[
                    _arg("x", "T", ["float32"], shape="[..., a, b, c]"),
                    _arg("axis", "Tidx", ["int32"]),
                ]
            ),
            "rank 2, the kernel takes at least 3",
            "tf.reshape",
        ),
        (
            _cumprod(attrs=[{"name": "exclusive", "kind": "bool", "required": False}]),
            "unknown attribute 'reverse'",
            "update opkit",
        ),
        (
            _cumprod(
                attrs=[
                    {"name": n, "kind": k, "required": True}
                    for n, k in (("exclusive", "bool"), ("reverse", "bool"), ("n", "int"))
                ]
            ),
            "attribute 'n' is missing",
            "convert",
        ),
        (
            _cumprod(
                attrs=[
                    {"name": "exclusive", "kind": "int", "required": False},
                    {"name": "reverse", "kind": "bool", "required": False},
                ]
            ),
            "attribute 'exclusive' is False, want a int",
            "convert",
        ),
    ],
)
def test_refusals_say_why_and_change_nothing(
    declaration: Declaration, reason: str, next_step: str
) -> None:
    model = Model.load(tf_models.cumprod_flex())
    before = model.to_bytes()
    report = run_passes(model, [FlexToKernel()], Kernels([declaration]))
    (refused,) = report.refused
    assert not report.changes
    assert re.search(reason, refused.reason), refused.reason
    assert next_step in refused.next_step
    assert (refused.op, refused.node) == ("FlexCumprod", 0)
    assert model.to_bytes() == before
    json.dumps(report.to_json())


# ---- quantization sinking: structure -----------------------------------------------------------


class _Builder:
    """A quantized model as the converter leaves it, built by hand."""

    def __init__(self) -> None:
        self.graph = Subgraph("main")
        self.model = Model([self.graph])
        self.count = 0

    def tensor(self, name: str, dtype: str = "float32", scale: float = 0, zero: int = 0) -> Tensor:
        quantization = Quantization.per_tensor(scale, zero) if scale else None
        return self.graph.add_tensor(Tensor(name, dtype, (2, 3), quantization=quantization))

    def node(self, builtin: str, inputs: list[Tensor], output: Tensor) -> Tensor:
        make = Node.custom(builtin, inputs, [output])
        if builtin.isupper():
            make = Node(builtin, list(inputs), [output])
        self.graph.insert(len(self.graph.nodes), make)
        return output

    def dq(self, source: Tensor) -> Tensor:
        return self.node("DEQUANTIZE", [source], self.tensor(f"{source.name}_dq"))

    def q(self, source: Tensor, scale: float, zero: int = 0, dtype: str = "int8") -> Tensor:
        return self.node("QUANTIZE", [source], self.tensor(f"{source.name}_q", dtype, scale, zero))

    def custom(self, op: str, *inputs: Tensor, name: str = "") -> Tensor:
        self.count += 1
        return self.node(op, list(inputs), self.tensor(name or f"c{self.count}"))

    def run(
        self, kernels: Kernels = ERF, ranges: dict[str, tuple[float, float]] | None = None
    ) -> Any:
        keyed = {(0, name): value for name, value in (ranges or {}).items()}
        report = run_passes(self.model, [SinkQuantization(keyed), CleanUp()], kernels)
        Model.load(self.model.to_bytes())
        return report

    @property
    def ops(self) -> list[str]:
        return [node.op for node in self.graph.nodes]


@pytest.mark.parametrize("storage", ["int8", "uint8", "int16"])
def test_sinks_one_op(storage: str) -> None:
    b = _Builder()
    source = b.tensor("in", storage, 0.1)
    result = b.q(b.custom("Erf", b.dq(source)), 0.01, dtype=storage)
    b.graph.inputs, b.graph.outputs = [source], [result]
    report = b.run()
    assert b.ops == ["Erf"]
    assert (b.graph.nodes[0].inputs, b.graph.nodes[0].outputs) == ([source], [result])
    assert [c.rewrite for c in report.changes] == ["sink-quantization", "clean-up"]
    assert b.graph.tensors == [source, result]


def test_sinks_chains_with_calibrated_ranges() -> None:
    b = _Builder()
    source = b.tensor("in", "int8", 0.1)
    first = b.custom("Erf", b.dq(source), name="middle")
    result = b.q(b.custom("Erf", first), 0.01)
    b.graph.inputs, b.graph.outputs = [source], [result]
    report = b.run(ranges={"middle": (-1.0, 0.9)})
    assert b.ops == ["Erf", "Erf"]
    middle = b.graph.nodes[0].outputs[0]
    assert middle is b.graph.nodes[1].inputs[0]
    scale, zero = middle.quantization.params()
    assert (scale, zero) == (pytest.approx(1.9 / 255), 6)
    assert "calibrated to scale" in report.changes[0].detail


def test_refuses_chains_without_ranges() -> None:
    b = _Builder()
    source = b.tensor("in", "int8", 0.1)
    first = b.custom("Erf", b.dq(source), name="middle")
    result = b.q(b.custom("Erf", first), 0.01)
    b.graph.inputs, b.graph.outputs = [source], [result]
    report = b.run()
    assert b.ops == ["DEQUANTIZE", "Erf", "Erf", "QUANTIZE"]
    assert [r.reason for r in report.refused] == [
        "output 'y' ('middle') has no quantization and no calibrated range",
        "input 'x0' ('middle') has no quantization and no calibrated range",
    ]
    assert "representative dataset" in report.refused[0].next_step


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (0.0, float("inf"), "ranges over"),
        (float("nan"), 1.0, "no calibrated range"),
        (float("inf"), float("-inf"), "never computed"),
    ],
)
def test_refuses_ranges_that_are_not_finite(low: float, high: float, text: str) -> None:
    b = _Builder()
    source = b.tensor("in", "int8", 0.1)
    result = b.q(b.custom("Erf", b.custom("Erf", b.dq(source), name="middle")), 0.01)
    b.graph.inputs, b.graph.outputs = [source], [result]
    report = b.run(ranges={"middle": (low, high)})
    assert text in report.refused[0].reason
    assert "Erf" in b.ops and "DEQUANTIZE" in b.ops


def test_float_readers_and_outputs_keep_a_float_tensor() -> None:
    b = _Builder()
    source = b.tensor("in", "int8", 0.1)
    value = b.custom("Erf", b.dq(source), name="value")
    quantized = b.q(value, 0.01)
    other = b.custom("Unknown", value)
    b.graph.inputs, b.graph.outputs = [source], [quantized, value, other]
    b.run()
    assert b.ops == ["Erf", "DEQUANTIZE", "Unknown"]
    assert b.graph.nodes[0].outputs == [quantized]
    assert b.graph.nodes[1].outputs == [value]


def test_inputs_computed_in_float_are_quantized_once() -> None:
    b = _Builder()
    source = b.tensor("in")
    left = b.q(b.custom("Erf", source), 0.01)
    right = b.q(b.custom("Erf", source), 0.02)
    b.graph.inputs, b.graph.outputs = [source], [left, right]
    b.run(ranges={"in": (-2.0, 2.0)})
    assert b.ops == ["QUANTIZE", "Erf", "Erf"]


def test_several_quantizers_of_one_result() -> None:
    b = _Builder()
    source = b.tensor("in", "int8", 0.1)
    value = b.custom("Erf", b.dq(source))
    one, same, other = b.q(value, 0.01), b.q(value, 0.01), b.q(value, 0.02)
    used = b.custom("Unknown", same)
    b.graph.inputs, b.graph.outputs = [source], [one, other, used]
    b.run()
    assert b.ops == ["Erf", "QUANTIZE", "Unknown"]
    assert b.graph.nodes[1].inputs == [one]  # requantizes what the op now gives
    assert b.graph.nodes[2].inputs == [one]


def test_multi_input_ops_with_constants_and_inputs_that_stay() -> None:
    declaration = Declaration.from_json(
        {
            "name": "Crop",
            "version": 1,
            "inputs": [
                _arg("image", "T", ["float32", "qint8"]),
                _arg("other", "T", ["float32", "qint8"]),
                _arg("boxes", "float32", ["float32"]),
                _arg("size", "int32", ["int32"]),
            ],
            "outputs": [_arg("crops", "T", ["float32", "qint8"])],
            "types": {"T": ["float32", "qint8"]},
            "attrs": [],
        }
    )
    b = _Builder()
    source, boxes, size = b.tensor("in", "int8", 0.1), b.tensor("boxes"), b.tensor("size", "int32")
    constant = b.tensor("constant")
    values = np.linspace(-1, 3, 6, dtype=np.float32).reshape(2, 3)
    constant.set_numpy(values)
    result = b.q(b.custom("Crop", b.dq(source), constant, boxes, size), 0.1)
    b.graph.inputs, b.graph.outputs = [source, boxes, size], [result]
    b.run(Kernels([declaration]))
    (node,) = b.graph.nodes
    assert node.inputs[0] is source and node.inputs[2] is boxes and node.inputs[3] is size
    scale, zero = node.inputs[1].quantization.params()
    restored = (node.inputs[1].numpy().astype(np.float32) - zero) * scale
    assert node.inputs[1].dtype == "int8"
    assert np.abs(restored - values).max() <= scale / 2 + 1e-6


def test_refuses_per_channel_and_mixed_types() -> None:
    b = _Builder()
    source = b.tensor("in", "int8", 0.1)
    source.quantization = Quantization(np.ones(3, np.float32), np.zeros(3, np.int64), axis=1)
    result = b.q(b.custom("Erf", b.dq(source)), 0.01)
    b.graph.inputs, b.graph.outputs = [source], [result]
    assert "per channel" in b.run().refused[0].reason

    b = _Builder()
    left, right = b.tensor("a", "int8", 0.1), b.tensor("b", "int16", 0.1)
    result = b.q(b.custom("Two", b.dq(left), b.dq(right)), 0.01)
    b.graph.inputs, b.graph.outputs = [left, right], [result]
    report = b.run(Kernels([_declared("Two", ALL_QUANTIZED, inputs=2)]))
    assert "is int16, other tensors are int8" in report.refused[0].reason


def test_kernels_without_a_quantized_form_stay_float() -> None:
    b = _Builder()
    source = b.tensor("in", "int8", 0.1)
    result = b.q(b.custom("Erf", b.dq(source)), 0.01)
    b.graph.inputs, b.graph.outputs = [source], [result]
    report = b.run(Kernels([_declared("Erf", ["float32"])]))
    assert b.ops == ["DEQUANTIZE", "Erf", "QUANTIZE"]
    assert report.refused[0].reason == "the kernel of Erf has no qint8 form"


def test_float_models_are_left_alone() -> None:
    model = Model.load(tf_models.erf_custom())
    before = model.to_bytes()
    report = run_passes(model, [SinkQuantization({(0, "mul"): (-1, 1)})], ERF)
    assert not report.changes and not report.refused
    assert model.to_bytes() == before


def test_sinks_in_every_subgraph() -> None:
    b = _Builder()
    body = Subgraph("body")
    for graph in (b.graph, body):
        b.graph = graph
        source = b.tensor("in", "int8", 0.1)
        result = b.q(b.custom("Erf", b.dq(source)), 0.01)
        graph.inputs, graph.outputs = [source], [result]
    b.model.subgraphs.append(body)
    report = b.run()
    assert [c.subgraph for c in report.changes if c.rewrite == "sink-quantization"] == [0, 1]
    assert [[n.op for n in g.nodes] for g in b.model.subgraphs] == [["Erf"], ["Erf"]]


def test_rejects_an_unknown_storage_type() -> None:
    with pytest.raises(ValueError, match="int4"):
        SinkQuantization(default="int4")


def _sandwiches() -> Model:
    """Two custom ops between quantizers, with a side exit, as the converter leaves them."""
    b = _Builder()
    source = b.tensor("in")
    first = b.custom("Erf", b.dq(b.q(source, 0.1)), name="first")
    second = b.q(b.custom("Erf", first, name="second"), 0.02)
    result = b.dq(b.q(b.dq(second), 0.02))
    b.graph.inputs, b.graph.outputs = [source], [result, first]
    return b.model


def test_passes_survive_hostile_graphs() -> None:
    rng = random.Random(9)
    originals = [_sandwiches().to_bytes(), tf_models.convolution_int8(), tf_models.erf_in_while()]
    ranges = {(0, "first"): (-1.0, 1.0), (0, "second"): (-1.0, 1.0), (2, "while/Erf"): (-1, 1)}
    passes = [
        FlexToKernel(),
        SinkQuantization(ranges, default="int8"),
        CleanUp(),
        IntegerIO("int8", "int8"),
        CleanUp(),
    ]
    outcomes = {"done": 0, "refused": 0}
    for _ in range(2500):
        data = bytearray(rng.choice(originals))
        for _ in range(rng.randint(1, 3)):
            where = rng.randrange(len(data))
            data[where] = rng.choice([0, 1, 2, 255, data[where] ^ 1 << rng.randrange(8)])
        try:
            model = Model.load(bytes(data))
            scan(model, ERF)
            run_passes(model, passes, ERF)
            model.to_bytes()
            outcomes["done"] += 1
        except ModelError:
            outcomes["refused"] += 1
    assert min(outcomes.values()) > 200, outcomes


# ---- clean-up and integer edges ----------------------------------------------------------------


def test_equal_pairs_cancel_and_unequal_ones_stay() -> None:
    b = _Builder()
    source = b.tensor("in", "int8", 0.1, 3)
    float_value = b.dq(source)
    same, other = b.q(float_value, 0.1, 3), b.q(float_value, 0.2, 3)
    used = b.custom("Unknown", same)
    b.graph.inputs, b.graph.outputs = [source], [used, other]
    b.run(Kernels())
    assert b.ops == ["DEQUANTIZE", "QUANTIZE", "Unknown"]
    assert b.graph.nodes[2].inputs == [source]


def test_outputs_of_the_model_keep_their_names() -> None:
    b = _Builder()
    source = b.tensor("in", "int8", 0.1)
    result = b.q(b.dq(source), 0.1)
    b.graph.inputs, b.graph.outputs = [source], [result]
    report = b.run(Kernels())
    assert b.ops == ["DEQUANTIZE", "QUANTIZE"]
    assert "keeps its name" in report.refused[0].reason


def test_nodes_with_effects_are_never_dropped() -> None:
    b = _Builder()
    source = b.tensor("in")
    b.custom("Unknown", source)
    b.node("NEG", [source], b.tensor("unused"))
    b.graph.insert(2, Node("ASSIGN_VARIABLE", [source], []))
    b.graph.inputs, b.graph.outputs = [source], [source]
    b.run(Kernels())
    assert b.ops == ["Unknown", "ASSIGN_VARIABLE"]


def test_integer_edges() -> None:
    b = _Builder()
    source, result = b.tensor("in"), b.tensor("out")
    middle = b.custom("Erf", b.q(source, 0.1), name="e")
    middle.dtype, middle.quantization = "int8", Quantization.per_tensor(0.01, 0)
    b.node("DEQUANTIZE", [middle], result)
    b.graph.inputs, b.graph.outputs = [source], [result]
    b.model.signatures = [Signature("s", b.graph, {"a": source}, {"b": result})]
    report = run_passes(b.model, [IntegerIO("int8", "int8"), CleanUp()], ERF)
    assert b.ops == ["Erf"]
    again = Model.load(b.model.to_bytes())
    (entry,), (exit_,) = again.subgraphs[0].inputs, again.subgraphs[0].outputs
    assert (entry.name, entry.dtype, exit_.name, exit_.dtype) == ("in", "int8", "out", "int8")
    assert again.signatures[0].inputs == {"a": entry}
    assert again.signatures[0].outputs == {"b": exit_}
    assert len(report.changes) == 2


def test_integer_edges_are_refused_with_a_reason() -> None:
    b = _Builder()
    source = b.tensor("in")
    result = b.custom("Erf", source)
    b.q(source, 0.1)
    b.graph.inputs, b.graph.outputs = [source], [result]
    report = run_passes(b.model, [IntegerIO()], ERF)
    assert [r.reason for r in report.refused] == [
        "the input is also read in float",
        "the output is computed in float",
    ]


# ---- numbers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("storage", ["int8", "uint8", "int16"])
@pytest.mark.parametrize("bounds", [(-1.0, 3.0), (0.0, 6.0), (-5.0, -1.0), (2.0, 3.0), (0, 0)])
def test_scales_cover_the_range_and_hold_zero_exactly(
    storage: str, bounds: tuple[float, float]
) -> None:
    low, high = bounds
    scale, zero_point = params_for_range(low, high, storage)
    values = np.array([low, high, 0.0], np.float32)
    codes = quantize_array(values, scale, zero_point, storage)
    restored = (codes.astype(np.float64) - zero_point) * scale
    assert restored[2] == 0
    assert np.abs(restored - values).max() <= scale / 2 * 1.001


def test_quantize_array_matches_the_runtime() -> None:
    """The runtime's QUANTIZE, ties and saturation included."""
    scale, zero_point = 0.25, 3
    values = np.arange(-40, 40, 0.125, dtype=np.float32)
    model = Model([Subgraph("main")])
    graph = model.subgraphs[0]
    source = graph.add_tensor(Tensor("x", "float32", (values.size,)))
    target = graph.add_tensor(
        Tensor("q", "int8", (values.size,), quantization=Quantization.per_tensor(scale, zero_point))
    )
    graph.inputs, graph.outputs = [source], [target]
    graph.insert(0, Node("QUANTIZE", [source], [target]))
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_content=model.to_bytes(),
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    interpreter.set_tensor(0, values)
    interpreter.invoke()
    assert np.array_equal(
        interpreter.get_tensor(1), quantize_array(values, scale, zero_point, "int8")
    )


def test_sunk_op_gives_exactly_the_codes_of_the_sandwich() -> None:
    """Through the runtime, all 256 codes: DEQUANTIZE, Erf, QUANTIZE against Erf on int8."""
    codes = np.arange(-128, 128, dtype=np.int8).reshape(2, 128)

    def model() -> Model:
        b = _Builder()
        source = b.tensor("in", "int8", 0.03, -5)
        result = b.q(b.custom("Erf", b.dq(source)), 1 / 128, 1)
        b.graph.inputs, b.graph.outputs = [source], [result]
        for tensor in b.graph.tensors:
            tensor.shape = codes.shape
        return b.model

    sandwich, sunk = model(), model()
    report = run_passes(sunk, [SinkQuantization(), CleanUp()], registered_kernels())
    assert [n.op for n in sunk.subgraphs[0].nodes] == ["Erf"], report.refused
    assert np.array_equal(_invoke(sandwich, codes), _invoke(sunk, codes))


def _invoke(model: Model, *values: np.ndarray) -> np.ndarray:
    interpreter = opkit.Interpreter(model_content=model.to_bytes())
    interpreter.allocate_tensors()
    for detail, value in zip(interpreter.get_input_details(), values, strict=True):
        interpreter.set_tensor(detail["index"], value)
    interpreter.invoke()
    return np.array(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))


def test_rewritten_flex_model_computes_erf() -> None:
    from scipy.special import erf

    model = Model.load(tf_models.erf_in_while())
    report = run_passes(model, [FlexToKernel(), CleanUp()], registered_kernels())
    assert not report.refused
    x = np.random.default_rng(3).standard_normal((2, 3)).astype(np.float32)
    want = x.astype(np.float64)
    for _ in range(3):
        want = erf(want) + 1
    assert np.abs(_invoke(model, x) - want).max() < 1e-6


# ---- scan --------------------------------------------------------------------------------------


def test_scan_reports_flex_and_custom_nodes() -> None:
    result = scan(tf_models.erf_flex(), ERF)
    (node,) = result.nodes
    assert (node.op, node.found_as, node.node, node.served) == ("Erf", "flex", 1, True)
    assert [str(t) for t in node.inputs] == ["float32[?,4]"]
    assert result.node_count == 3
    result = scan(tf_models.strings_flex(), ERF)
    assert [n.op for n in result.unserved] == ["StringSplitV2", "RaggedTensorToTensor"]
    assert "no kernel" in result.unserved[0].reason
    assert "opkit new StringSplitV2" in result.unserved[0].next_step
    json.dumps(result.to_json())


def test_scan_checks_versions() -> None:
    model = Model.load(tf_models.erf_custom())
    node = next(n for _, _, n in model.nodes() if n.is_custom)
    node.version = 3
    (found,) = scan(model, ERF).nodes
    assert found.reason == "unknown version 3; the kernel has version 1"
    both = Kernels([_declared("Erf", ["float32"]), _declared("Erf", ["float32"], version=3)])
    assert scan(model, both).unserved == []


def test_scan_reports_damaged_options() -> None:
    model = Model.load(tf_models.erf_custom())
    node = next(n for _, _, n in model.nodes() if n.is_custom)
    node.custom_options = b"\xff\xff\xff\xff"
    (found,) = scan(model, ERF).unserved
    assert "malformed FlexBuffer" in found.reason


def test_scan_accepts_paths_and_stock_custom_ops(tmp_path: Any) -> None:
    model = Model.load(tf_models.erf_custom())
    path = model.save(tmp_path / "m.tflite")
    assert len(scan(path, ERF).nodes) == len(scan(str(path), ERF).nodes) == 1
    next(n for _, _, n in model.nodes() if n.is_custom).custom_code = "TFLite_Detection_PostProcess"
    assert scan(model, ERF).nodes == []


def _holes() -> Iterator[Any]:
    def constant(values: Any, dtype: Any) -> Tensor:
        tensor = Tensor("c", "int32", ())
        tensor.set_numpy(np.array(values, dtype))
        return tensor

    x3 = Tensor("x", "float32", (2, 2, 2))
    b5 = [Tensor("x", "bool", (2, 2, 2, 2, 2)), Tensor("y", "bool", (2, 1, 1, 1, 1))]
    x7 = [Tensor("x", "float32", (2,) * 7), Tensor("y", "float32", (2,) * 7)]
    rfft = [Tensor("x", "float32", (2, 1, 6)), constant([1, 6], np.int32)]
    rows = [Tensor("x", "float32", (2, 3)), constant([0, 2], np.int32)]
    yield "REVERSE_V2", [x3, constant([0, 2], np.int32)], "adjacent axes"
    yield "REVERSE_V2", [x3, constant([1, 2], np.int32)], ""
    yield "REVERSE_V2", [x3, constant([-1, 1], np.int32)], ""
    yield "LOGICAL_AND", b5, "rank 5"
    yield "LOGICAL_AND", [b5[0], b5[0]], ""
    yield "CONCATENATION", x7, "rank 7"
    yield "RFFT2D", rfft, "powers of two, the length is 6"
    yield "RFFT2D", [rfft[0], constant([1, 8], np.int32)], ""
    yield "SEGMENT_SUM", rows, "without gaps"
    yield "SEGMENT_SUM", [rows[0], constant([0, 1], np.int32)], ""
    yield "SEGMENT_SUM", [rows[0], Tensor("ids", "int32", (2,))], ""


@pytest.mark.parametrize(("builtin", "inputs", "text"), list(_holes()))
def test_scan_reports_builtins_that_will_not_run(
    builtin: str, inputs: list[Tensor], text: str
) -> None:
    output = Tensor("out", "float32", (1,))
    graph = Subgraph("main", [*dict.fromkeys(inputs), output])
    graph.inputs = [t for t in dict.fromkeys(inputs) if not t.is_constant]
    graph.outputs = [output]
    graph.nodes = [Node(builtin, list(inputs), [output])]
    nodes = scan(Model([graph]), Kernels()).nodes
    if not text:
        assert nodes == []
        return
    (node,) = nodes
    assert node.found_as == "builtin-hole" and not node.served
    assert text in node.reason and node.next_step


_RUN = """
import sys
import numpy as np
HOST
interpreter = Interpreter(model_content=sys.stdin.buffer.read())
interpreter.allocate_tensors()
for detail in interpreter.get_input_details():
    interpreter.set_tensor(detail["index"], np.ones(detail["shape"], detail["dtype"]))
interpreter.invoke()
"""


_LITERT = "from ai_edge_litert.interpreter import Interpreter"
_TENSORFLOW = "import tensorflow; Interpreter = tensorflow.lite.Interpreter"


@pytest.mark.parametrize(
    ("builtin", "host"),
    [
        ("REVERSE_V2", _LITERT),
        ("RFFT2D", _LITERT),
        ("SEGMENT_SUM", _LITERT),
        ("CONCATENATION", _LITERT),
        ("LOGICAL_AND", _TENSORFLOW),  # LiteRT 2.3 has learned it
    ],
)
def test_reported_builtins_do_fail_in_the_runtime(builtin: str, host: str) -> None:
    """In a child process: the runtime may abort. When one starts to work, its check must go."""
    data = tf_models.hole(builtin)
    assert [node.op for node in scan(data, Kernels()).nodes] == [builtin]
    done = subprocess.run(
        [sys.executable, "-c", _RUN.replace("HOST", host)], input=data, capture_output=True
    )
    assert done.returncode != 0
    assert b"ImportError" not in done.stderr


def test_scan_uses_the_kits_kernels_by_default() -> None:
    assert "Erf" in registered_kernels()
    assert scan(tf_models.erf_flex()).unserved == []


def test_shared_buffers_stay_shared() -> None:
    b = _Builder()
    shared = Buffer(np.arange(24, dtype=np.uint8))
    tensors = [b.tensor(f"t{i}") for i in range(3)]
    for tensor in tensors:
        tensor.buffer = shared
    b.graph.outputs = tensors
    again = Model.load(b.model.to_bytes())
    assert len({t.buffer for t in again.subgraphs[0].tensors}) == 1
