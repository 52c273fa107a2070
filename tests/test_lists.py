"""Tensor lists in real models, in loops, between threads; and calls that must be refused."""

from __future__ import annotations

import concurrent.futures
import resource
import time

import numpy as np
import pytest

from opkit.model.values import DType
from opkit.runtime import Interpreter
from state_models import PLACES, RNNS, Graph, call, check_refused, from_function, rnn, rnn_bytes, tf

SHAPES = ((1, 4, 5), (3, 9, 5), (2, 1, 5), (3, 9, 5))


@pytest.mark.parametrize("name", RNNS)
@pytest.mark.parametrize("custom", [False, True], ids=["flex", "custom"])
def test_rnn_with_free_batch_and_time(name: str, custom: bool) -> None:
    model, data = rnn(name), rnn_bytes(name, custom)
    for host, by in PLACES if name == "lstm" else PLACES[-1:] + PLACES[:1]:
        interpreter = Interpreter(model_content=data, host=host, by=by)
        for batch, steps, width in SHAPES:
            steps = 6 if name == "distributed" else steps
            x = np.random.default_rng(steps).standard_normal((batch, steps, width), np.float32)
            if name == "masked":
                x[:, -1] = 0
            want = [y.numpy() for y in tf().nest.flatten(model(x))]
            got = call(interpreter, x)
            assert len(got) == len(want)
            for g, w in zip(got, want, strict=True):
                np.testing.assert_allclose(g, w, atol=2e-6, err_msg=f"{host} {by} {x.shape}")


def _loop(x):
    ta = tf().TensorArray(
        x.dtype, size=0, dynamic_size=True, clear_after_read=False, element_shape=x.shape[1:]
    )

    def body(i, ta):
        return i + 1, ta.write(i, x[i] + x[0])

    _, ta = tf().while_loop(lambda i, _: i < tf().shape(x)[0], body, [0, ta])
    return ta.stack(), ta.size(), ta.gather([0, 0])


def _ragged(x):
    ta = tf().TensorArray(
        tf().float32, size=0, dynamic_size=True, infer_shape=False, element_shape=[None, 4]
    )

    def body(i, ta):
        return i + 1, ta.write(i, x[i, : 1 + i % 2])

    _, ta = tf().while_loop(lambda i, _: i < tf().shape(x)[0], body, [0, ta])
    return ta.concat()


@pytest.mark.parametrize(
    "program",
    [
        _loop,
        _ragged,
        lambda x: tf().map_fn(lambda row: tf().reduce_sum(row) * row, x),
        lambda x: tf().scan(lambda a, b: a + b, x),
    ],
    ids=["growing", "concat", "map_fn", "scan"],
)
def test_tensor_array_loops(program) -> None:
    data = from_function(program, tf().TensorSpec([None, None, 4], tf().float32))
    for host, by in PLACES:
        interpreter = Interpreter(model_content=data, host=host, by=by)
        for shape in ((3, 2, 4), (7, 3, 4), (1, 2, 4)):
            x = np.random.default_rng(1).standard_normal(shape, np.float32)
            want = [y.numpy() for y in tf().nest.flatten(program(tf().constant(x)))]
            for g, w in zip(call(interpreter, x), want, strict=True):
                np.testing.assert_allclose(g, w, rtol=1e-6, atol=1e-6)


def test_list_of_strings_in_a_loop() -> None:
    def program(s):
        ta = tf().TensorArray(tf().string, size=tf().shape(s)[0], element_shape=[])

        def body(i, ta):
            return i + 1, ta.write(i, tf().strings.join([s[i], "!"]))

        return tf().while_loop(lambda i, _: i < tf().shape(s)[0], body, [0, ta])[1].stack()

    data = from_function(program, tf().TensorSpec([None], tf().string))
    words = np.array([b"a", b"", b"xyz"], dtype=object)
    for host, by in PLACES:
        (got,) = call(Interpreter(model_content=data, host=host, by=by), words)
        assert list(got) == [b"a!", b"!", b"xyz!"]


def test_interpreters_in_threads_do_not_disturb_each_other() -> None:
    data, model = rnn_bytes("lstm", False), rnn("lstm")
    inputs = [np.random.default_rng(k).standard_normal((2, 3 + k, 5), np.float32) for k in range(4)]
    wants = [model(x).numpy() for x in inputs]

    def work(k: int) -> float:
        interpreter = Interpreter(model_content=data)
        worst = 0.0
        for _ in range(30):
            worst = max(worst, np.abs(call(interpreter, inputs[k])[0] - wants[k]).max())
        return worst

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert max(pool.map(work, range(4))) < 2e-6


def test_a_thousand_runs_keep_no_memory() -> None:
    interpreter = Interpreter(model_content=rnn_bytes("lstm", False))
    x = np.ones((4, 50, 5), np.float32)

    def run(times: int) -> int:
        for _ in range(times):
            call(interpreter, x)
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    before = run(100)
    # One list of a run holds 50 items of 4 x 8 floats, 6 KB: 1000 leaked lists are 6 MB and more.
    assert run(1000) - before < 3000


def _seconds_a_step(interpreter, steps: int) -> float:
    x = np.ones((1, steps, 5), np.float32)
    call(interpreter, x)
    best = np.inf
    for _ in range(5):
        start = time.process_time()
        call(interpreter, x)
        best = min(best, time.process_time() - start)
    return best / steps


def test_cost_of_a_step_does_not_grow_with_the_steps() -> None:
    interpreter = Interpreter(model_content=rnn_bytes("lstm", False))
    few, many = _seconds_a_step(interpreter, 200), _seconds_a_step(interpreter, 6400)
    assert many < 2 * few  # copying the list in each step would cost 32 times as much


INT32, FLOAT = DType("int32"), DType("float32")


def _reserve(g: Graph, count: int = 3, shape=(-1,), dtype: str = "float32"):
    return g.node(
        "TensorListReserve",
        [g.constant(list(shape), "int32"), g.constant(count, "int32")],
        ["variant"],
        element_dtype=DType(dtype),
        shape_type=INT32,
    )[0]


def _set(g: Graph, handle, index: int, item, grow: bool = False):
    dtype = item.dtype
    return g.node(
        "TensorListSetItem",
        [handle, g.constant(index, "int32"), item],
        ["variant"],
        element_dtype=DType(dtype),
        resize_if_index_out_of_bounds=grow,
    )[0]


def _stack(g: Graph, handle, dtype: str = "float32", shape=(-1,), count: int = -1):
    return g.node(
        "TensorListStack",
        [handle, g.constant(list(shape), "int32")],
        [dtype],
        element_dtype=DType(dtype),
        num_elements=count,
    )[0]


def _get(g: Graph, handle, index: int, dtype: str = "float32", shape=(-1,)):
    return g.node(
        "TensorListGetItem",
        [handle, g.constant(index, "int32"), g.constant(list(shape), "int32")],
        [dtype],
        element_dtype=DType(dtype),
        Tshape=INT32,
    )[0]


def _length(g: Graph, handle):
    return g.node("TensorListLength", [handle], ["int32"])[0]


REFUSED = {
    "negative-size": (lambda g: _length(g, _reserve(g, -1)), "num_elements is -1"),
    "bad-element-shape": (lambda g: _length(g, _reserve(g, 1, [-2])), "holds -2"),
    "index-too-large": (lambda g: _get(g, _reserve(g), 3), "index is 3, the list has 3"),
    "index-negative": (lambda g: _get(g, _reserve(g), -1), "index is -1"),
    "index-int-min": (lambda g: _get(g, _reserve(g), -(2**31)), "index is -2147483648"),
    "set-too-large": (
        lambda g: _length(g, _set(g, _reserve(g), 3, g.constant([1.0], "float32"))),
        "index is 3",
    ),
    "set-negative-growing": (
        lambda g: _length(g, _set(g, _reserve(g), -1, g.constant([1.0], "float32"), True)),
        "index is -1",
    ),
    "item-of-other-dtype": (
        lambda g: _length(g, _set(g, _reserve(g), 0, g.constant([1], "int32"))),
        "the list holds float32, the op is for int32",
    ),
    "item-of-other-shape": (
        lambda g: _length(g, _set(g, _reserve(g, 3, [2]), 0, g.constant([1.0], "float32"))),
        "does not fit",
    ),
    "stack-of-other-dtype": (lambda g: _stack(g, _reserve(g), "int32"), "the list holds float32"),
    "stack-unknown-shape": (lambda g: _stack(g, _reserve(g)), "not fully defined"),
    "stack-of-other-length": (lambda g: _stack(g, _reserve(g), count=4), "num_elements is 4"),
    "stack-shapes-differ": (
        lambda g: _stack(
            g,
            _set(
                g,
                _set(g, _reserve(g), 0, g.constant([1.0], "float32")),
                1,
                g.constant([1.0, 2.0], "float32"),
            ),
        ),
        "do not agree",
    ),
    "stack-too-large": (
        lambda g: _stack(g, _reserve(g, 2**31 - 1, [2**31 - 1]), shape=[2**31 - 1]),
        "too large|would have",
    ),
    "item-too-large": (
        lambda g: _get(g, _reserve(g, 1, [2**31 - 1] * 4), 0, shape=[2**31 - 1] * 4),
        "too large",
    ),
    "rank-of-nine": (lambda g: _length(g, _reserve(g, 1, [1] * 9)), "rank 9"),
    "pop-of-nothing": (
        lambda g: g.node(
            "TensorListPopBack",
            [_reserve(g, 0), g.constant([-1], "int32")],
            ["variant", "float32"],
            element_dtype=FLOAT,
        )[1],
        "empty",
    ),
    "negative-resize": (
        lambda g: _length(
            g,
            g.node("TensorListResize", [_reserve(g), g.constant(-5, "int32")], ["variant"])[0],
        ),
        "size is -5",
    ),
    "gather-out-of-range": (
        lambda g: g.node(
            "TensorListGather",
            [_reserve(g), g.constant([0, 7], "int32"), g.constant([1], "int32")],
            ["float32"],
            element_dtype=FLOAT,
        )[0],
        "index 7 at position 1",
    ),
    "scatter-negative": (
        lambda g: _length(
            g,
            g.node(
                "TensorListScatterV2",
                [
                    g.constant([[1.0], [2.0]], "float32"),
                    g.constant([0, -1], "int32"),
                    g.constant([1], "int32"),
                    g.constant(-1, "int32"),
                ],
                ["variant"],
                element_dtype=FLOAT,
                shape_type=INT32,
            )[0],
        ),
        "index -1 at position 1",
    ),
    "split-beyond": (
        lambda g: _length(
            g,
            g.node(
                "TensorListSplit",
                [
                    g.constant([[1.0], [2.0]], "float32"),
                    g.constant([-1, 1], "int32"),
                    g.constant([1, 2**62], "int64"),
                ],
                ["variant"],
                element_dtype=FLOAT,
                shape_type=INT32,
            )[0],
        ),
        r"lengths\[1\]",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_a_reason(name: str) -> None:
    check_refused(*REFUSED[name])


@pytest.mark.parametrize("op", ["TensorListReserve", "EmptyTensorList"])
def test_a_list_of_resources_is_refused_at_load(op: str) -> None:
    g = Graph()
    handle = g.node(
        op,
        [g.constant([1], "int32"), g.constant(1, "int32")],
        ["variant"],
        element_dtype=DType("resource"),
        shape_type=INT32,
    )[0]
    interpreter = g.load([_length(g, handle)])
    with pytest.raises(RuntimeError, match="element_dtype is resource; a list holds numbers"):
        interpreter.allocate_tensors()


def test_a_resource_is_no_item() -> None:
    g = Graph()
    table = g.node(
        "MutableHashTableV2", [], ["resource"], key_dtype=DType("int64"), value_dtype=FLOAT
    )[0]
    with pytest.raises(RuntimeError, match=r"'item'.* is resource, this kernel takes"):
        g.run([_length(g, _set(g, _reserve(g), 0, table))])


def test_a_full_list_takes_no_more() -> None:
    g = Graph()
    handle = g.node(
        "EmptyTensorList",
        [g.constant([1], "int32"), g.constant(1, "int32")],
        ["variant"],
        element_dtype=FLOAT,
        shape_type=INT32,
    )[0]
    item = g.constant([1.0], "float32")
    for _ in range(2):
        handle = g.node("TensorListPushBack", [handle, item], ["variant"], element_dtype=FLOAT)[0]
    with pytest.raises(RuntimeError, match="full"):
        g.run([_length(g, handle)])


def test_an_empty_variant_input_is_refused() -> None:
    g = Graph()
    handle = g.input("variant")
    length = _length(g, handle)
    interpreter = g.load([length])
    with pytest.raises(RuntimeError, match="variant"):
        interpreter.allocate_tensors()
        interpreter.invoke()


def test_reserving_the_most_items_costs_nothing() -> None:
    g = Graph()
    handle = _reserve(g, 2**31 - 1, [2])
    handle = _set(g, handle, 2**31 - 2, g.constant([3.0, 4.0], "float32"))
    last = _get(g, handle, 2**31 - 2)
    unset = _get(g, handle, 2**31 - 3)
    length, item, zeros = g.run([_length(g, handle), last, unset])
    assert length == 2**31 - 1
    assert item.tolist() == [3, 4]
    assert zeros.tolist() == [0, 0]


def test_a_long_list_against_a_plain_one() -> None:
    """Random sets, growth and cuts over three levels of the tree."""
    rng = np.random.default_rng(0)
    g = Graph()
    size, plain = 300, np.zeros((300, 2), np.float32)
    handle = _reserve(g, size, [2])
    for _ in range(200):
        kind = rng.integers(0, 10)
        if kind == 0:
            size = int(rng.integers(1, 5000))
            plain = np.concatenate([plain, np.zeros((5000, 2), np.float32)])[:size]
            handle = g.node("TensorListResize", [handle, g.constant(size, "int32")], ["variant"])[0]
        else:
            index = int(rng.integers(0, size))
            plain[index] = rng.standard_normal(2)
            handle = _set(g, handle, index, g.constant(plain[index].tolist(), "float32"))
    (got,) = g.run([_stack(g, handle, shape=[2])])
    np.testing.assert_array_equal(got, plain)
