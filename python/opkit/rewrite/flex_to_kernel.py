"""Flex nodes become custom nodes where the kit has a kernel that takes them."""

from __future__ import annotations

from opkit.declaration import Declaration
from opkit.model import DType, ModelError, Node, Subgraph, encode_custom_options
from opkit.model.values import Attr

from .declared import Kernels, Refusal
from .passes import NodePass

__all__ = ["FlexToKernel"]


def _kept(node: Node, declaration: Declaration) -> dict[str, Attr]:
    """The attributes that the custom form keeps: the declared ones, and the types of tensors.

    Names that begin with an underscore are TensorFlow's notes to itself; qint8 and its like are
    no TFLite types, and the tensors say them."""
    kept = {}
    for name, value in node.nodedef().attrs.items():
        is_type = name in declaration.types and isinstance(value, DType)
        if declaration.attr(name) or (is_type and not str(value).startswith(("qint", "quint"))):
            kept[name] = value
    return kept


def _text(value: Attr) -> str:
    return str(value) if isinstance(value, str) else repr(value)


class FlexToKernel(NodePass):
    """``FlexErf`` with a NodeDef becomes ``Erf`` with the FlexBuffer map of its attributes: the
    form in which the converter writes it with ``allow_custom_ops``."""

    name = "flex-to-kernel"

    def matches(self, graph: Subgraph, node: Node) -> bool:
        """Flex nodes."""
        return node.is_flex

    def check(self, graph: Subgraph, node: Node, kernels: Kernels) -> Refusal | None:
        """Refuses ops without a kernel, and what the kernel's declaration does not take."""
        refusal = kernels.refuses(node)
        if refusal:
            return refusal
        declaration = kernels.get(node.op)
        assert declaration is not None
        try:
            encode_custom_options(_kept(node, declaration))
        except ModelError as error:
            return Refusal(str(error), "keep the Flex node: opkit.install() runs it as it is")
        return None

    def apply(self, graph: Subgraph, node: Node, kernels: Kernels) -> tuple[str, str]:
        """Changes the node's code and options in place."""
        declaration = kernels.get(node.op)
        assert declaration is not None
        kept = _kept(node, declaration)
        node.custom_options = encode_custom_options(kept)
        node.custom_code = declaration.name
        node.version = declaration.version
        attrs = ", ".join(f"{key}={_text(value)}" for key, value in sorted(kept.items()))
        return node.custom_code, attrs
