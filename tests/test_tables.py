"""Lookup tables in real models, across signatures and interpreters; and calls that are refused."""

from __future__ import annotations

import concurrent.futures
import pathlib
import tempfile
from typing import Any

import numpy as np
import pytest

from opkit.model.values import DType, ShapeValue
from opkit.runtime import Interpreter
from state_models import HOSTS, PLACES, Graph, check_refused, convert, tf

WORDS = [b"the", b"quick", b"", "Füchse".encode(), b"x" * 300]


def _saved(module: Any, folder: pathlib.Path, **signatures: Any) -> bytes:
    """The module as a model, through a SavedModel: the way that keeps table initializers."""
    tf().saved_model.save(module, str(folder), signatures)
    return convert(tf().lite.TFLiteConverter.from_saved_model(str(folder)), False)


def _vocabulary(value_dtype: Any) -> Any:
    """A module that looks words up and embeds what it finds."""
    values = tf().constant([4, 3, 2, 1, 0], value_dtype)
    module = tf().Module()
    module.table = tf().lookup.StaticHashTable(
        tf().lookup.KeyValueTensorInitializer(tf().constant(WORDS), values), -1
    )
    weights = tf().constant(np.arange(18, dtype=np.float32).reshape(6, 3))

    def look(words: Any) -> Any:
        ids = module.table.lookup(words)
        rows = tf().gather(weights, tf().where(ids < 0, tf().cast(5, ids.dtype), ids))
        return {"ids": ids, "sum": tf().reduce_sum(rows, axis=0)}

    module.look = tf().function(look, input_signature=[tf().TensorSpec([None], tf().string)])
    return module


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_vocabulary_lookup(dtype: str, tmp_path: pathlib.Path) -> None:
    module = _vocabulary(tf().as_dtype(dtype))
    data = _saved(module, tmp_path, look=module.look)
    for host, by in PLACES:
        interpreter = Interpreter(model_content=data, host=host, by=by)
        runner = interpreter.get_signature_runner("look")
        for asked in (WORDS, [b"none"], [b"quick", b"Quick", b"quick", WORDS[3]]):
            words = np.array([*asked, b""], dtype=object)[:-1]
            got, want = runner(words=words), module.look(tf().constant(words))
            for key in want:
                np.testing.assert_array_equal(got[key], want[key].numpy(), err_msg=f"{host} {by}")


def test_vocabulary_layer_of_keras(tmp_path: pathlib.Path) -> None:
    keras = tf().keras
    layer = keras.layers.StringLookup(vocabulary=["a", "b", "c"], num_oov_indices=1)
    module = tf().Module()
    module.layer = layer
    module.call = tf().function(
        lambda words: {"ids": layer(words)}, input_signature=[tf().TensorSpec([None], tf().string)]
    )
    data = _saved(module, tmp_path, serve=module.call)
    words = np.array([b"b", b"zzz", b"a", b"c", b"b"], dtype=object)
    for host in HOSTS:
        runner = Interpreter(model_content=data, host=host).get_signature_runner("serve")
        (name,) = runner.get_input_details()
        np.testing.assert_array_equal(runner(**{name: words})["ids"], layer(words).numpy())


INT64, FLOAT, STRING = DType("int64"), DType("float32"), DType("string")


def _table(
    g: Graph, name: str = "t", key: DType = INT64, value: DType = FLOAT, kind: str = ""
) -> Any:
    return g.node(
        kind or "MutableHashTableV2",
        [],
        ["resource"],
        shared_name=name,
        container="",
        use_node_name_sharing=False,
        key_dtype=key,
        value_dtype=value,
    )[0]


def _insert(g: Graph, table: Any, keys: Any, values: Any, op: str = "LookupTableInsertV2") -> None:
    g.node(op, [table, keys, values], [], Tin=DType(keys.dtype), Tout=DType(values.dtype))


def _find(g: Graph, table: Any, keys: Any, default: Any) -> Any:
    return g.node(
        "LookupTableFindV2",
        [table, keys, default],
        [default.dtype],
        Tin=DType(keys.dtype),
        Tout=DType(default.dtype),
    )[0]


def _size(g: Graph, table: Any) -> Any:
    return g.node("LookupTableSizeV2", [table], ["int64"])[0]


def _counter() -> bytes:
    """Two signatures of one table: put(keys, values) -> size, and get(keys) -> values."""
    module = tf().Module()
    ops = tf().raw_ops

    def table() -> Any:
        return ops.MutableHashTableV2(
            shared_name="shared", key_dtype=tf().int64, value_dtype=tf().float32
        )

    def put(keys: Any, values: Any) -> Any:
        handle = table()
        with tf().control_dependencies(
            [ops.LookupTableInsertV2(table_handle=handle, keys=keys, values=values)]
        ):
            return {"size": ops.LookupTableSizeV2(table_handle=handle)}

    def get(keys: Any) -> Any:
        return {
            "values": ops.LookupTableFindV2(
                table_handle=table(), keys=keys, default_value=tf().constant(-1.0)
            )
        }

    keys = tf().TensorSpec([None], tf().int64, "keys")
    values = tf().TensorSpec([None], tf().float32, "values")
    module.put = tf().function(put, input_signature=[keys, values])
    module.get = tf().function(get, input_signature=[keys])
    with tempfile.TemporaryDirectory() as folder:
        return _saved(module, pathlib.Path(folder), put=module.put, get=module.get)


@pytest.fixture(scope="module")
def counter() -> bytes:
    return _counter()


def test_signatures_of_one_interpreter_share_a_table(counter: bytes) -> None:
    for host, by in PLACES:
        one = Interpreter(model_content=counter, host=host, by=by)
        two = Interpreter(model_content=counter, host=host, by=by)
        put, get = one.get_signature_runner("put"), one.get_signature_runner("get")
        keys = np.array([3, 1, 3], np.int64)
        assert put(keys=keys, values=np.array([1, 2, 5], np.float32))["size"] == 2
        assert get(keys=np.array([1, 2, 3], np.int64))["values"].tolist() == [2, -1, 5]
        assert put(keys=keys[:1] + 1, values=np.array([9], np.float32))["size"] == 3
        # Another interpreter has a table of its own.
        other = two.get_signature_runner("get")
        assert other(keys=np.array([1, 3], np.int64))["values"].tolist() == [-1, -1]


def test_tables_end_with_their_interpreter(counter: bytes) -> None:
    for _ in range(3):
        interpreter = Interpreter(model_content=counter)
        put = interpreter.get_signature_runner("put")
        got = put(keys=np.array([1], np.int64), values=np.array([1], np.float32))
        assert got["size"] == 1
        del put, interpreter


def test_interpreters_in_threads(counter: bytes) -> None:
    def work(k: int) -> bool:
        interpreter = Interpreter(model_content=counter)
        put = interpreter.get_signature_runner("put")
        get = interpreter.get_signature_runner("get")
        for step in range(50):
            keys = np.arange(step + 1, dtype=np.int64)
            if put(keys=keys, values=(keys * k).astype(np.float32))["size"] != step + 1:
                return False
        return get(keys=keys)["values"].tolist() == (keys * k).tolist()

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(1, 9)))


@pytest.mark.parametrize("key", ["int32", "int64", "string"])
def test_many_keys_against_a_dictionary(key: str) -> None:
    """Random inserts and removals; the table must agree with a dict after each."""

    def column(numbers: Any) -> np.ndarray:
        if key == "string":
            return np.array([b"%d" % n for n in numbers], dtype=object)
        return np.asarray(numbers, dtype=key)

    g = Graph()
    table = _table(g, key=DType(key))
    keys, values = g.input(key, [400]), g.input("float32", [400])
    gone = g.input(key, [300])
    _insert(g, table, keys, values)
    g.node("LookupTableRemoveV2", [table, gone], [], Tin=DType(key))
    every = g.constant(column(range(-50, 1000)), key)
    found = _find(g, table, every, g.constant(-1.0, "float32"))
    size = _size(g, table)
    exported = g.node(
        "LookupTableExportV2", [table], [key, "float32"], Tkeys=DType(key), Tvalues=FLOAT
    )
    interpreter = g.load([found, size, *exported])
    interpreter.allocate_tensors()
    rng, plain = np.random.default_rng(3), {}
    index = {d["name"]: d["index"] for d in interpreter.get_input_details()}
    for _ in range(40):
        new = column(rng.integers(-50, 1000, 400))
        numbers = rng.standard_normal(400, np.float32)
        drop = column(rng.integers(-50, 1000, 300))
        for tensor, value in ((keys, new), (values, numbers), (gone, drop)):
            interpreter.set_tensor(index[tensor.name], value)
        interpreter.invoke()
        plain.update(zip(new.tolist(), numbers.tolist(), strict=True))
        for k in drop.tolist():
            plain.pop(k, None)
        got, count, out_keys, out_values = (
            interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()
        )
        assert count == len(plain)
        wanted = [plain.get(k, -1.0) for k in column(range(-50, 1000)).tolist()]
        np.testing.assert_array_equal(got, wanted)
        assert dict(zip(out_keys.tolist(), out_values.tolist(), strict=True)) == plain


def test_an_anonymous_table_is_new_in_each_run() -> None:
    g = Graph()
    table = g.node(
        "AnonymousMutableHashTable", [], ["resource"], key_dtype=INT64, value_dtype=FLOAT
    )[0]
    keys = g.input("int64", [1])
    _insert(g, table, keys, g.constant([1.0], "float32"))
    interpreter = g.load([_size(g, table)])
    interpreter.allocate_tensors()
    for k in range(3):
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], np.array([k]))
        interpreter.invoke()
        assert interpreter.get_tensor(interpreter.get_output_details()[0]["index"]) == 1


def _refuse_insert(g: Graph, keys: Any, values: Any, kind: str = "") -> Any:
    table = _table(g, kind=kind)
    _insert(g, table, keys, values)
    return _size(g, table)


def _import_twice(g: Graph, second: list[int]) -> Any:
    table = _table(g, kind="HashTableV2")
    for keys in ([1, 2], second):
        values = g.constant([1.0] * len(keys), "float32")
        _insert(g, table, g.constant(keys, "int64"), values, "LookupTableImportV2")
    return _size(g, table)


def _same_key_twice(g: Graph) -> Any:
    table = _table(g, kind="HashTableV2")
    keys, values = g.constant([1, 1], "int64"), g.constant([1.0, 2.0], "float32")
    _insert(g, table, keys, values, "LookupTableImportV2")
    return _size(g, table)


def _initialize(g: Graph, keys: Any, values: Any, kind: str = "HashTableV2") -> Any:
    table = _table(g, kind=kind)
    g.node("InitializeTableV2", [table, keys, values], [], Tkey=INT64, Tval=FLOAT)
    return _size(g, table)


def _export(g: Graph, kind: str) -> Any:
    """(keys, values) of a table that nobody filled."""
    return g.node("LookupTableExportV2", [_table(g, kind, kind=kind)], ["int64", "float32"])


def _two_kinds(g: Graph) -> Any:
    _size(g, _table(g, "name", INT64, FLOAT))
    return _size(g, _table(g, "name", INT64, INT64))


def _vector_table(g: Graph, shape: Any) -> Any:
    return _size(
        g,
        g.node(
            "MutableHashTableOfTensorsV2",
            [],
            ["resource"],
            shared_name="v",
            key_dtype=INT64,
            value_dtype=FLOAT,
            value_shape=ShapeValue(shape),
        )[0],
    )


REFUSED = {
    "key-dtype": (
        lambda g: _refuse_insert(g, g.constant([1], "int32"), g.constant([1.0], "float32")),
        "keys are int32, the table's int64",
    ),
    "value-dtype": (
        lambda g: _refuse_insert(g, g.constant([1], "int64"), g.constant([1], "int32")),
        "values are int32, the table's float32",
    ),
    "value-shape": (
        lambda g: _refuse_insert(g, g.constant([1, 2], "int64"), g.constant([1.0], "float32")),
        r"values have shape \[1\], want \[2\]",
    ),
    "insert-into-hash-table": (
        lambda g: _refuse_insert(
            g, g.constant([1], "int64"), g.constant([1.0], "float32"), "HashTableV2"
        ),
        "no inserts",
    ),
    "find-before-import": (
        lambda g: _find(
            g,
            _table(g, kind="HashTableV2"),
            g.constant([1], "int64"),
            g.constant(0.0, "float32"),
        ),
        "not initialized",
    ),
    "export-before-import": (lambda g: _export(g, "HashTableV2")[0], "not initialized"),
    "initialize-mutable": (
        lambda g: _initialize(
            g, g.constant([1], "int64"), g.constant([1.0], "float32"), "MutableHashTableV2"
        ),
        "only a HashTable is initialized",
    ),
    "initialize-with-nothing": (
        lambda g: _initialize(g, *_export(g, "MutableHashTableV2")),
        "keys are empty",
    ),
    "default-shape": (
        lambda g: _find(g, _table(g), g.constant([1], "int64"), g.constant([0.0] * 3, "float32")),
        "default_value has shape",
    ),
    "import-of-other-size": (lambda g: _import_twice(g, [1, 2, 3]), "initialized before"),
    "key-twice": (_same_key_twice, "occurs twice"),
    "two-kinds-of-one-name": (_two_kinds, "another node made"),
    "key-type": (lambda g: _size(g, _table(g, key=FLOAT)), "key_dtype is float32"),
    "value-type": (lambda g: _size(g, _table(g, value=DType("variant"))), "value_dtype is variant"),
    "row-unknown": (lambda g: _vector_table(g, (-1,)), "value_shape"),
    "row-of-rank-2": (lambda g: _vector_table(g, (2, 2)), "value_shape"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_a_reason(name: str) -> None:
    check_refused(*REFUSED[name])


@pytest.mark.parametrize("kind", ["HashTableV2", "MutableHashTableV2"])
def test_tables_of_values_tensorflow_has_none_of_are_refused_at_load(kind: str) -> None:
    g = Graph()
    interpreter = g.load([_size(g, _table(g, value=DType("complex64"), kind=kind))])
    with pytest.raises(RuntimeError, match="value_dtype is complex64, want float32"):
        interpreter.allocate_tensors()


def test_a_handle_nobody_made_is_refused() -> None:
    g = Graph()
    handle = g.input("resource", [1])
    interpreter = g.load([_size(g, handle)])
    with pytest.raises((RuntimeError, ValueError), match=r"resource|handle"):
        interpreter.allocate_tensors()
        interpreter.invoke()


def test_import_of_the_same_size_keeps_the_first() -> None:
    g = Graph()
    table = _table(g, kind="HashTableV2")
    for value in (1.0, 2.0):
        keys, values = g.constant([5], "int64"), g.constant([value], "float32")
        _insert(g, table, keys, values, "LookupTableImportV2")
    (got,) = g.run([_find(g, table, g.constant([5], "int64"), g.constant(0.0, "float32"))])
    assert got.tolist() == [1.0]
