"""Quantization sinking, clean-up and integer edges: structure, numbers and refusals."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

import tf_models
from hand_built import ALL_QUANTIZED, ERF, Builder, argument, declared, invoke
from opkit.model import (
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

# ---- sinking ------------------------------------------------------------------------------------


@pytest.mark.parametrize("storage", ["int8", "uint8", "int16"])
def test_sinks_one_op(storage: str) -> None:
    b = Builder()
    source = b.tensor("in", storage, 0.1)
    result = b.q(b.custom("Erf", b.dq(source)), 0.01, dtype=storage)
    b.graph.inputs, b.graph.outputs = [source], [result]
    report = b.run()
    assert b.ops == ["Erf"]
    assert (b.graph.nodes[0].inputs, b.graph.nodes[0].outputs) == ([source], [result])
    assert [c.rewrite for c in report.changes] == ["sink-quantization", "clean-up"]
    assert b.graph.tensors == [source, result]


def test_sinks_chains_with_calibrated_ranges() -> None:
    b = Builder()
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
    b = Builder()
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
    b = Builder()
    source = b.tensor("in", "int8", 0.1)
    result = b.q(b.custom("Erf", b.custom("Erf", b.dq(source), name="middle")), 0.01)
    b.graph.inputs, b.graph.outputs = [source], [result]
    report = b.run(ranges={"middle": (low, high)})
    assert text in report.refused[0].reason
    assert "Erf" in b.ops and "DEQUANTIZE" in b.ops


def test_float_readers_and_outputs_keep_a_float_tensor() -> None:
    b = Builder()
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
    b = Builder()
    source = b.tensor("in")
    left = b.q(b.custom("Erf", source), 0.01)
    right = b.q(b.custom("Erf", source), 0.02)
    b.graph.inputs, b.graph.outputs = [source], [left, right]
    b.run(ranges={"in": (-2.0, 2.0)})
    assert b.ops == ["QUANTIZE", "Erf", "Erf"]


def test_several_quantizers_of_one_result() -> None:
    b = Builder()
    source = b.tensor("in", "int8", 0.1)
    value = b.custom("Erf", b.dq(source))
    one, same, other = b.q(value, 0.01), b.q(value, 0.01), b.q(value, 0.02)
    used = b.custom("Unknown", same)
    b.graph.inputs, b.graph.outputs = [source], [one, other, used]
    b.run()
    assert b.ops == ["Erf", "QUANTIZE", "Unknown"]
    assert b.graph.nodes[0].outputs == [other]  # it holds what the narrower ones do
    assert b.graph.nodes[1].inputs == [other]  # requantizes what the op now gives
    assert b.graph.nodes[2].inputs == b.graph.nodes[1].outputs == [one]


def test_a_narrow_range_of_one_reader_is_not_that_of_others() -> None:
    """TF's quantizer cuts off what a MAXIMUM behind it does not need; Erf needs it."""
    b = Builder()
    source = b.tensor("in")
    narrow = b.q(source, 0.01, -128)
    result = b.q(b.custom("Erf", source), 0.01)
    b.graph.inputs, b.graph.outputs = [source], [narrow, result]
    b.run(ranges={"in": (-2.0, 2.0)})
    quantizers = [node for node in b.graph.nodes if node.op == "QUANTIZE"]
    assert all(node.inputs == [source] for node in quantizers)
    (erf,) = [node for node in b.graph.nodes if node.op == "Erf"]
    assert erf.inputs[0] not in (source, narrow)
    assert erf.inputs[0].quantization.params() == params_for_range(-2.0, 2.0, "int8")


def test_results_hold_what_float_readers_need() -> None:
    b = Builder()
    source = b.tensor("in", "int8", 0.1)
    value = b.custom("Erf", b.dq(source), name="value")
    narrow = b.q(value, 0.003, -128)
    other = b.custom("Unknown", value)
    b.graph.inputs, b.graph.outputs = [source], [narrow, other]
    b.run(ranges={"value": (-1.0, 1.0)})
    assert b.ops == ["Erf", "DEQUANTIZE", "QUANTIZE", "Unknown"]
    wide = b.graph.nodes[0].outputs[0]
    low, high = (
        ((code - wide.quantization.params()[1]) * wide.quantization.params()[0])
        for code in (-128, 127)
    )
    assert low <= -0.99 and high >= 0.99
    assert b.graph.nodes[2].inputs == [wide] and b.graph.nodes[2].outputs == [narrow]


def test_neighbours_of_two_storage_types() -> None:
    """int8 before and int16 behind: the second op's codes come from a float value that exists."""
    b = Builder()
    source = b.tensor("in", "int8", 0.03)
    middle = b.custom("Erf", b.dq(source), name="middle")
    result = b.q(b.custom("Erf", middle), 1 / 32768, dtype="int16")
    b.graph.inputs, b.graph.outputs = [source], [result]
    b.run(ranges={"middle": (-1.0, 1.0)})
    written = set(b.graph.inputs)
    for node in b.graph.nodes:
        assert written >= {t for t in node.inputs if t is not None}, node
        written.update(node.outputs)
    codes = np.array([[-100, -30, 0], [10, 40, 127]], np.int8)
    got = invoke(b.model, codes) / 32768
    want = [math.erf(math.erf(code * 0.03)) for code in codes.reshape(-1)]
    assert np.abs(got.reshape(-1) - want).max() < 0.01


def test_multi_input_ops_with_constants_and_inputs_that_stay() -> None:
    declaration = Declaration.from_json(
        {
            "name": "Crop",
            "version": 1,
            "inputs": [
                argument("image", "T", ["float32", "qint8"]),
                argument("other", "T", ["float32", "qint8"]),
                argument("boxes", "float32", ["float32"]),
                argument("size", "int32", ["int32"]),
            ],
            "outputs": [argument("crops", "T", ["float32", "qint8"])],
            "types": {"T": ["float32", "qint8"]},
            "attrs": [],
        }
    )
    b = Builder()
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
    b = Builder()
    source = b.tensor("in", "int8", 0.1)
    source.quantization = Quantization(np.ones(3, np.float32), np.zeros(3, np.int64), axis=1)
    result = b.q(b.custom("Erf", b.dq(source)), 0.01)
    b.graph.inputs, b.graph.outputs = [source], [result]
    assert "per channel" in b.run().refused[0].reason

    b = Builder()
    left, right = b.tensor("a", "int8", 0.1), b.tensor("b", "int16", 0.1)
    result = b.q(b.custom("Two", b.dq(left), b.dq(right)), 0.01)
    b.graph.inputs, b.graph.outputs = [left, right], [result]
    report = b.run(Kernels([declared("Two", ALL_QUANTIZED, inputs=2)]))
    assert "is int16, other tensors are int8" in report.refused[0].reason


def test_kernels_without_a_quantized_form_stay_float() -> None:
    b = Builder()
    source = b.tensor("in", "int8", 0.1)
    result = b.q(b.custom("Erf", b.dq(source)), 0.01)
    b.graph.inputs, b.graph.outputs = [source], [result]
    report = b.run(Kernels([declared("Erf", ["float32"])]))
    assert b.ops == ["DEQUANTIZE", "Erf", "QUANTIZE"]
    assert report.refused[0].reason == "the kernel of Erf has no qint8 form"


def test_float_models_are_left_alone() -> None:
    model = Model.load(tf_models.erf_custom())
    before = model.to_bytes()
    report = run_passes(model, [SinkQuantization({(0, "mul"): (-1, 1)})], ERF)
    assert not report.changes and not report.refused
    assert model.to_bytes() == before


def test_sinks_in_every_subgraph() -> None:
    b = Builder()
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
    b = Builder()
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


# ---- clean-up and integer edges -----------------------------------------------------------------


def test_equal_pairs_cancel_and_unequal_ones_stay() -> None:
    b = Builder()
    source = b.tensor("in", "int8", 0.1, 3)
    float_value = b.dq(source)
    same, other = b.q(float_value, 0.1, 3), b.q(float_value, 0.2, 3)
    used = b.custom("Unknown", same)
    b.graph.inputs, b.graph.outputs = [source], [used, other]
    b.run(Kernels())
    assert b.ops == ["DEQUANTIZE", "QUANTIZE", "Unknown"]
    assert b.graph.nodes[2].inputs == [source]


def test_outputs_of_the_model_keep_their_names() -> None:
    b = Builder()
    source = b.tensor("in", "int8", 0.1)
    result = b.q(b.dq(source), 0.1)
    b.graph.inputs, b.graph.outputs = [source], [result]
    report = b.run(Kernels())
    assert b.ops == ["DEQUANTIZE", "QUANTIZE"]
    assert "keeps its name" in report.refused[0].reason


def test_nodes_with_effects_are_never_dropped() -> None:
    b = Builder()
    source = b.tensor("in")
    b.custom("Unknown", source)
    b.node("NEG", [source], b.tensor("unused"))
    b.graph.insert(2, Node("ASSIGN_VARIABLE", [source], []))
    b.graph.inputs, b.graph.outputs = [source], [source]
    b.run(Kernels())
    assert b.ops == ["Unknown", "ASSIGN_VARIABLE"]


def test_integer_edges() -> None:
    b = Builder()
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


def test_integer_inputs_take_the_widest_range() -> None:
    b = Builder()
    source = b.tensor("in")
    narrow, wide = b.q(source, 0.01, -128), b.q(source, 0.04)
    left, right = b.custom("Unknown", narrow), b.custom("Unknown", wide)
    b.graph.inputs, b.graph.outputs = [source], [left, right]
    run_passes(b.model, [IntegerIO("int8", "float32"), CleanUp()], ERF)
    assert b.graph.inputs == [wide]
    assert b.ops == ["QUANTIZE", "Unknown", "Unknown"]
    assert (b.graph.nodes[0].inputs, b.graph.nodes[0].outputs) == ([wide], [narrow])


def test_integer_inputs_need_one_range_for_all() -> None:
    b = Builder()
    source = b.tensor("in")
    above, below = b.q(source, 0.01, -128), b.q(source, 0.01, 127)
    b.graph.inputs, b.graph.outputs = [source], [b.custom("Unknown", above, below)]
    report = run_passes(b.model, [IntegerIO("int8", "float32")], ERF)
    assert [r.reason for r in report.refused] == [
        "the input is quantized to several ranges, and none holds the others"
    ]


def test_integer_edges_are_refused_with_a_reason() -> None:
    b = Builder()
    source = b.tensor("in")
    result = b.custom("Erf", source)
    b.q(source, 0.1)
    b.graph.inputs, b.graph.outputs = [source], [result]
    report = run_passes(b.model, [IntegerIO()], ERF)
    assert [r.reason for r in report.refused] == [
        "the input is also read in float",
        "the output is computed in float",
    ]


# ---- numbers ------------------------------------------------------------------------------------


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
        b = Builder()
        source = b.tensor("in", "int8", 0.03, -5)
        result = b.q(b.custom("Erf", b.dq(source)), 1 / 128, 1)
        b.graph.inputs, b.graph.outputs = [source], [result]
        for tensor in b.graph.tensors:
            tensor.shape = codes.shape
        return b.model

    sandwich, sunk = model(), model()
    report = run_passes(sunk, [SinkQuantization(), CleanUp()], registered_kernels())
    assert [n.op for n in sunk.subgraphs[0].nodes] == ["Erf"], report.refused
    assert np.array_equal(invoke(sandwich, codes), invoke(sunk, codes))
