"""Lookup tables. Every case is a program: a table is made, filled, and asked."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from opkit.spec import Case, Peers, Spec, Types, register

_SOURCE = "tensorflow/core/kernels/lookup_table_op.cc"
# Pairs of key and value dtypes TensorFlow has kernels for.
_MUTABLE = (
    *(("string", v) for v in ("int64", "int32", "float32", "float64", "bool")),
    *(("int64", v) for v in ("string", "int64", "int32", "float32", "float64")),
    *(("int32", v) for v in ("int32", "float32", "float64")),
)
_ONCE = (*_MUTABLE, ("string", "string"), ("int32", "string"))
_serial = itertools.count()


def _column(dtype: str, numbers: list[int]) -> np.ndarray:
    """The numbers as keys or values of a dtype."""
    if dtype == "string":
        return np.array([f"word {n}".encode() if n else b"" for n in numbers], dtype=object)
    if dtype == "bool":
        return np.array([n % 2 == 1 for n in numbers])
    return np.array([n * 1_000_003 if dtype == "int64" else n for n in numbers], dtype=dtype)


def _name() -> str:
    """A shared name nobody else has: eager tables of one name live on between calls."""
    return f"opkit verify {next(_serial)}"


def _table(tf: Any, kind: str, key: str, value: str, row: int | None = None) -> Any:
    args: dict[str, Any] = {"key_dtype": tf.as_dtype(key), "value_dtype": tf.as_dtype(value)}
    if row is not None:
        args["value_shape"] = [row]
    if not kind.startswith("Anonymous"):
        args["shared_name"] = _name()
    return getattr(tf.raw_ops, kind)(**args)


def _scalar(tf: Any, dtype: str) -> Any:
    """A default value; interpreters take no 0-d array of strings as an input."""
    return tf.constant(_column(dtype, [99])[0], tf.as_dtype(dtype))


def _find_program(
    kind: str, key: str, value: str, fill: str = "LookupTableImportV2"
) -> Callable[..., Any]:
    def program(tf: Any, keys: Any, values: Any, queries: Any, grid: Any, defaults: Any) -> Any:
        table = _table(tf, kind, key, value)
        scalar = _scalar(tf, value)
        ops = tf.raw_ops
        empty = ops.LookupTableSizeV2(table_handle=table)
        getattr(ops, fill)(table_handle=table, keys=keys, values=values)
        outs = [
            empty,
            ops.LookupTableFindV2(table_handle=table, keys=queries, default_value=scalar),
            ops.LookupTableFindV2(table_handle=table, keys=grid, default_value=scalar),
            ops.LookupTableSizeV2(table_handle=table),
        ]
        if "Mutable" in kind:
            outs.append(
                ops.LookupTableFindV2(table_handle=table, keys=queries, default_value=defaults)
            )
        return outs

    return program


def _change_program(kind: str, key: str, value: str) -> Callable[..., Any]:
    """Import, insert (new and old keys), remove (present and absent keys), import again."""

    def program(tf: Any, keys: Any, values: Any, queries: Any, grid: Any, defaults: Any) -> Any:
        table = _table(tf, kind, key, value)
        scalar = _scalar(tf, value)
        ops = tf.raw_ops
        outs = []

        def look() -> None:
            for asked in (queries, grid, keys):
                outs.append(
                    ops.LookupTableFindV2(table_handle=table, keys=asked, default_value=scalar)
                )
            outs.append(ops.LookupTableSizeV2(table_handle=table))

        ops.LookupTableImportV2(table_handle=table, keys=keys, values=values)
        look()
        ops.LookupTableInsertV2(table_handle=table, keys=queries, values=defaults)
        look()
        ops.LookupTableRemoveV2(table_handle=table, keys=keys)
        look()
        ops.LookupTableRemoveV2(table_handle=table, keys=keys)
        ops.LookupTableInsertV2(table_handle=table, keys=keys, values=values)
        look()
        ops.LookupTableImportV2(table_handle=table, keys=queries, values=defaults)
        look()
        return outs

    return program


def _vector_program(key: str, value: str) -> Callable[..., Any]:
    """Values of three elements, one default for all and one for each key."""

    def program(
        tf: Any, keys: Any, rows: Any, queries: Any, gone: Any, default: Any, defaults: Any
    ) -> Any:
        table = _table(tf, "MutableHashTableOfTensorsV2", key, value, row=3)
        ops = tf.raw_ops
        find = ops.LookupTableFindV2
        ops.LookupTableImportV2(table_handle=table, keys=keys, values=rows)
        ops.LookupTableRemoveV2(table_handle=table, keys=gone)
        return [
            find(table_handle=table, keys=queries, default_value=default),
            find(table_handle=table, keys=queries, default_value=defaults),
            ops.LookupTableSizeV2(table_handle=table),
        ]

    return program


def _export_program(key: str, value: str) -> Callable[..., Any]:
    """One entry: tables of more have no order to compare."""

    def program(tf: Any, keys: Any, values: Any) -> Any:
        table = _table(tf, "MutableHashTableV2", key, value)
        ops = tf.raw_ops
        ops.LookupTableInsertV2(table_handle=table, keys=keys, values=values)
        return list(ops.LookupTableExportV2(table_handle=table, Tkeys=key, Tvalues=value))

    return program


def _inputs(key: str, value: str) -> dict[str, Any]:
    return {
        "keys": _column(key, [1, 2, 4, 5, 7]),
        "values": _column(value, [10, 20, 31, 41, 70]),
        "queries": _column(key, [2, 8, 4, 4, 11, 1, 7, 13]),
        "defaults": _column(value, [5, 6, 7, 8, 9, 10, 11, 12]),
        "grid": _column(key, [4, 4, 11, 1, 7, 2]).reshape(2, 3),
    }


def _vector_inputs(key: str, value: str) -> dict[str, Any]:
    return {
        "keys": _column(key, [1, 2, 4, 5, 7]),
        "rows": _column(value, list(range(15))).reshape(5, 3),
        "queries": _column(key, [2, 8, 4, 4, 11, 1, 7, 13]),
        "gone": _column(key, [4, 77]),
        "default": _column(value, [50, 51, 52]),
        "defaults": _column(value, list(range(100, 124))).reshape(8, 3),
    }


def _one_entry(key: str, value: str) -> dict[str, Any]:
    return {"keys": _column(key, [4]), "values": _column(value, [31])}


def _random_keys(key: str, count: int) -> np.ndarray:
    """Distinct integers of the key's whole range."""
    info = np.iinfo(key)
    keys = np.random.default_rng(count).integers(info.min, info.max, 2 * count, key, endpoint=True)
    return np.unique(keys)[::2][:count]


def _random_inputs(key: str, value: str) -> dict[str, Any]:
    """Thousands of keys; half of the queries are present, many of them repeated."""
    rng = np.random.default_rng(7)
    keys = rng.permutation(_random_keys(key, 4_000))
    return {
        "keys": keys[:3_000],
        "values": _column(value, list(range(3_000))),
        "queries": np.concatenate([keys[2_000:], rng.choice(keys, 1_000)]),
        "defaults": _column(value, list(range(10_000, 13_000))),
        "grid": rng.choice(keys, (3, 500)),
    }


def _cases(
    pairs: tuple[tuple[str, str], ...],
    make: Callable[[str, str], Callable[..., Any]],
    inputs: Callable[[str, str], dict[str, Any]] = _inputs,
) -> Callable[[Types], Iterator[Case]]:
    """One case a pair of dtypes; restricted to the run's where the op has type variables."""

    def cases(types: Types) -> Iterator[Case]:
        wanted = [types[n] for n in types]
        for key, value in pairs:
            if wanted and wanted != [key, value][: len(wanted)]:
                continue
            # Through the converter for one value dtype; it has tables of its own for two pairs.
            direct = value != "float32"
            program = make(key, value)
            yield Case(f"{key}-{value}", inputs(key, value), program=program, direct=direct)

    return cases


def _once(key: str, value: str) -> Callable[..., Any]:
    return _find_program("HashTableV2", key, value)


def _mutable(key: str, value: str) -> Callable[..., Any]:
    return _change_program("MutableHashTableV2", key, value)


def _changes(types: Types) -> Iterator[Case]:
    """All that changes a table, with few keys and, where they are integers, with many."""
    yield from _cases(_MUTABLE, _mutable)(types)
    pairs = tuple(pair for pair in _MUTABLE if pair[0] != "string")
    for case in _cases(pairs, _mutable, _random_inputs)(types):
        yield replace(case, id=f"{case.id}-random")


# --- what is timed: 10,000 keys -------------------------------------------------------------------


def _insert_bench(key: str) -> Callable[..., Any]:
    """Half of the keys are new, half replace; in later runs of a node all replace."""

    def program(tf: Any, keys: Any, values: Any) -> Any:
        table = _table(tf, "MutableHashTableV2", key, "float32")
        ops = tf.raw_ops
        for _ in range(2):
            ops.LookupTableInsertV2(table_handle=table, keys=keys, values=values)
        return ops.LookupTableSizeV2(table_handle=table)

    return program


def _shuffled_bench(key: str) -> Callable[..., Any]:
    """A thousand of the second insert's keys are new, the others replace in another order."""

    def program(tf: Any, keys: Any, values: Any, again: Any) -> Any:
        table = _table(tf, "MutableHashTableV2", key, "float32")
        ops = tf.raw_ops
        for some in (keys, again):
            ops.LookupTableInsertV2(table_handle=table, keys=some, values=values)
        return ops.LookupTableSizeV2(table_handle=table)

    return program


def _find_bench(key: str) -> Callable[..., Any]:
    """Fills a table and asks for its keys four times over, half of them absent."""

    def program(tf: Any, keys: Any, values: Any, asked: Any) -> Any:
        table = _table(tf, "MutableHashTableV2", key, "float32")
        ops = tf.raw_ops
        ops.LookupTableImportV2(table_handle=table, keys=keys, values=values)
        scalar = _scalar(tf, "float32")
        return ops.LookupTableFindV2(table_handle=table, keys=asked, default_value=scalar)

    return program


def _many(key: str, order: int, start: int = 0) -> np.ndarray:
    numbers = np.random.default_rng(order).permutation(10_000) * 17 + start
    return _column(key, numbers.tolist())


def _bench(types: Types) -> Iterator[Case]:
    key = types.get("Tin") or types.get("Tkey") or ""
    if [types[n] for n in types][1:] != ["float32"]:
        return
    values = np.arange(10_000, dtype=np.float32)
    asked = np.concatenate([_many(key, i, 17 * 5_000) for i in range(1, 5)])
    keys = _many(key, 0)
    yield Case("insert-10000", {"keys": keys, "values": values}, program=_insert_bench(key))
    find = {"keys": keys, "values": values, "asked": asked}
    yield Case("find-10000", find, program=_find_bench(key))
    if key == "string":
        return
    rng = np.random.default_rng(1)
    numbers = rng.permutation(_random_keys(key, 15_000))
    keys, again = numbers[:10_000], rng.permutation(numbers[1_000:11_000])
    shuffled = {"keys": keys, "values": values, "again": again}
    yield Case("insert-random-10000", shuffled, program=_shuffled_bench(key))
    find = {"keys": keys, "values": values, "asked": rng.choice(numbers, 40_000)}
    yield Case("find-random-10000", find, program=_find_bench(key))


def _spec(name: str, cases: Any, doc: str, **more: Any) -> Spec:
    return Spec(name, cases, peers=Peers(lowering=False), doc=doc, source=_SOURCE, **more)


def _timed(case: str) -> dict[str, Any]:
    """The bench cases of that name, for the key dtypes models have."""

    def bench(types: Types) -> Iterator[Case]:
        return (c for c in _bench(types) if c.id.startswith(case))

    return {"bench": bench, "bench_dtypes": ("int64", "string")}


register(
    _spec("HashTableV2", _cases(_ONCE, _once), "A table filled once."),
    _spec("MutableHashTableV2", _changes, "A table that can change."),
    _spec(
        "MutableHashTableOfTensorsV2",
        _cases(_MUTABLE, _vector_program, _vector_inputs),
        "A table whose values are vectors.",
    ),
    _spec(
        "AnonymousHashTable",
        _cases(_ONCE, lambda k, v: _find_program("AnonymousHashTable", k, v)),
        "A table without a name, new in each run of its node.",
    ),
    _spec(
        "AnonymousMutableHashTable",
        _cases(_MUTABLE, lambda k, v: _change_program("AnonymousMutableHashTable", k, v)),
        "A table without a name that can change, new in each run of its node.",
    ),
    _spec(
        "InitializeTableV2",
        _cases(_ONCE, lambda k, v: _find_program("HashTableV2", k, v, "InitializeTableV2")),
        "Fills a table that is filled once.",
    ),
    _spec(
        "LookupTableFindV2",
        _cases(_ONCE, _once),
        "Values of keys, or the default.",
        **_timed("find"),
    ),
    _spec(
        "LookupTableInsertV2",
        _changes,
        "Adds or replaces entries.",
        **_timed("insert"),
    ),
    _spec("LookupTableImportV2", _changes, "Replaces all entries."),
    _spec("LookupTableRemoveV2", _changes, "Removes keys; absent ones are fine."),
    _spec("LookupTableSizeV2", _changes, "Number of entries."),
    _spec(
        "LookupTableExportV2",
        _cases(_MUTABLE, _export_program, _one_entry),
        "All entries, in order of insertion (TensorFlow: in no order).",
    ),
)
