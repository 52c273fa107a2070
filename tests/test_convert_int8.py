"""opkit.convert to int8 and int16: what is quantized, and what is asked of samples."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import opkit
import tf_models
from converted import check_close, ops_of
from opkit.convert import CalibrationWarning, ConversionError, convert
from opkit.convert.check import Comparison
from opkit.model import Model, ModelError

RNG = np.random.default_rng(11)
SAMPLES = [RNG.standard_normal((1, 8)).astype(np.float32) for _ in range(100)]


def tf() -> Any:
    """TensorFlow, imported when first needed."""
    return tf_models.tf()


def test_int8_runs_custom_ops_in_int8(erf_chain: Path) -> None:
    result = convert(erf_chain, int8=True, representative_dataset=lambda: iter(SAMPLES))
    assert ops_of(result.model) == [
        "QUANTIZE",
        "FULLY_CONNECTED",
        "Erf",
        "Erf",
        "FULLY_CONNECTED",
        "DEQUANTIZE",
    ]
    erfs = [n for _, _, n in result.model.nodes() if n.op == "Erf"]
    assert all(t.dtype == "int8" and t.is_quantized for n in erfs for t in n.inputs + n.outputs)
    assert result.samples == 100
    details = {step.name: step.detail for step in result.steps}
    assert details["quantize"] == "2 custom ops to int8, 1 dead nodes dropped"
    assert details["calibrate"].startswith("100 samples, ")
    assert result.float_model is not None and "Erf" in ops_of(result.float_model)
    assert set(result.sizes) == {"source", "float", "quantized"}
    check_close(result, 0.05)


def test_int8_edges(erf_chain: Path) -> None:
    result = convert(
        erf_chain,
        int8=True,
        representative_dataset=SAMPLES,
        inference_input_type="int8",
        inference_output_type="int8",
    )
    assert ops_of(result.model) == ["FULLY_CONNECTED", "Erf", "Erf", "FULLY_CONNECTED"]
    (signature,) = result.model.signatures
    assert signature.inputs["x"].dtype == signature.outputs["y"].dtype == "int8"
    check_close(result, 0.05)


def test_int16_activations(erf_chain: Path) -> None:
    result = convert(erf_chain, int8="int16", representative_dataset=SAMPLES)
    erfs = [n for _, _, n in result.model.nodes() if n.op == "Erf"]
    assert [t.dtype for n in erfs for t in n.outputs] == ["int16", "int16"], result.report.refused
    check_close(result, 0.01)


def test_loops_with_results_that_nobody_reads(tmp_path: Path) -> None:
    """TF's calibrator reads such results, which have no memory, and would crash."""

    @tf().function(input_signature=[tf().TensorSpec([None, 3], tf().float32, name="x")])
    def nested(x: Any) -> Any:
        total = tf().zeros([3])
        for i in tf().range(tf().shape(x)[0]):
            inner = x[i]
            for _ in tf().range(2):
                inner = inner * 0.5 + total
                total = total * 0.5 + tf().math.erf(x[i])
        return {"y": total}

    module = tf().Module()
    module.nested = nested
    tf().saved_model.save(
        module, str(tmp_path / "nested"), signatures=nested.get_concrete_function()
    )
    samples = [RNG.standard_normal((4, 3)).astype(np.float32) for _ in range(100)]
    result = convert(tmp_path / "nested", int8=True, representative_dataset=samples)
    loops = [node for _, _, node in result.model.nodes() if node.op == "WHILE"]
    assert len(loops) == 2 and "RANK" not in ops_of(result.model)
    check_close(result, 0.05)


def test_int8_from_a_tflite_file() -> None:
    samples = [RNG.standard_normal((1, 4)).astype(np.float32) for _ in range(100)]
    result = convert(tf_models.erf_flex(), int8=True, representative_dataset=samples)
    assert ops_of(result.model) == ["QUANTIZE", "MUL", "Erf", "ADD", "DEQUANTIZE"]
    assert result.comparison.reference == "the float model"
    assert 0 < result.comparison.rows[0].max_abs < 0.06
    check_close(result, 0.03)
    interpreter = opkit.Interpreter(model_content=result.to_bytes())
    interpreter.allocate_tensors()
    from scipy.special import erf

    worst = 0.0
    for sample in samples[:20]:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], sample)
        interpreter.invoke()
        got = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
        worst = max(worst, float(np.abs(got - (erf(sample * 2) + 1)).max()))
    assert worst < 0.06


def test_what_cannot_be_calibrated_is_said(tmp_path: Path) -> None:
    module = tf().Module()
    floats, strings = tf().TensorSpec([1, 8], tf().float32), tf().TensorSpec([2], tf().string)
    module.a = tf().function(lambda x: tf().math.erf(x), input_signature=[floats])
    module.b = tf().function(lambda x: tf().math.erf(x * 2.0), input_signature=[floats])
    module.c = tf().function(
        lambda s, x: (tf().strings.lower(s), tf().math.erf(x)), input_signature=[strings, floats]
    )
    tf().saved_model.save(module, str(tmp_path / "two"), signatures={"a": module.a, "b": module.b})
    result = convert(tmp_path / "two", int8=True, representative_dataset=SAMPLES, verify=False)
    assert "signature 'b' stays in float: only the first one is calibrated" in result.notes
    tf().saved_model.save(module, str(tmp_path / "text"), signatures=module.c)
    samples = [[np.array([b"A", b"B"], object), sample] for sample in SAMPLES]
    with pytest.raises(ConversionError, match=r"input '.*' holds strings"):
        convert(tmp_path / "text", int8=True, representative_dataset=samples)


def test_number_of_samples_is_checked(erf_chain: Path) -> None:
    with pytest.warns(CalibrationWarning, match="3 samples; 100 to 500"):
        convert(erf_chain, int8=True, representative_dataset=SAMPLES[:3], verify=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error", CalibrationWarning)
        convert(erf_chain, int8=True, representative_dataset=SAMPLES, verify=False)


@pytest.mark.parametrize(
    ("samples", "text"),
    [
        ([], "dataset is empty"),
        ([np.zeros((1, 7), np.float32)], r"sample 1, input .*shape \[1, 7\]"),
        ([np.zeros((1, 8), np.float32), [np.zeros((1, 8))] * 2], "sample 2 has 2 arrays"),
        ([{"z": np.zeros((1, 8))}], "names z; the model's inputs are x"),
        ([np.array([["a"] * 8])], "want float32"),
        ([("other", {"x": np.zeros((1, 8))})], "signature 'other'; the model has: serving_default"),
    ],
)
def test_bad_samples_are_named(erf_chain: Path, samples: list[Any], text: str) -> None:
    with pytest.raises(ConversionError, match=text):
        convert(erf_chain, int8=True, representative_dataset=samples)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"int8": True}, "representative_dataset"),
        ({"int8": "int4"}, "'int4'"),
        ({"inference_input_type": "int8"}, "need int8=True"),
        (
            {"int8": True, "representative_dataset": SAMPLES, "inference_output_type": "uint8"},
            "want 'float32' or 'int8'",
        ),
    ],
)
def test_bad_arguments_are_refused_first(arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        convert("no/such/model", **arguments)


@pytest.mark.parametrize("storage", ["int8", "int16"])
def test_results_written_over_an_input_do_not_count_as_its_range(storage: str) -> None:
    """MUL works in place, and TF's calibrator looks at its inputs again after it ran."""

    @tf().function(input_signature=[tf().TensorSpec([1, 8], tf().float32, name="x")])
    def scaled(x: Any) -> Any:
        return {"y": tf().math.asinh(10.0 * tf().math.erf(x))}

    result = convert(scaled.get_concrete_function(), int8=storage, representative_dataset=SAMPLES)
    (erf,) = [node for _, _, node in result.model.nodes() if node.op == "Erf"]
    scale, _ = erf.outputs[0].quantization.params()
    assert scale < 2.1 / (255 if storage == "int8" else 65535)
    assert "RANK" not in ops_of(result.model)


def test_int16_leaves_no_float_op_with_codes() -> None:
    """TF's int16 quantizer does so: NEG gives garbage, GREATER and Cumprod refuse to run."""

    @tf().function(input_signature=[tf().TensorSpec([1, 8], tf().float32, name="x")])
    def mixed(x: Any) -> Any:
        y = tf().tanh(x)
        erf = tf().math.erf(x) + y
        return {"n": -x, "g": x > 0.25, "p": tf().math.cumprod(x), "e": erf}

    result = convert(mixed.get_concrete_function(), int8="int16", representative_dataset=SAMPLES)
    check_close(result, 0.001)
    (erf,) = [node for _, _, node in result.model.nodes() if node.op == "Erf"]
    assert [t.dtype for t in [*erf.inputs, *erf.outputs]] == ["int16", "int16"]
    mended = {c.before for c in result.report.changes if c.rewrite == "float-readers"}
    assert {"NEG", "GREATER", "Cumprod", "Erf"} <= mended


def test_what_ends_tensorflows_quantizer_is_refused_or_left_out() -> None:
    model = Model.load(tf_models.erf_custom())
    model.metadata.append(("", b"of nobody"))
    samples = [np.ones((1, 4), np.float32)] * 2
    with pytest.warns(CalibrationWarning):
        result = convert(model, True, samples, progress=False)
    assert result.model.get_metadata("") == b"of nobody"
    model.subgraphs[0].nodes.clear()
    with pytest.raises(ModelError, match="nothing gives a value"):
        convert(model, True, samples, progress=False)
    model = Model.load(tf_models.erf_custom())
    model.subgraphs[0].nodes[0].version = 99
    with pytest.raises(ConversionError, match="calibrator refuses the model"):
        convert(model, True, samples, progress=False)


def test_reasons_of_tensorflows_quantizer_reach_the_error(capfd: Any) -> None:
    """Slices of one tensor that it gave two scales; it says so on standard error only."""

    @tf().function(input_signature=[tf().TensorSpec([1, 8], tf().float32, name="x")])
    def sliced(x: Any) -> Any:
        y = tf().nn.softmax(x)
        return tf().minimum(y, tf().tanh(x)) + tf().concat([y[:, :4], y[:, 4:]], 1)

    function = sliced.get_concrete_function()
    with pytest.raises(ConversionError, match=r"same scale constraint.*; int8=.int16. takes"):
        convert(function, int8=True, representative_dataset=SAMPLES)
    assert "same scale constraint" in capfd.readouterr().err


def test_a_converted_model_that_does_not_run_is_a_conversion_error(
    erf_chain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise RuntimeError("node 3 failed to prepare")

    monkeypatch.setattr(opkit, "Interpreter", refuse)
    text = "the converted model does not run: node 3 failed to prepare; verify=False"
    with pytest.raises(ConversionError, match=text):
        convert(erf_chain)
    assert ops_of(convert(erf_chain, verify=False).model).count("Erf") == 2


def test_a_comparison_without_outputs_says_so() -> None:
    assert str(Comparison()) == "not compared: the model has no outputs"
