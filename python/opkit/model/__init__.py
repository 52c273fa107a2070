"""A .tflite file as an editable graph: load, edit, save. Needs numpy and flatbuffers, and the
schema that either runtime (ai-edge-litert or tensorflow) carries; imports neither.

The only package that touches flatbuffers and the only one that decodes op attributes."""

from .attrs import (
    decode_custom_options,
    decode_flex_options,
    encode_custom_options,
    encode_flex_options,
)
from .errors import ModelError
from .graph import Buffer, Node, Quantization, Signature, Subgraph, Tensor
from .model import Model
from .nodedef import NodeDef
from .schema import builtin_names
from .values import Attr, DType, FuncValue, ShapeValue, TensorValue

__all__ = [
    "Attr",
    "Buffer",
    "DType",
    "FuncValue",
    "Model",
    "ModelError",
    "Node",
    "NodeDef",
    "Quantization",
    "ShapeValue",
    "Signature",
    "Subgraph",
    "Tensor",
    "TensorValue",
    "builtin_names",
    "decode_custom_options",
    "decode_flex_options",
    "encode_custom_options",
    "encode_flex_options",
]
