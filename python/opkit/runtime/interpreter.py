"""`opkit.Interpreter`: the installed runtime's Interpreter with the kit's kernels in place."""

from __future__ import annotations

import functools
import os
from abc import ABC
from collections.abc import Callable, Sequence
from typing import Any

from opkit import _native
from opkit.plugins import load_entry_points
from opkit.runtime.hosts import TENSORFLOW, Host, HostError, select_host
from opkit.runtime.libraries import load_delegate
from opkit.runtime.preflight import check_model


class Interpreter(ABC):  # noqa: B024 - a constructor for the hosts' classes, and their ABC
    """Makes the host's own Interpreter with every opkit kernel registered.

    The object returned is an instance of the host's class (`tf.lite.Interpreter` or
    `ai_edge_litert.interpreter.Interpreter`), so all its methods are there, and
    `isinstance(it, opkit.Interpreter)` holds.

    Args:
        model_path: A .tflite file. Its custom ops and Flex ops run on the kit's kernels.
        model_content: The bytes of a .tflite file, instead of model_path.
        host: "auto" (the imported one, else LiteRT, else TensorFlow), "tensorflow" or "litert".
        by: "resolver" registers kernels as custom ops (TensorFlow), "delegate" claims nodes at
            load (every host); "auto" takes the resolver where there is one.
        check: Look for ops without a kernel first, and name them in the error. Skipped when
            other registerers or delegates are given, which may have them.
        **kwargs: What the host's Interpreter takes (num_threads, experimental_delegates, ...).

    Raises:
        UnsupportedOpError: An op has no kernel, or not for these dtypes, attributes or version.
        HostError: The host is missing or cannot do what `by` asks.
        ModelError: The file is malformed.
    """

    def __new__(
        cls,
        model_path: str | os.PathLike[str] | None = None,
        model_content: bytes | None = None,
        *,
        host: str = "auto",
        by: str = "auto",
        check: bool = True,
        **kwargs: Any,
    ) -> Any:
        if (model_path is None) == (model_content is None):
            raise ValueError("give either model_path or model_content")
        chosen = select_host(host)
        load_entry_points()
        extended = kwargs.get("custom_op_registerers") or kwargs.get("experimental_delegates")
        flex: bool | None = None  # whether the model has Flex ops, where that was looked at
        if check and not extended:
            given = model_content if model_path is None else model_path
            assert given is not None
            found = check_model(given, chosen)
            flex = any(node.found_as == "flex" for node in found.nodes)
        source: dict[str, Any] = (
            {"model_content": bytes(model_content)}
            if model_content is not None
            else {"model_path": os.fspath(model_path)}  # type: ignore[arg-type]
        )
        if _use_resolver(chosen, by, kwargs, flex):
            registerers: Sequence[str | Callable[[int], None]] = [
                _native.OpResolver(),
                *(kwargs.pop("custom_op_registerers", None) or ()),
            ]
            return _host_class(chosen, True)(
                custom_op_registerers=list(registerers), **source, **kwargs
            )
        if flex and chosen.runs_flex:
            raise HostError(
                f"{chosen} hands Flex ops to its own Flex delegate before any other; use "
                "by='resolver', or convert them to kernels: opkit.convert(model)"
            )
        delegates = [load_delegate(chosen), *(kwargs.pop("experimental_delegates", None) or ())]
        return _host_class(chosen, False)(experimental_delegates=delegates, **source, **kwargs)


def _use_resolver(host: Host, by: str, kwargs: dict[str, Any], flex: bool | None) -> bool:
    if by not in ("auto", "resolver", "delegate"):
        raise ValueError(f"by is {by!r}, want 'auto', 'resolver' or 'delegate'")
    resolver_type = kwargs.get("experimental_op_resolver_type")
    reference = resolver_type is not None and resolver_type.name == "BUILTIN_REF"
    if by == "resolver":
        if not host.has_resolver:
            raise HostError(
                f"{host} hides the functions an op resolver is filled with; use by='delegate'"
            )
        if reference and flex is not False:
            raise HostError(
                "BUILTIN_REF answers every Flex op itself, before the kit's; use by='delegate'"
            )
        return True
    if by == "delegate" or reference:
        return False
    return host.name == TENSORFLOW


@functools.cache
def _host_class(host: Host, resolver: bool) -> type:
    module = host.module
    base = module.InterpreterWithCustomOps if resolver else module.Interpreter
    cls = type("Interpreter", (base,), {"__module__": "opkit", "__doc__": base.__doc__})
    Interpreter.register(cls)
    return cls
