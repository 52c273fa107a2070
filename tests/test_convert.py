"""opkit.convert: from each kind of source to a model that runs and computes the same."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import opkit
import tf_models
from converted import check_close, ops_of
from opkit.convert import ConversionError, convert
from opkit.convert.result import METADATA_NAME
from opkit.model import Model

RNG = np.random.default_rng(11)


def tf() -> Any:
    """TensorFlow, imported when first needed."""
    return tf_models.tf()


@pytest.fixture(scope="module")
def keras_model() -> Any:
    """float32[?, 8]: dense with softplus, log1p, lgamma, dense."""
    keras = tf().keras
    keras.utils.set_random_seed(2)
    inputs = keras.Input((8,), name="features")
    x = keras.layers.Dense(6, activation="softplus", name="first")(inputs)
    x = keras.layers.Lambda(lambda v: tf().math.lgamma(tf().math.log1p(v) + 0.5))(x)
    return keras.Model(inputs, keras.layers.Dense(2, name="scores")(x))


# ---- sources -----------------------------------------------------------------------------------


def test_saved_model(erf_chain: Path) -> None:
    result = convert(erf_chain)
    assert ops_of(result.model) == ["FULLY_CONNECTED", "Erf", "Erf", "FULLY_CONNECTED"]
    assert result.kernels == {"Erf": 1}
    assert [step.name for step in result.steps] == ["load", "convert", "rewrite", "verify"]
    (signature,) = result.model.signatures
    assert (signature.key, list(signature.inputs), list(signature.outputs)) == (
        "serving_default",
        ["x"],
        ["y"],
    )
    check_close(result, 4e-6)
    json.dumps(result.to_json())
    details = {step.name: step.detail for step in result.steps}
    assert details["load"] == "signatures: serving_default"
    assert details["convert"] == "4 nodes, 2 Flex, 0 custom"
    assert details["rewrite"] == "2 Flex nodes to kernels"
    assert details["verify"].startswith("8 samples against TensorFlow, worst difference")


def test_keras_export_becomes_one_signature(keras_model: Any, tmp_path: Path) -> None:
    keras_model.export(tmp_path / "exported", verbose=False)
    assert set(tf().saved_model.load(tmp_path / "exported").signatures) == {
        "serve",
        "serving_default",
    }
    result = convert(tmp_path / "exported")
    assert [signature.key for signature in result.model.signatures] == ["serving_default"]
    assert len(result.model.subgraphs) == 1
    check_close(result, 4e-6)


def test_keras_model_and_file(keras_model: Any, tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    keras_model.save(path)
    loose = convert(keras_model)
    assert loose.kernels == {"Lgamma": 1, "Log1p": 1, "Softplus": 1}
    assert list(loose.model.signatures[0].inputs) == ["features"]
    assert list(loose.model.signatures[0].outputs) == ["scores"]
    check_close(loose, 4e-6)
    with pytest.raises(ConversionError, match=r"Keras cannot load"):
        convert(path)  # a Lambda layer is code: Keras refuses it by itself
    plain = tf().keras.Sequential(
        [tf().keras.Input((3,)), tf().keras.layers.Dense(2, activation="softplus")]
    )
    plain.save(path)
    result = convert(path)
    assert result.kernels == {"Softplus": 1}
    check_close(result, 4e-6)


def test_keras_weights_survive_a_module_that_hides_them(keras_model: Any) -> None:
    """TensorFlow loses them silently: it does not track Keras 3 variables in a tf.Module."""
    module = tf().Module()
    module.model = keras_model
    spec = tf().TensorSpec([None, 8], tf().float32)
    function = tf().function(lambda x: module.model(x), input_signature=[spec])
    result = convert(function)
    check_close(result, 4e-6)
    assert result.comparison.rows[0].scale > 0.01


def test_keras_model_with_named_inputs_and_outputs() -> None:
    keras = tf().keras
    left, right = keras.Input((3,), name="left"), keras.Input((3,), name="right")
    dense = keras.layers.Dense(2, activation="softplus", name="dense")(left)
    model = keras.Model([right, left], [keras.layers.Add(name="sum")([left, right]), dense])
    samples = [
        {"left": RNG.standard_normal((1, 3)), "right": RNG.standard_normal((1, 3)) + 7}
        for _ in range(100)
    ]
    result = convert(model, int8=True, representative_dataset=samples)
    assert sorted(result.model.signatures[0].inputs) == ["left", "right"]
    check_close(result, 0.03)


def test_functions_by_signature() -> None:
    module = tf().Module()
    module.v = tf().Variable([1.0, 2.0])
    spec = tf().TensorSpec([2], tf().float32)
    first = tf().function(lambda b, a: {"z": tf().math.erf(b), "a": a}, input_signature=[spec] * 2)
    second = tf().function(lambda x: tf().nn.softplus(x) + module.v, input_signature=[spec])
    result = convert({"first": first, "second": second.get_concrete_function()})
    assert [s.key for s in result.model.signatures] == ["first", "second"]
    assert sorted(result.model.signatures[0].outputs) == ["a", "z"]
    assert result.kernels == {"Erf": 1, "Softplus": 1}
    check_close(result, 4e-6)


def test_tflite_with_flex_in_every_form(tmp_path: Path) -> None:
    path = tmp_path / "flex.tflite"
    path.write_bytes(tf_models.erf_flex())
    results = [convert(source) for source in (path, str(path), path.read_bytes(), Model.load(path))]
    assert [ops_of(r.model) for r in results] == [["MUL", "Erf", "ADD"]] * 4
    assert len({r.to_bytes() for r in results}) == 1
    assert path.read_bytes() == tf_models.erf_flex()
    assert results[0].sizes["source"] == len(tf_models.erf_flex())


def test_lstm_with_free_batch_and_time() -> None:
    keras = tf().keras
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((None, 3)), keras.layers.LSTM(5), keras.layers.Dense(2)])
    result = convert(model)
    assert not any(op.startswith("Flex") for op in ops_of(result.model))
    assert {"TensorListReserve", "TensorListSetItem", "TensorListStack"} <= set(result.kernels)
    check_close(result, 4e-6)
    interpreter = opkit.Interpreter(model_content=result.to_bytes())
    runner = interpreter.get_signature_runner()
    for shape in ((1, 4, 3), (3, 7, 3)):
        x = RNG.standard_normal(shape).astype(np.float32)
        (got,) = runner(**{next(iter(result.model.signatures[0].inputs)): x}).values()
        assert np.abs(got - model(x).numpy()).max() < 1e-6


def test_state_stays(tmp_path: Path) -> None:
    module = tf().Module()
    module.v = tf().Variable([1.0, 2.0])
    spec = tf().TensorSpec([2], tf().float32)

    @tf().function(input_signature=[spec])
    def add(x: Any) -> Any:
        module.v.assign_add(x)
        return {"v": tf().nn.softplus(module.v)}

    tf().saved_model.save(module, str(tmp_path / "m"), signatures={"add": add})
    result = convert(tmp_path / "m")
    assert "Softplus" in ops_of(result.model) and "ASSIGN_VARIABLE" in ops_of(result.model)
    assert any("state" in note for note in result.notes)
    assert "change its variables" in result.comparison.skipped
    runner = opkit.Interpreter(model_content=result.to_bytes()).get_signature_runner("add")
    x = np.array([1.0, 1.0], np.float32)
    once, twice = runner(x=x)["v"], runner(x=x)["v"]
    assert np.allclose(once, np.log1p(np.exp([2.0, 3.0])), rtol=1e-6)
    assert np.allclose(twice, np.log1p(np.exp([3.0, 4.0])), rtol=1e-6)
    assert np.array_equal(module.v.numpy(), [1.0, 2.0])


@pytest.mark.parametrize(
    ("source", "error", "text"),
    [
        (3, ConversionError, "cannot convert a int"),
        ([], ConversionError, "list of 0 functions"),
        ({"a": 4}, ConversionError, "'a' is a int"),
        ({}, ConversionError, "no functions"),
        ("no/such/model", FileNotFoundError, "does not exist"),
        (b"nonsense", ValueError, "identifier"),
    ],
)
def test_refuses_what_is_no_model(source: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        convert(source)


def test_refuses_incomplete_sources(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match=r"without saved_model.pb"):
        convert(tmp_path)
    with pytest.raises(ConversionError, match="no inputs yet"):
        convert(tf().keras.Sequential([tf().keras.layers.Dense(2)]))
    with pytest.raises(ConversionError, match="needs an input_signature"):
        convert(tf().function(lambda x: x))


def test_a_crash_of_the_converter_is_an_error() -> None:
    """Stock conversion of this op kills the process (SIGSEGV in TF 2.21)."""
    spec = tf().TensorSpec([3, 4], tf().float32)
    function = tf().function(
        lambda x: tf().linalg.diag(x, k=(-1, 1), num_rows=4), input_signature=[spec]
    )
    with pytest.raises(ConversionError, match=r"converter (crashed \(SIG|failed)"):
        convert(function, isolate=True)
    fine = tf().function(lambda x: {"y": tf().math.erf(x)}, input_signature=[spec])
    result = convert(fine, isolate=True)
    assert result.kernels == {"Erf": 1}
    check_close(result, 4e-6)


# ---- protection --------------------------------------------------------------------------------


@pytest.mark.parametrize("op", ["Softplus", "Log1p", "Expm1", "Lgamma", "IsInf"])
def test_badly_lowered_ops_stay_whole(op: str) -> None:
    raw = getattr(tf().raw_ops, op)
    name = "features" if op == "Softplus" else "x"
    spec = tf().TensorSpec([None], tf().float32, name="x")
    function = tf().function(lambda x: {"y": raw(**{name: x})}, input_signature=[spec])
    x = np.array([1e-6, -1e-5, 1e-7, 0.3, 5.0, 50.0, 100.0, np.inf], np.float32)
    result = convert(function, representative_dataset=[x])
    assert ops_of(result.model) == [op]
    runner = opkit.Interpreter(model_content=result.to_bytes()).get_signature_runner()
    want = raw(**{name: tf().constant(x)}).numpy()
    assert np.allclose(runner(x=x)["y"], want, rtol=1e-6, atol=0, equal_nan=True)
    assert result.comparison.rows[0].mismatched == 0


def test_every_protected_op_becomes_one_custom_op() -> None:
    from opkit.convert.protect import PROTECTED
    from opkit.rewrite import registered_kernels

    assert set(PROTECTED) <= {declaration.name for declaration in registered_kernels()}
    x = tf().TensorSpec([2, 4, 6], tf().float32)
    arguments = {"RFFT": {"fft_length": [6]}, "RFFT2D": {"fft_length": [4, 6]}}

    def call(op: str, a: Any, b: Any) -> Any:
        raw = getattr(tf().raw_ops, op)
        if op in arguments:
            return raw(input=a, **arguments[op])
        if op.startswith("X"):
            return raw(x=a, y=b)
        return raw(**{"features" if op.startswith("S") else "x": a})

    functions = {
        op: tf().function(lambda a, b, op=op: {"y": call(op, a, b)}, input_signature=[x, x])
        for op in PROTECTED
    }
    result = convert(functions, verify=False)
    assert sorted(ops_of(result.model)) == sorted(PROTECTED)
    interpreter = opkit.Interpreter(model_content=result.to_bytes())
    values = [RNG.uniform(0.1, 2, (2, 4, 6)).astype(np.float32) for _ in range(2)]
    for op in PROTECTED:
        inputs = result.model.signatures[sorted(PROTECTED).index(op)].inputs
        runner = interpreter.get_signature_runner(op)
        got = runner(**{name: values["ab".index(name[0])] for name in inputs})["y"]
        want = call(op, *map(tf().constant, values)).numpy()
        assert np.allclose(got, want, rtol=4e-6, atol=4e-6 * np.abs(want).max()), op


def test_protection_reaches_into_loops_and_branches() -> None:
    def loop(x: Any) -> Any:
        def body(i: Any, v: Any) -> Any:
            return i + 1, tf().nn.softplus(v) - tf().math.log1p(v * v)

        y = tf().while_loop(lambda i, v: i < 3, body, (0, x))[1]
        return tf().cond(tf().reduce_sum(y) > 0, lambda: tf().math.expm1(y), lambda: y)

    spec = tf().TensorSpec([None, 3], tf().float32, name="x")
    result = convert(tf().function(loop, input_signature=[spec]))
    assert {"Softplus", "Log1p", "Expm1"} <= set(result.kernels)
    assert not {"EXP", "LOG"} & set(ops_of(result.model))
    check_close(result, 4e-6)


def test_attributes_travel_with_protected_ops() -> None:
    """An op with attributes of every kind that survives: through the wrapper alone."""
    from tensorflow.core.framework import graph_pb2

    from opkit.convert import protect as module
    from opkit.rewrite import registered_kernels

    graph = graph_pb2.GraphDef()
    node = graph.node.add(name="a", op="RFFT", input=["x", "n"])
    node.attr["Treal"].type = 1
    node.attr["Tcomplex"].type = 8
    counts = module.protect(graph, registered_kernels())
    assert counts == {"RFFT": 1}
    (function,) = graph.library.function
    assert node.op == "PartitionedCall" and node.attr["f"].func.name == function.signature.name
    assert [a.type for a in function.signature.input_arg] == [1, 3]
    assert [a.type for a in function.signature.output_arg] == [8]
    marker = function.attr["_implements"].func
    assert marker.name == "RFFT" and marker.attr["tfl_fusable_op"].b
    assert function.node_def[0].attr["Treal"].type == 1
    assert module.protect(graph, registered_kernels()) == {}


def test_ops_of_other_dtypes_are_left_to_the_converter() -> None:
    from tensorflow.core.framework import graph_pb2

    from opkit.convert.protect import protect
    from opkit.rewrite import registered_kernels

    graph = graph_pb2.GraphDef()
    graph.node.add(name="a", op="Softplus", input=["x"]).attr["T"].type = 3  # int32
    assert protect(graph, registered_kernels()) == {}
    assert graph.node[0].op == "Softplus"


@pytest.mark.parametrize("state", [False, True])
def test_composites_become_the_authors_own_op(state: bool) -> None:
    from opkit.convert import composite
    from opkit.rewrite import Declaration, Kernels

    kinds = {"alpha": "float", "count": "int", "flag": "bool", "text": "string"}
    argument = {"name": "x", "type": "float32", "dtypes": ["float32"]}
    declaration = Declaration.from_json(
        {
            "name": "MyOp",
            "version": 1,
            "inputs": [argument],
            "outputs": [argument],
            "types": {},
            "attrs": [{"name": n, "kind": k, "required": True} for n, k in kinds.items()],
        }
    )
    attrs = {"alpha": 0.5, "count": -3, "flag": True, "text": 'a"\\é'}
    mine = composite("MyOp", attrs)(lambda v: tf().tanh(v) * 0.5)
    module = tf().Module()
    module.v = tf().Variable(3.0)

    @tf().function(input_signature=[tf().TensorSpec([None, 4], tf().float32, name="x")])
    def call(x: Any) -> Any:
        if state:
            module.v.assign_add(1.0)
        return {"y": mine(x) * module.v}

    result = convert(call, kernels=Kernels([declaration]), verify=False)
    (node,) = (n for _, _, n in result.model.nodes() if n.is_custom)
    assert (node.op, node.attrs(kinds)) == ("MyOp", attrs)
    assert "TANH" not in ops_of(result.model)
    want = np.tanh(np.ones((1, 4))) * 0.5
    assert np.allclose(mine(tf().ones((1, 4))), want)


def test_composites_take_plain_attributes_only() -> None:
    from opkit.convert import composite

    with pytest.raises(TypeError, match="'a' is a list"):
        composite("MyOp", {"a": [1]})  # type: ignore[dict-item]


# ---- results, errors and files -----------------------------------------------------------------


def test_unserved_ops_are_listed() -> None:
    from opkit.rewrite import Kernels

    with pytest.raises(ConversionError) as caught:
        convert(tf_models.strings_flex(), kernels=Kernels())
    assert [node.op for node in caught.value.nodes] == ["StringSplitV2", "RaggedTensorToTensor"]
    text = str(caught.value)
    assert "no kernel for 2 of the model's nodes" in text
    assert "StringSplitV2 (flex, node 0)" in text
    assert "'s' string[?]" in text and "next step" in text


def test_file_says_which_kernels_it_needs(erf_chain: Path) -> None:
    data = convert(erf_chain, verify=False).to_bytes()
    entry = json.loads(Model.load(data).get_metadata(METADATA_NAME))
    assert entry["kernels"] == {"Erf": 1}
    assert entry["opkit"] == opkit.__version__


def test_int8_keeps_metadata_and_associated_files() -> None:
    model = Model.load(tf_models.erf_flex())
    model.set_metadata("MINE", b"hello")
    model.associated_files["labels.txt"] = b"a\nb\n"
    samples = [RNG.standard_normal((1, 4)).astype(np.float32) for _ in range(100)]
    result = convert(model, int8=True, representative_dataset=samples)
    again = Model.load(result.to_bytes())
    assert again.get_metadata("MINE") == b"hello"
    assert again.associated_files == {"labels.txt": b"a\nb\n"}
    assert [n.op for _, _, n in model.nodes()] == ["MUL", "Erf", "ADD"]
    assert any(n.is_flex for _, _, n in model.nodes())  # the caller's model is untouched


def test_output_is_never_overwritten_unasked(tmp_path: Path) -> None:
    source = tmp_path / "in.tflite"
    source.write_bytes(tf_models.erf_flex())
    target = tmp_path / "out.tflite"
    assert convert(source, output=target).path == target
    with pytest.raises(FileExistsError, match="overwrite=True"):
        convert(source, output=target)
    convert(source, output=target, overwrite=True)
    for overwrite in (False, True):
        with pytest.raises(FileExistsError, match="never overwritten"):
            convert(source, output=source, overwrite=overwrite)
    with pytest.raises(IsADirectoryError):
        convert(source, output=tmp_path, overwrite=True)
    with pytest.raises(FileNotFoundError, match="folder"):
        convert(source, output=tmp_path / "no" / "out.tflite")
    assert source.read_bytes() == tf_models.erf_flex()


def test_comparison_has_a_table(erf_chain: Path) -> None:
    from rich.console import Console

    console = Console(record=True, width=160, file=open(os.devnull, "w"))  # noqa: SIM115
    console.print(convert(erf_chain).comparison.view())
    text = console.export_text()
    assert "serving_default" in text and "max error" in text


def test_tflite_sources_need_no_tensorflow() -> None:
    code = (
        "import sys; sys.modules['tensorflow'] = None; import opkit;"
        "r = opkit.convert(sys.stdin.buffer.read()); assert r.kernels == {'Erf': 1};"
        "import opkit.convert as c\n"
        "try: c(r.model, int8=True, representative_dataset=[[1]])\n"
        "except ValueError as e: assert 'pip install tensorflow' in str(e), e\n"
        "else: raise SystemExit('no error')"
    )
    done = subprocess.run([sys.executable, "-c", code], input=tf_models.erf_flex())
    assert done.returncode == 0


def test_convert_is_callable_however_it_is_imported() -> None:
    module = importlib.import_module("opkit.convert")
    assert module(tf_models.erf_flex()).kernels == {"Erf": 1}
    assert opkit.convert(tf_models.erf_flex()).kernels == {"Erf": 1}
    assert convert is opkit.convert is module
    assert opkit.convert.ConversionError is ConversionError
    assert "representative_dataset" in inspect.signature(convert).parameters
