"""A .tflite file as an editable graph."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .errors import ModelError
from .graph import Buffer, Node, Signature, Subgraph
from .reader import read_associated_files, read_graph
from .writer import write_atomic, write_model

__all__ = ["Model"]


@dataclass(eq=False)
class Model:
    """A model: subgraphs (the first is the main one), signatures, metadata, associated files.

    Loading checks the whole file; a saved file holds only what the graph refers to."""

    subgraphs: list[Subgraph] = field(default_factory=list)
    signatures: list[Signature] = field(default_factory=list)
    metadata: list[tuple[str, bytes]] = field(default_factory=list)
    metadata_buffers: list[Buffer] = field(default_factory=list)
    associated_files: dict[str, bytes] = field(default_factory=dict)
    description: str = ""
    version: int = 3
    path: Path | None = None

    @classmethod
    def load(cls, source: str | os.PathLike[str] | bytes | bytearray | memoryview) -> Model:
        """Loads a model from a path or from the bytes of a file.

        Raises ModelError if the file is not a valid TFLite model or uses weights in external
        files, and OSError if it cannot be read. Time and memory are bounded by the file's size."""
        path = None
        if isinstance(source, (bytes, bytearray, memoryview)):
            data = bytes(source)
        else:
            path = Path(source)
            data = path.read_bytes()
        try:
            reader = read_graph(data)
        except ModelError as error:
            raise ModelError(f"{path}: {error}" if path else str(error)) from error
        description = reader.raw.description or b""
        if isinstance(description, bytes):
            description = description.decode("utf-8", "surrogateescape")
        return cls(
            subgraphs=reader.subgraphs,
            signatures=reader.signatures(),
            metadata=reader.metadata(),
            metadata_buffers=reader.metadata_buffers(),
            associated_files=read_associated_files(data),
            description=description,
            version=int(reader.raw.version),
            path=path,
        )

    def to_bytes(self) -> bytes:
        """The model as the bytes of a .tflite file; equal graphs give equal bytes.

        Raises ModelError if the graph is inconsistent or larger than 2 GB."""
        self.check()
        return write_model(self)

    def save(self, path: str | os.PathLike[str], overwrite: bool = False) -> Path:
        """Writes the model to ``path`` in one step: there is never a half-written file.

        Raises FileExistsError if the file exists, the one the model came from included, unless
        ``overwrite`` is true; ModelError as :meth:`to_bytes`; OSError if it cannot be written."""
        target = Path(path)
        if not overwrite and target.exists():
            raise FileExistsError(f"{target} exists; pass overwrite=True to replace it")
        write_atomic(target, self.to_bytes(), overwrite)
        return target

    def copy(self) -> Model:
        """An independent copy, by way of the file format."""
        clone = Model.load(self.to_bytes())
        clone.path = self.path
        return clone

    def check(self) -> None:
        """Raises ModelError if a node uses a tensor of another subgraph or one not yet computed,
        or a signature names a tensor outside its subgraph."""
        for graph in self.subgraphs:
            graph.check()
        for signature in self.signatures:
            if signature.subgraph not in self.subgraphs:
                raise ModelError(f"signature {signature.key!r} refers to a removed subgraph")
            known = set(signature.subgraph.tensors)
            for name, tensor in [*signature.inputs.items(), *signature.outputs.items()]:
                if tensor not in known:
                    raise ModelError(f"signature {signature.key!r}: {name!r} is not in its graph")

    def nodes(self) -> Iterator[tuple[int, int, Node]]:
        """(subgraph number, node number, node) of every node."""
        for number, graph in enumerate(self.subgraphs):
            for position, node in enumerate(graph.nodes):
                yield number, position, node

    def prune(self) -> int:
        """Drops tensors that no node, input, output or signature refers to; returns their number.

        Buffers and operator codes need no pruning: only those in use are written."""
        dropped = 0
        for graph in self.subgraphs:
            live = set(graph.live_tensors())
            for signature in self.signatures:
                if signature.subgraph is graph:
                    live.update(signature.inputs.values(), signature.outputs.values())
            kept = [tensor for tensor in graph.tensors if tensor in live]
            dropped += len(graph.tensors) - len(kept)
            graph.tensors = kept
        return dropped

    def get_metadata(self, name: str) -> bytes | None:
        """The first metadata entry of that name, or None."""
        return next((value for key, value in self.metadata if key == name), None)

    def set_metadata(self, name: str, value: bytes) -> None:
        """Sets a metadata entry, replacing the one of that name."""
        for i, (key, _) in enumerate(self.metadata):
            if key == name:
                self.metadata[i] = (name, value)
                return
        self.metadata.append((name, value))
