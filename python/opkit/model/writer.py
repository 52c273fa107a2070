"""Graph -> bytes of a .tflite file, and bytes -> file without ever leaving half a file behind."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import flatbuffers
import numpy as np

from .dtypes import dtype_to_tflite
from .errors import ModelError
from .graph import Buffer, Node, Quantization, Subgraph, Tensor
from .schema import schema

if TYPE_CHECKING:
    from .model import Model

__all__ = ["write_atomic", "write_model"]

_LIMIT = 2**31 - 2**24  # a flatbuffer ends at 2 GB; leave room for the tables


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _vector(values: list[int]) -> np.ndarray:
    return np.array(values, np.int32)


def _make(kind: str, **fields: Any) -> Any:
    """An object of the schema. A field that an older schema lacks must be at its default."""
    made = getattr(schema(), kind)()
    for name, value in fields.items():
        if hasattr(made, name):
            setattr(made, name, value)
        elif value is not None and value not in (0, -1):
            raise ModelError(f"the installed schema has no field {name!r} in {kind[:-1]}")
    return made


class _Writer:
    def __init__(self, model: Model) -> None:
        self.model = model
        self.schema = schema()
        self.buffers: dict[Buffer, int] = {}
        self.buffer_list: list[Any] = [_make("BufferT")]  # number 0 is the empty one
        self.opcodes: dict[tuple[str, str, int], int] = {}
        self.subgraph_index = {graph: i for i, graph in enumerate(model.subgraphs)}
        self.tensor_index: dict[Tensor, int] = {}
        self.total = 0

    def buffer(self, buffer: Buffer | None) -> int:
        if buffer is None:
            return 0
        if buffer not in self.buffers:
            self.buffers[buffer] = len(self.buffer_list)
            self.buffer_list.append(_make("BufferT", data=buffer.data))
            self.grow(buffer.size)
        return self.buffers[buffer]

    def grow(self, size: int) -> None:
        self.total += size + 64
        if self.total > _LIMIT:
            raise ModelError(
                "the model is larger than 2 GB; writing weights outside the flatbuffer is not "
                "supported"
            )

    def opcode(self, node: Node) -> int:
        key = (node.builtin, node.custom_code, node.version)
        return self.opcodes.setdefault(key, len(self.opcodes))

    def quantization(self, value: Quantization | None) -> Any:
        if value is None:
            return None
        return _make(
            "QuantizationParametersT",
            min=value.min,
            max=value.max,
            scale=np.asarray(value.scale, np.float32) if value.scale.size else None,
            zeroPoint=np.asarray(value.zero_point, np.int64) if value.zero_point.size else None,
            detailsType=value.details_type,
            details=value.details,
            quantizedDimension=value.axis,
        )

    def tensor(self, tensor: Tensor) -> Any:
        raw = _make(
            "TensorT",
            shape=None if tensor.shape is None else _vector(list(tensor.shape)),
            type=dtype_to_tflite(tensor.dtype),
            buffer=self.buffer(tensor.buffer),
            name=_bytes(tensor.name),
            quantization=self.quantization(tensor.quantization),
            isVariable=tensor.is_variable,
            sparsity=tensor.sparsity,
            shapeSignature=None
            if tensor.shape_signature is None
            else _vector(list(tensor.shape_signature)),
            hasRank=tensor.has_rank,
            variantTensors=tensor.variant_tensors,
        )
        self.grow(len(tensor.name) + 64)
        return raw

    def node(self, node: Node, index: dict[Tensor, int]) -> Any:
        def at(tensor: Tensor) -> int:
            if tensor not in index:
                raise ModelError(f"node {node.op} refers to {tensor!r} of another subgraph")
            return index[tensor]

        raw = _make(
            "OperatorT",
            opcodeIndex=self.opcode(node),
            inputs=_vector([-1 if t is None else at(t) for t in node.inputs]),
            outputs=_vector([at(t) for t in node.outputs]),
            builtinOptionsType=node.builtin_options_type,
            builtinOptions=node.builtin_options,
            customOptions=np.frombuffer(node.custom_options, np.uint8)
            if node.custom_options
            else None,
            mutatingVariableInputs=node.mutating_variable_inputs,
            intermediates=None
            if node.intermediates is None
            else _vector([at(t) for t in node.intermediates]),
            builtinOptions2Type=node.builtin_options_2_type,
            builtinOptions2=node.builtin_options_2,
            debugMetadataIndex=node.debug_metadata_index,
        )
        self.grow(len(node.custom_options) + 64)
        return raw

    def subgraph(self, graph: Subgraph) -> Any:
        live = set(graph.live_tensors())
        for signature in self.model.signatures:
            if signature.subgraph is graph:
                live.update(signature.inputs.values(), signature.outputs.values())
        known = set(graph.tensors)
        stray = next((tensor for tensor in live if tensor not in known), None)
        if stray is not None:
            raise ModelError(f"{stray!r} is used in subgraph {graph.name!r} but not part of it")
        index: dict[Tensor, int] = {}
        for tensor in graph.tensors:
            if tensor in live:
                if tensor in self.tensor_index:
                    raise ModelError(f"{tensor!r} is part of two subgraphs, or twice of one")
                index[tensor] = len(index)
                self.tensor_index[tensor] = index[tensor]
        return _make(
            "SubGraphT",
            tensors=[self.tensor(tensor) for tensor in index],
            inputs=_vector([index[tensor] for tensor in graph.inputs]),
            outputs=_vector([index[tensor] for tensor in graph.outputs]),
            operators=[self.node(node, index) for node in graph.nodes],
            name=_bytes(graph.name),
            debugMetadataIndex=graph.debug_metadata_index,
        )

    def signatures(self) -> list[Any] | None:
        def maps(tensors: dict[str, Tensor]) -> list[Any]:
            return [
                _make("TensorMapT", name=_bytes(name), tensorIndex=self.tensor_index[tensor])
                for name, tensor in tensors.items()
            ]

        if not self.model.signatures:
            return None
        return [
            _make(
                "SignatureDefT",
                inputs=maps(signature.inputs),
                outputs=maps(signature.outputs),
                signatureKey=_bytes(signature.key),
                subgraphIndex=self.subgraph_index[signature.subgraph],
            )
            for signature in self.model.signatures
        ]

    def opcode_list(self) -> list[Any]:
        numbers = vars(self.schema.BuiltinOperator)
        found = []
        for builtin, custom, version in self.opcodes:
            if builtin not in numbers:
                raise ModelError(f"the installed schema has no builtin {builtin!r}")
            found.append(
                _make(
                    "OperatorCodeT",
                    # One byte, for readers older than the wide field; 127 means: look there.
                    deprecatedBuiltinCode=min(numbers[builtin], 127),
                    customCode=_bytes(custom) if custom else None,
                    version=version,
                    builtinCode=numbers[builtin],
                )
            )
        return found

    def write(self) -> bytes:
        model = self.model
        subgraphs = [self.subgraph(graph) for graph in model.subgraphs]
        metadata = []
        for name, value in model.metadata:
            number = self.buffer(Buffer(np.frombuffer(value, np.uint8)))
            metadata.append(_make("MetadataT", name=_bytes(name), buffer=number))
        raw = _make(
            "ModelT",
            version=model.version,
            operatorCodes=self.opcode_list(),
            subgraphs=subgraphs,
            description=_bytes(model.description),
            metadataBuffer=_vector([self.buffer(b) for b in model.metadata_buffers])
            if model.metadata_buffers
            else None,
            metadata=metadata or None,
            signatureDefs=self.signatures(),
            buffers=self.buffer_list,
        )
        builder = flatbuffers.Builder(min(self.total + 4096, 2**31 - 1))
        try:
            builder.Finish(raw.Pack(builder), file_identifier=b"TFL3")
        except flatbuffers.builder.BuilderSizeError as error:
            raise ModelError(f"the model is larger than 2 GB: {error}") from error
        return bytes(builder.Output())


def write_model(model: Model) -> bytes:
    """Serializes ``model``. Raises ModelError if it is inconsistent or larger than 2 GB."""
    data = _Writer(model).write()
    if not model.associated_files:
        return data
    import zipfile  # as in read_associated_files

    stream = io.BytesIO(data)
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_STORED) as archive:
        for name, content in model.associated_files.items():
            archive.writestr(zipfile.ZipInfo(name), content)  # a fixed date: equal bytes each time
    return stream.getvalue()


def write_atomic(path: str | os.PathLike[str], data: bytes, overwrite: bool) -> None:
    """Writes ``data`` to ``path`` by way of a temporary file beside it and a rename.

    Raises FileExistsError if the file exists and ``overwrite`` is false. After an error ``path``
    is what it was before. A device or a pipe is written to, not replaced."""
    target = Path(path)
    if overwrite and target.exists() and not (target.is_file() or target.is_dir()):
        with target.open("wb") as file:
            file.write(data)
        return
    import tempfile  # with its modules, only where something is written

    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    except OSError as error:
        error.filename = os.fspath(target)  # the name that the caller knows
        raise
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        if overwrite:
            os.replace(temporary, target)
        else:
            try:
                os.link(temporary, target)  # unlike rename, refuses an existing target
            except FileExistsError:
                raise FileExistsError(
                    f"{target} exists; pass overwrite=True to replace it"
                ) from None
            except OSError:  # a file system without hard links
                if target.exists():
                    raise FileExistsError(
                        f"{target} exists; pass overwrite=True to replace it"
                    ) from None
                os.replace(temporary, target)
    finally:
        Path(temporary).unlink(missing_ok=True)
