"""Lookup tables. Every case is a program: a table is made, filled, and asked."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from opkit.spec import Case, Peers, Spec, Types, register

_SOURCE = "tensorflow/core/kernels/lookup_table_op.cc"
_PARTIAL = (
    "A table op is verified inside a program, for the pairs of key and value dtypes that "
    "TensorFlow has tables of."
)

# Pairs of key and value dtypes TensorFlow has kernels for. Ours take any value dtype.
_MUTABLE = (
    *(("string", v) for v in ("int64", "int32", "float32", "float64", "bool")),
    *(("int64", v) for v in ("string", "int64", "int32", "float32", "float64")),
    *(("int32", v) for v in ("int32", "float32", "float64")),
)
_ONCE = (*_MUTABLE, ("string", "string"), ("int32", "string"))
# A named HashTable of these pairs becomes TFLite's own builtin.
_NAMED_ONCE = tuple(p for p in _ONCE if p not in (("string", "int64"), ("int64", "string")))

_serial = itertools.count()


def _column(dtype: str, numbers: list[int]) -> np.ndarray:
    """The numbers as keys or values of a dtype."""
    if dtype == "string":
        return np.array([f"word {n}".encode() if n % 3 else b"" for n in numbers], dtype=object)
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


def _find_program(
    kind: str, key: str, value: str, fill: str = "LookupTableImportV2"
) -> Callable[..., Any]:
    def program(tf: Any, keys: Any, values: Any, queries: Any, defaults: Any, one: Any) -> Any:
        table = _table(tf, kind, key, value)
        ops = tf.raw_ops
        empty = ops.LookupTableSizeV2(table_handle=table)
        getattr(ops, fill)(table_handle=table, keys=keys, values=values)
        grid, scalar = tf.reshape(queries, [2, -1]), tf.reshape(one, [])
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

    def program(tf: Any, keys: Any, values: Any, queries: Any, defaults: Any, one: Any) -> Any:
        table = _table(tf, kind, key, value)
        scalar = tf.reshape(one, [])
        ops = tf.raw_ops
        outs = []

        def look() -> None:
            for asked in (queries, keys):
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
        "one": _column(value, [99]),
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
            yield Case(f"{key}-{value}", inputs(key, value), program=make(key, value))

    return cases


def _spec(name: str, cases: Any, doc: str) -> Spec:
    return Spec(name, cases, peers=Peers(lowering=False), partial=_PARTIAL, doc=doc, source=_SOURCE)


def _once(key: str, value: str) -> Callable[..., Any]:
    return _find_program("HashTableV2", key, value)


def _mutable(key: str, value: str) -> Callable[..., Any]:
    return _change_program("MutableHashTableV2", key, value)


register(
    _spec("HashTableV2", _cases(_NAMED_ONCE, _once), "A table filled once."),
    _spec("MutableHashTableV2", _cases(_MUTABLE, _mutable), "A table that can change."),
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
        _cases(_NAMED_ONCE, lambda k, v: _find_program("HashTableV2", k, v, "InitializeTableV2")),
        "Fills a table that is filled once.",
    ),
    _spec("LookupTableFindV2", _cases(_NAMED_ONCE, _once), "Values of keys, or the default."),
    _spec("LookupTableInsertV2", _cases(_MUTABLE, _mutable), "Adds or replaces entries."),
    _spec("LookupTableImportV2", _cases(_MUTABLE, _mutable), "Replaces all entries."),
    _spec("LookupTableRemoveV2", _cases(_MUTABLE, _mutable), "Removes keys; absent ones are fine."),
    _spec("LookupTableSizeV2", _cases(_MUTABLE, _mutable), "Number of entries."),
    _spec(
        "LookupTableExportV2",
        _cases(_MUTABLE, _export_program, _one_entry),
        "All entries, in order of insertion (TensorFlow: in no order).",
    ),
)
