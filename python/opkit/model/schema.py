"""TFLite's flatbuffer schema: the generated object API, read through bounds-checked tables.

Which schema: both runtimes ship the module that flatc generates from their own ``schema.fbs``
(``schema_py_generated.py``), so the schema is always as new as the installed runtime and needs no
package beyond ``flatbuffers``, on which both depend. It is loaded by its file path under a private
name: importing it through its package would import all of TensorFlow. LiteRT's copy is preferred,
as the schema is developed there. The PyPI package ``tflite`` was not taken: it lags behind and
would silently drop the fields it does not know.

The generated Python code checks nothing. Its only access to bytes is ``flatbuffers.table.Table``,
so the private module gets a table class that checks every offset and counts work: a file can make
the reader neither leave the buffer nor visit the same bytes over and over. Fields that
the schema does not know are an error, as they would be lost on saving.
"""

from __future__ import annotations

import functools
import importlib.util
import struct
import threading
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import flatbuffers
import flatbuffers.table
import numpy as np
from flatbuffers import encode, number_types, packer, util

from .errors import ModelError

__all__ = ["checked_reads", "schema", "schema_source"]

_FREE_VISITS = 4
_REPEATED = "the flatbuffer refers to the same bytes over and over"
_BUFFER_ALIGNMENT = 16  # the schema's force_align, which the Python generator ignores
_LOCATIONS = (("ai_edge_litert", ""), ("tensorflow", "lite/python"))
_local = threading.local()


class _Reads:
    """What reading one file did: how often each table was visited, its highest field asked for."""

    def __init__(self, size: int) -> None:
        # The generated code makes a table's accessor up to three times, and a writer may share a
        # table or a string between a few users; a file that lives on sharing would make the
        # reader loop, and copy, for ever.
        self.repeats_left = 50_000
        self.bytes_left = (1 << 20) + 4 * size
        self.visits: dict[int, int] = {}
        self.highest_field: dict[int, int] = {}

    def visit(self, pos: int) -> None:
        count = self.visits[pos] = self.visits.get(pos, 0) + 1
        if count > _FREE_VISITS:
            self.repeats_left -= 1
            if self.repeats_left < 0:
                raise ModelError(_REPEATED)
        elif count == 1:
            self.highest_field[pos] = 2

    def copy(self, size: int) -> None:
        self.bytes_left -= size
        if self.bytes_left < 0:
            raise ModelError(_REPEATED)


def _reads() -> _Reads | None:
    return getattr(_local, "reads", None)


class _CheckedTable(flatbuffers.table.Table):
    """``flatbuffers.table.Table`` that stays inside its buffer and inside its budget."""

    __slots__ = ()

    def __init__(self, buf: Any, pos: int) -> None:
        if not 0 <= pos <= len(buf) - 4:
            raise ModelError(f"a table offset ({pos}) points outside the file")
        super().__init__(buf, pos)
        reads = _reads()
        if reads is not None:
            reads.visit(pos)

    def Offset(self, vtableOffset: int) -> int:
        reads = _reads()
        if reads is not None and reads.highest_field[self.Pos] < vtableOffset:
            reads.highest_field[self.Pos] = vtableOffset
        return super().Offset(vtableOffset)

    def String(self, off: int) -> bytes:
        value = super().String(off)
        start = off + encode.Get(packer.uoffset, self.Bytes, off)
        if len(value) != encode.Get(packer.uoffset, self.Bytes, start):
            raise ModelError("a string runs past the end of the file")
        reads = _reads()
        if reads is not None:
            reads.copy(len(value))
        return value

    def VectorLen(self, off: int) -> int:
        length = super().VectorLen(off)
        if self.Vector(off) + length > len(self.Bytes):
            raise ModelError(f"a vector of {length} elements runs past the end of the file")
        return length

    def GetVectorAsNumpy(self, flags: Any, off: int) -> np.ndarray:
        array = super().GetVectorAsNumpy(flags, off)
        array.flags.writeable = False
        reads = _reads()
        if reads is not None:
            reads.copy(array.nbytes)
        return array


def schema_source() -> Path:
    """File of the generated schema that is used.

    Raises ModelError if neither ai-edge-litert nor TensorFlow is installed."""
    for package, folder in _LOCATIONS:
        spec = importlib.util.find_spec(package)
        for location in (spec.submodule_search_locations or ()) if spec else ():
            path = Path(location, folder, "schema_py_generated.py")
            if path.is_file():
                return path
    raise ModelError(
        "no TFLite schema found: install ai-edge-litert or tensorflow (both carry the schema)"
    )


def _pack_buffer(self: Any, builder: flatbuffers.Builder) -> int:
    """BufferT.Pack with the alignment that the schema asks for."""
    module = schema()
    data = None
    if self.data is not None:
        raw = np.ascontiguousarray(self.data, dtype=np.uint8).reshape(-1)
        builder.StartVector(1, raw.size, _BUFFER_ALIGNMENT)
        head = builder.Head() - raw.size
        builder.head = head
        builder.Bytes[head : head + raw.size] = memoryview(raw)  # type: ignore[arg-type]
        data = builder.EndVector()
    module.BufferStart(builder)
    if data is not None:
        module.BufferAddData(builder, data)
    return int(module.BufferEnd(builder))


@functools.lru_cache(maxsize=1)
def schema() -> Any:
    """The generated schema module, reading through checked tables. Imports no runtime."""
    path = schema_source()
    spec = importlib.util.spec_from_file_location("opkit.model._tflite_schema", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.flatbuffers = types.SimpleNamespace(  # type: ignore[attr-defined]
        table=types.SimpleNamespace(Table=_CheckedTable),
        number_types=number_types,
        encode=encode,
        packer=packer,
        util=util,
        Builder=flatbuffers.Builder,
    )
    module.BufferT.Pack = _pack_buffer
    return module


@functools.lru_cache(maxsize=1)
def builtin_names() -> frozenset[str]:
    """The names of TFLite's builtin ops: "CONV_2D"."""
    return frozenset(
        n for n, value in vars(schema().BuiltinOperator).items() if value.__class__ is int
    )


@contextmanager
def checked_reads(data: bytes | memoryview) -> Iterator[None]:
    """Reads of ``data`` inside the block are bounded; whatever goes wrong becomes a ModelError."""
    previous = _reads()
    reads = _local.reads = _Reads(len(data))
    try:
        yield
        _refuse_unknown_fields(data, reads)
    except ModelError as error:
        raise ModelError(f"not a valid TFLite file: {error}") from error
    except (
        struct.error,
        IndexError,
        ValueError,
        TypeError,
        OverflowError,
        AttributeError,
        RecursionError,
        AssertionError,
    ) as error:
        raise ModelError(f"not a valid TFLite file: {error}") from error
    finally:
        _local.reads = previous


def _refuse_unknown_fields(data: bytes | memoryview, reads: _Reads) -> None:
    for pos, highest in reads.highest_field.items():
        vtable = pos - struct.unpack_from("<i", data, pos)[0]
        end = struct.unpack_from("<H", data, vtable)[0]
        for slot in range(highest + 2, end - 1, 2):
            if struct.unpack_from("<H", data, vtable + slot)[0]:
                raise ModelError(
                    f"a table at byte {pos} has a field (number {(slot - 4) // 2}) that the "
                    f"installed schema does not know; update ai-edge-litert or tensorflow"
                )
