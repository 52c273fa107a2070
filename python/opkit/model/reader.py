"""Bytes of a .tflite file -> graph. Every index is checked here, once."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

from .dtypes import dtype_from_tflite
from .errors import ModelError
from .graph import CUSTOM, Buffer, Node, Quantization, Signature, Subgraph, Tensor
from .schema import checked_reads, schema

__all__ = ["read_associated_files", "read_graph"]

_MAX_ASSOCIATED = 1 << 29
_T = TypeVar("_T")


def _text(raw: str | bytes | None) -> str:
    if raw is None:
        return ""
    return raw.decode("utf-8", "surrogateescape") if isinstance(raw, bytes) else raw


def _at(items: Sequence[_T], index: int, what: str) -> _T:
    if not 0 <= index < len(items):
        raise ModelError(f"{what} is {index}, outside [0, {len(items)})")
    return items[index]


def _ints(values: Any) -> list[int]:
    return [] if values is None else [int(value) for value in values]


def _enum_names(enum: type) -> dict[int, str]:
    return {value: name for name, value in vars(enum).items() if isinstance(value, int)}


class GraphReader:
    """Turns the schema's objects into ours; see :func:`read_graph` for the entry."""

    def __init__(self, data: memoryview, raw: Any) -> None:
        self.data = data
        self.raw = raw
        module = schema()
        self.builtin_names = _enum_names(module.BuiltinOperator)
        self.option_names = _enum_names(module.BuiltinOptions)
        options_2 = getattr(module, "BuiltinOptions2", None)
        self.option_2_names = _enum_names(options_2) if options_2 else {0: "NONE"}
        self.buffers = [self._buffer(i, item) for i, item in enumerate(raw.buffers or [])]
        self.subgraphs = [Subgraph() for _ in raw.subgraphs or []]
        if not self.subgraphs:
            raise ModelError("the model has no subgraph")
        self.opcodes = [self._opcode(i, item) for i, item in enumerate(raw.operatorCodes or [])]
        for i, item in enumerate(raw.subgraphs):
            self._subgraph(f"subgraph {i}", item, self.subgraphs[i])

    def _slice(self, offset: int, size: int, what: str) -> np.ndarray:
        if offset + size > len(self.data):
            raise ModelError(
                f"{what} lies at [{offset}, {offset + size}), outside the {len(self.data)} bytes "
                f"of the file"
            )
        return np.frombuffer(self.data, np.uint8, size, offset)

    def _buffer(self, index: int, raw: Any) -> Buffer:
        if getattr(raw, "offset", 0) > 1:  # 0 and 1 mean: no data outside the flatbuffer
            return Buffer(self._slice(raw.offset, raw.size, f"buffer {index}"))
        return Buffer(raw.data)

    def _opcode(self, index: int, raw: Any) -> tuple[str, str, int]:
        code = max(int(raw.builtinCode), int(raw.deprecatedBuiltinCode))
        if code not in self.builtin_names:
            raise ModelError(
                f"operator code {index} is the builtin number {code}, which the installed schema "
                f"does not know; update ai-edge-litert or tensorflow"
            )
        name, custom = self.builtin_names[code], _text(raw.customCode)
        if name == CUSTOM and not custom:
            raise ModelError(f"operator code {index} is a custom one without a name")
        return name, custom, int(raw.version)

    def _quantization(self, raw: Any, where: str) -> Quantization | None:
        if raw is None:
            return None
        zero_point = np.array(_ints(raw.zeroPoint), np.int64)
        scale = np.array([] if raw.scale is None else raw.scale, np.float32)
        if zero_point.size not in (0, scale.size):
            raise ModelError(f"{where} has {scale.size} scales and {zero_point.size} zero points")
        if raw.detailsType and raw.details is None:
            raise ModelError(f"{where} has quantization details of an unknown type")
        return Quantization(
            scale,
            zero_point,
            int(raw.quantizedDimension),
            None if raw.min is None else np.array(raw.min, np.float32),
            None if raw.max is None else np.array(raw.max, np.float32),
            raw.details,
            int(raw.detailsType),
        )

    def _tensor(self, raw: Any, where: str) -> Tensor:
        if getattr(raw, "externalBuffer", 0):
            raise ModelError(f"{where} lives in an external file, which is not supported")
        buffer = _at(self.buffers, raw.buffer, f"{where}'s buffer") if raw.buffer else None
        shape = None if raw.shape is None else tuple(_ints(raw.shape))
        signature = None if raw.shapeSignature is None else tuple(_ints(raw.shapeSignature))
        if signature is not None and shape is not None and len(signature) != len(shape):
            raise ModelError(f"{where} has shape {list(shape)} but signature {list(signature)}")
        return Tensor(
            name=_text(raw.name),
            dtype=dtype_from_tflite(raw.type),
            shape=shape,
            shape_signature=signature,
            quantization=self._quantization(raw.quantization, where),
            buffer=buffer,
            is_variable=bool(raw.isVariable),
            has_rank=bool(getattr(raw, "hasRank", False)),
            sparsity=raw.sparsity,
            variant_tensors=getattr(raw, "variantTensors", None),
        )

    def _check_options(self, options: Any, kind: int, names: dict[int, str], where: str) -> None:
        if kind not in names:
            raise ModelError(
                f"{where} has options of the unknown type {kind}; update ai-edge-litert or "
                f"tensorflow"
            )
        for name, value in vars(options).items() if options is not None else ():
            if name.lower().endswith("subgraphindex") and not isinstance(value, bool):
                lowest = -1 if "decomposition" not in name.lower() else 0
                if not lowest <= int(value) < len(self.subgraphs):
                    raise ModelError(
                        f"{where}: {name} is {value}, outside [0, {len(self.subgraphs)})"
                    )

    def _node(self, raw: Any, tensors: list[Tensor], where: str) -> Node:
        builtin, custom, version = _at(self.opcodes, raw.opcodeIndex, f"{where}'s operator code")
        where = f"{where} ({custom or builtin})"
        options = b"" if raw.customOptions is None else bytes(bytearray(raw.customOptions))
        if getattr(raw, "largeCustomOptionsOffset", 0) > 1:
            options = self._slice(
                raw.largeCustomOptionsOffset, raw.largeCustomOptionsSize, f"{where}'s options"
            ).tobytes()
        self._check_options(raw.builtinOptions, raw.builtinOptionsType, self.option_names, where)
        options_2 = getattr(raw, "builtinOptions2", None)
        options_2_type = getattr(raw, "builtinOptions2Type", 0)
        self._check_options(options_2, options_2_type, self.option_2_names, where)
        mutating = raw.mutatingVariableInputs
        intermediates = raw.intermediates
        return Node(
            builtin=builtin,
            custom_code=custom if builtin == CUSTOM else "",
            version=version,
            inputs=[
                None if i == -1 else _at(tensors, i, f"{where}'s input {n}")
                for n, i in enumerate(_ints(raw.inputs))
            ],
            outputs=[
                _at(tensors, i, f"{where}'s output {n}") for n, i in enumerate(_ints(raw.outputs))
            ],
            custom_options=options,
            builtin_options=raw.builtinOptions,
            builtin_options_type=int(raw.builtinOptionsType),
            builtin_options_2=options_2,
            builtin_options_2_type=int(options_2_type),
            intermediates=None
            if intermediates is None
            else [_at(tensors, i, f"{where}'s intermediate") for i in _ints(intermediates)],
            mutating_variable_inputs=None
            if mutating is None
            else [bool(value) for value in mutating],
            debug_metadata_index=int(getattr(raw, "debugMetadataIndex", -1)),
        )

    def _subgraph(self, where: str, raw: Any, into: Subgraph) -> None:
        into.name = _text(raw.name)
        into.tensors = [
            self._tensor(item, f"{where}, tensor {i} {_text(item.name)!r}")
            for i, item in enumerate(raw.tensors or [])
        ]
        into.inputs = [_at(into.tensors, i, f"{where}'s input") for i in _ints(raw.inputs)]
        into.outputs = [_at(into.tensors, i, f"{where}'s output") for i in _ints(raw.outputs)]
        into.nodes = [
            self._node(item, into.tensors, f"{where}, node {i}")
            for i, item in enumerate(raw.operators or [])
        ]
        into.debug_metadata_index = int(getattr(raw, "debugMetadataIndex", -1))

    def signatures(self) -> list[Signature]:
        """The model's signatures."""
        found = []
        for raw in self.raw.signatureDefs or []:
            key = _text(raw.signatureKey)
            where = f"signature {key!r}"
            subgraph = _at(self.subgraphs, raw.subgraphIndex, f"{where}'s subgraph")
            tensors = subgraph.tensors
            found.append(
                Signature(
                    key,
                    subgraph,
                    {
                        _text(m.name): _at(tensors, m.tensorIndex, f"{where}'s input")
                        for m in raw.inputs or []
                    },
                    {
                        _text(m.name): _at(tensors, m.tensorIndex, f"{where}'s output")
                        for m in raw.outputs or []
                    },
                )
            )
        return found

    def metadata(self) -> list[tuple[str, bytes]]:
        """The model's metadata entries, in file order."""
        found = []
        for raw in self.raw.metadata or []:
            name = _text(raw.name)
            buffer = _at(self.buffers, raw.buffer, f"metadata {name!r}'s buffer")
            found.append((name, b"" if buffer.data is None else buffer.data.tobytes()))
        return found

    def metadata_buffers(self) -> list[Buffer]:
        """Buffers of the legacy metadata list."""
        return [
            _at(self.buffers, i, "the metadata buffer's index")
            for i in _ints(self.raw.metadataBuffer)
        ]


def read_graph(data: bytes) -> GraphReader:
    """Reads a .tflite file's flatbuffer. Raises ModelError if it is malformed anywhere."""
    view = memoryview(data)
    if len(view) < 8:
        raise ModelError(f"not a valid TFLite file: {len(view)} bytes are too few")
    if bytes(view[4:8]) != b"TFL3":
        raise ModelError(
            f"not a valid TFLite file: the identifier is {bytes(view[4:8])!r}, want b'TFL3'"
        )
    with checked_reads(view):
        root = int.from_bytes(view[:4], "little")
        raw = schema().ModelT.InitFromBuf(view, root)
        if getattr(raw, "externalBuffers", None):
            raise ModelError("weights in external files are not supported")
        return GraphReader(view, raw)


def read_associated_files(data: bytes) -> dict[str, bytes]:
    """Files packed behind the flatbuffer as a ZIP archive (the TFLite metadata convention).

    Raises ModelError for an archive that is damaged or unpacks to more than 512 MB."""
    if data.rfind(b"PK\x05\x06", max(0, len(data) - 66_000)) < 0:
        return {}
    import zipfile  # a megabyte of modules that few models need

    stream = io.BytesIO(data)
    if not zipfile.is_zipfile(stream):
        return {}
    try:
        with zipfile.ZipFile(stream) as archive:
            total = sum(info.file_size for info in archive.infolist())
            if total > _MAX_ASSOCIATED:
                raise ModelError(f"the associated files unpack to {total} bytes")
            return {info.filename: archive.read(info) for info in archive.infolist()}
    except ModelError:
        raise
    except Exception as error:  # zipfile raises what the damage leads to
        raise ModelError(f"the associated files cannot be read: {error}") from error
