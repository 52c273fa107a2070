"""Which op of a model is at fault: each kernel recomputed by TensorFlow from its own inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from opkit.model import Model, Node, Tensor, encode_custom_options
from opkit.spec import Case, Types, specs
from opkit.verify.execute import Runner, Session
from opkit.verify.feeding import run_named
from opkit.verify.results import SKIPPED


@dataclass
class KernelResult:
    """One of the kit's nodes, recomputed by TensorFlow from the inputs it had in the model."""

    node: int
    op: str
    types: str
    status: str
    error: float = 0.0
    bound: float = 0.0
    unit: str = ""
    message: str = ""


def check_nodes(
    graph: Model, data: bytes, feeds: dict[str, np.ndarray], runner: Runner
) -> list[KernelResult]:
    """Runs the model once with all tensors kept, and recomputes every kernel's node of the main
    graph by its spec's reference from the inputs it had: errors of earlier ops do not add up."""
    from opkit import registry

    declared = registry.declarations()
    main = graph.subgraphs[0]
    nodes = [(i, n) for i, n in enumerate(main.nodes) if n.builtin == "CUSTOM"]
    if not nodes:
        return []
    watched = [t for _, n in nodes for t in (*n.inputs, *n.outputs) if t is not None]
    values = _watch(graph, watched, feeds, runner)
    found = []
    for position, node in nodes:
        d = declared.get(node.op)
        s = specs().get(node.op)
        result = KernelResult(position, node.op, "", SKIPPED)
        found.append(result)
        if d is None or s is None:
            result.message = "not one of the kit's ops"
            continue
        try:
            _recompute(result, node, d, s, values, runner)
        except Exception as e:
            result.status, result.message = SKIPPED, f"{type(e).__name__}: {str(e)[:200]}"
    return found


def _watch(
    graph: Model, tensors: list[Tensor], feeds: dict[str, np.ndarray], runner: Runner
) -> dict[str, np.ndarray]:
    """Values of tensors in a run, by name: the model with them as further outputs."""
    copy = Model.load(graph.to_bytes())
    main = copy.subgraphs[0]
    names = dict.fromkeys(t.name for t in tensors)
    by_name = {t.name: t for t in main.tensors}
    constants = {n: by_name[n].numpy() for n in names if by_name[n].is_constant}
    carried = ("variant", "resource")
    wanted = [n for n in names if n not in constants and by_name[n].dtype not in carried]
    main.outputs = [by_name[n] for n in wanted]
    for signature in copy.signatures:
        if signature.subgraph is main:
            signature.outputs = {n: by_name[n] for n in wanted}
    session = runner.load(copy.to_bytes())
    got = run_named(session, feeds)
    order = [d["name"] for d in session.outputs]
    return {**constants, **dict(zip(order, got, strict=True))}


def _recompute(
    result: KernelResult,
    node: Node,
    declaration: Any,
    spec: Any,
    values: dict[str, np.ndarray],
    runner: Runner,
) -> None:
    from opkit.verify.parity import Prepared, _prepare_quantized, judge, prepare

    if declaration.stateful:
        result.message = "stateful: it cannot be run alone"
        return
    inputs: dict[str, Any] = {}
    quant: dict[str, tuple[float, int]] = {}
    types: dict[str, str] = {}
    flat = list(node.inputs)
    lists = [a for a in declaration.inputs if a.list]
    each = (len(flat) - (len(declaration.inputs) - len(lists))) // len(lists) if lists else 0
    at = 0

    def note(arg: Any, tensor: Tensor) -> None:
        dtype = tensor.dtype
        if tensor.is_quantized and tensor.quantization is not None:
            named = {"int8": "qint8", "uint8": "quint8", "int16": "qint16"}.get(dtype, dtype)
            if named in arg.dtypes:
                quant[arg.name] = tensor.quantization.params()
                dtype = named
        if arg.type in declaration.types:
            types.setdefault(arg.type, dtype)

    for arg in declaration.inputs:
        if arg.list:
            part = flat[at : at + each]
            at += each
            inputs[arg.name] = [values[t.name] for t in part if t is not None]
            for t in part:
                if t is not None:
                    note(arg, t)
            continue
        tensor = flat[at] if at < len(flat) else None
        at += 1
        if tensor is not None:
            inputs[arg.name] = values[tensor.name]
            note(arg, tensor)
    for arg, tensor in zip(declaration.outputs, node.outputs, strict=False):
        note(arg, tensor)
    named = Types({k: types.get(k, declaration.types[k][0]) for k in declaration.types})
    kinds = {a.name: a.kind for a in declaration.attrs}
    attrs = {k: _spec_value(v) for k, v in node.attrs(kinds).items() if k in kinds}
    case = Case(f"node{result.node}", inputs, attrs)
    result.types = str(named)
    if named.quantized:
        prepared: Prepared = _prepare_quantized(
            spec, declaration, named, case, inputs, runner, dict(quant)
        )
    else:
        prepared = prepare(spec, declaration, named, case, 1000, runner)
    verdict = judge(spec, declaration, prepared, [values[t.name] for t in node.outputs])
    result.status, result.error, result.bound = verdict.status, verdict.error, verdict.bound
    result.unit, result.message = verdict.unit, verdict.message


def _spec_value(value: Any) -> Any:
    if hasattr(value, "dims"):
        return None if value.dims is None else list(value.dims)
    if isinstance(value, list):
        return [_spec_value(v) for v in value]
    return str(value) if isinstance(value, str) else value


def against_builtins(data: bytes, feeds: dict[str, np.ndarray], runner: Runner) -> str:
    """Where the runtime's optimized builtins first part from its reference kernels by over 1e-3 of
    the tensor's range: the kernels of the kit agree with TensorFlow, so a builtin is suspect."""
    graph = Model.load(data)
    main = graph.subgraphs[0]
    tensors = [t for n in main.nodes for t in n.outputs if t.dtype in ("float32", "int8", "uint8")]
    note = "every kernel agrees with TensorFlow on the inputs it gets"
    try:
        fast = _watch(graph, tensors, feeds, runner)
        slow = _watch_reference(graph, tensors, feeds)
    except Exception as e:
        return f"{note}; the builtins could not be compared ({str(e)[:120]})"
    for position, node in enumerate(main.nodes):
        for tensor in node.outputs:
            if tensor.name not in fast or tensor.name not in slow:
                continue
            a, b = fast[tensor.name].astype(np.float64), slow[tensor.name].astype(np.float64)
            size = float(np.abs(b).max(initial=0.0))
            if a.shape == b.shape and size and float(np.abs(a - b).max(initial=0.0)) > 1e-3 * size:
                return (
                    f"{note}; the builtin at node {position}, {node.op} ({tensor.name}), is the "
                    "first whose optimized and reference kernels differ"
                )
    quantized = any(t.is_quantized for t in main.tensors)
    rest = "what is left is quantization error" if quantized else "the lowering differs"
    return f"{note}, and builtins agree with their reference kernels: {rest}"


def _watch_reference(
    graph: Model, tensors: list[Tensor], feeds: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    from opkit.runtime import Interpreter, select_host

    host = select_host("auto")
    kinds = host.module.OpResolverType

    class Plain(Runner):
        def load(self, model: bytes, shapes: Any = None) -> Session:
            interpreter = Interpreter(
                model_content=model,
                host=host.name,
                by="delegate",
                check=False,
                experimental_op_resolver_type=kinds.BUILTIN_REF,
            )
            interpreter.allocate_tensors()
            return Session(interpreter)

    # Reference resolvers answer Flex names themselves: the kit's nodes go by their bare names.
    bare = Model.load(graph.to_bytes())
    for _, _, node in bare.nodes():
        if node.is_flex:
            attrs = node.nodedef().attrs
            node.custom_code = node.op
            node.custom_options = encode_custom_options(attrs)
    return _watch(bare, tensors, feeds, Plain())
