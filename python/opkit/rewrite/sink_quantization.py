"""DEQUANTIZE -> custom op -> QUANTIZE becomes the custom op on quantized tensors.

The converter's quantizer leaves ops it does not know in float. Where the kernel takes quantized
tensors, the op is wired to the quantized tensors around it. A tensor that only custom ops touch
has no quantized twin yet; its scale comes from the range that calibration saw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from opkit.declaration import Arg, Declaration
from opkit.model import Buffer, Model, Node, Quantization, Subgraph, Tensor

from .affine import (
    LIMITS,
    is_dequantize,
    is_quantize,
    params_for_range,
    quantize_array,
    reach,
    reaches,
)
from .declared import QUANTIZED, Kernels, Refusal, arguments
from .passes import Pass
from .report import Change, Refused, Report

__all__ = ["Ranges", "SinkQuantization"]

#: (subgraph number, tensor name) -> (least, greatest) value seen in calibration.
Ranges = Mapping[tuple[int, str], tuple[float, float]]

_STOP = "keep the op in float"


@dataclass
class _Plan:
    """How one node is quantized: its storage type and which inputs and outputs change."""

    storage: str
    inputs: list[int]
    outputs: list[int]


class SinkQuantization(Pass):
    """Quantizes custom nodes whose kernel takes quantized tensors.

    ``ranges`` are calibrated ranges of float tensors; without them only nodes whose float tensors
    all have a quantized neighbour or a constant value can change. ``default`` is the storage type
    for nodes with no quantized neighbour at all (then every tensor needs a range); None leaves
    these in float."""

    name = "sink-quantization"

    def __init__(self, ranges: Ranges | None = None, default: str | None = None) -> None:
        if default is not None and default not in QUANTIZED:
            raise ValueError(f"default is {default!r}, want one of {', '.join(QUANTIZED)}")
        self.ranges = ranges or {}
        self.default = default

    def run(self, model: Model, kernels: Kernels) -> Report:
        """See :class:`~opkit.rewrite.passes.Pass`."""
        report = Report()
        for number, graph in enumerate(model.subgraphs):
            _Sinker(self, number, graph, kernels, report).run()
        return report


class _Sinker:
    """The pass at work in one subgraph."""

    def __init__(
        self,
        settings: SinkQuantization,
        number: int,
        graph: Subgraph,
        kernels: Kernels,
        report: Report,
    ) -> None:
        self.settings = settings
        self.number = number
        self.graph = graph
        self.kernels = kernels
        self.report = report
        self.producers = graph.producers()
        self.uses = graph.uses()
        self.quantized: dict[tuple[Tensor, str], Tensor] = {}

    def run(self) -> None:
        """Plans all nodes first, then changes them in order."""
        plans: dict[Node, _Plan] = {}
        positions = {node: i for i, node in enumerate(self.graph.nodes)}
        candidates = [node for node in self.graph.nodes if self._is_candidate(node)]
        storages = self._storages(candidates)
        for node in candidates:
            declaration = self.kernels.get(node.op)
            assert declaration is not None
            outcome = self._plan(node, declaration, storages.get(node))
            if isinstance(outcome, _Plan):
                plans[node] = outcome
            elif outcome is not None:
                self.report.refused.append(
                    Refused(
                        self.settings.name,
                        self.number,
                        positions[node],
                        node.op,
                        tuple(t.name for t in node.outputs),
                        outcome.reason,
                        outcome.next_step,
                    )
                )
        for node, plan in plans.items():
            detail = self._apply(node, plan, plans)
            self.report.changes.append(
                Change(
                    self.settings.name,
                    self.number,
                    positions[node],
                    f"{node.op} float32",
                    f"{node.op} {plan.storage}",
                    tuple(t.name for t in node.outputs),
                    detail,
                )
            )

    def _is_candidate(self, node: Node) -> bool:
        """Custom nodes of the kit that compute in float32 now."""
        if not node.is_custom or node.op not in self.kernels:
            return False
        return any(t is not None and t.dtype == "float32" for t in [*node.inputs, *node.outputs])

    # ---- planning --------------------------------------------------------------------------

    def _storages(self, candidates: Sequence[Node]) -> dict[Node, str]:
        """Storage type of each node: that of quantized neighbours, spread along chains."""
        found: dict[Node, str] = {}
        members = set(candidates)
        for node in candidates:
            for tensor in [*node.inputs, *node.outputs]:
                storage = self._neighbour(tensor) if tensor is not None else None
                if storage:
                    found.setdefault(node, storage)
        pending = list(found)
        while pending:
            node = pending.pop()
            near = [self.producers.get(t) for t in node.inputs if t is not None]
            near += [user for t in node.outputs for user in self.uses.get(t, ())]
            for other in near:
                if other is not None and other in members and other not in found:
                    found[other] = found[node]
                    pending.append(other)
        if self.settings.default:
            for node in candidates:
                found.setdefault(node, self.settings.default)
        return found

    def _neighbour(self, tensor: Tensor) -> str | None:
        return next((twin.dtype for twin in self._twins(tensor) if twin.dtype in QUANTIZED), None)

    def _twins(self, tensor: Tensor) -> list[Tensor]:
        """What ``tensor`` is dequantized from and quantized to, before anything changes."""
        origin = self._dequantized_from(tensor)
        results = [user.outputs[0] for user in self.uses.get(tensor, ()) if is_quantize(user)]
        return results if origin is None else [origin, *results]

    def _dequantized_from(self, tensor: Tensor) -> Tensor | None:
        producer = self.producers.get(tensor)
        if producer is not None and is_dequantize(producer):
            return producer.inputs[0]
        return None

    def _plan(
        self, node: Node, declaration: Declaration, storage: str | None
    ) -> _Plan | Refusal | None:
        if storage is None:
            return None  # float all around: nothing to sink
        inputs = arguments(declaration, "input", len(node.inputs))
        outputs = arguments(declaration, "output", len(node.outputs))
        if isinstance(inputs, Refusal):
            return inputs
        if isinstance(outputs, Refusal):
            return outputs
        quantized = QUANTIZED[storage]
        plan = _Plan(
            storage,
            _to_quantize(node.inputs, inputs, quantized),
            _to_quantize(node.outputs, outputs, quantized),
        )
        if not plan.inputs and not plan.outputs:
            return Refusal(f"the kernel of {node.op} has no {quantized} form", _STOP)
        for side, tensors, args, chosen in (
            ("input", node.inputs, inputs, plan.inputs),
            ("output", node.outputs, outputs, plan.outputs),
        ):
            for i, (tensor, argument) in enumerate(zip(tensors, args, strict=True)):
                if tensor is None:
                    continue
                where = f"{side} {argument.name!r} ({tensor.name!r})"
                if i in chosen:
                    refusal = self._params_refusal(tensor, storage, where)
                    if refusal:
                        return refusal
                elif _type_conflict(tensor, argument, plan, inputs, outputs):
                    return Refusal(
                        f"{where} stays {tensor.dtype}, but shares the type "
                        f"{argument.type_var} with a quantized tensor",
                        _STOP,
                    )
        return plan

    def _params_refusal(self, tensor: Tensor, storage: str, where: str) -> Refusal | None:
        for twin in self._twins(tensor):
            if twin.dtype != storage:
                if twin.dtype in QUANTIZED:
                    return Refusal(f"{where} is {twin.dtype}, other tensors are {storage}", _STOP)
                continue
            if twin.quantization is None or not twin.quantization.is_per_tensor:
                return Refusal(
                    f"{where} is quantized per channel; the kernel takes one scale", _STOP
                )
            return None
        if tensor.is_variable:
            return Refusal(f"{where} is a variable", _STOP)
        if tensor.is_constant:
            values = tensor.numpy()
            if values.size and not np.isfinite(values).all():
                return Refusal(f"{where} is a constant with NaN or Inf", _STOP)
            return None
        low, high = self.settings.ranges.get((self.number, tensor.name), (np.nan, np.nan))
        if np.isnan(low) or np.isnan(high):
            return Refusal(
                f"{where} has no quantization and no calibrated range",
                "calibrate: opkit.convert with a representative dataset",
            )
        if low > high:
            return Refusal(
                f"{where} was never computed in calibration",
                "use samples that reach this branch of the model",
            )
        if not (np.isfinite(low) and np.isfinite(high)):
            return Refusal(
                f"{where} ranges over [{low}, {high}] in calibration",
                "use samples that keep the values finite",
            )
        return None

    # ---- changing --------------------------------------------------------------------------

    def _apply(self, node: Node, plan: _Plan, plans: Mapping[Node, _Plan]) -> str:
        notes = []
        for i in plan.inputs:
            tensor = node.inputs[i]
            assert tensor is not None
            node.inputs[i] = self._quantized_input(tensor, plan.storage)
        for i in plan.outputs:
            node.outputs[i], note = self._quantized_output(node, node.outputs[i], plan, plans)
            if note:
                notes.append(note)
        return "; ".join(notes)

    def _quantized_input(self, tensor: Tensor, storage: str) -> Tensor:
        known = self.quantized.get((tensor, storage))
        if known is not None:
            return known
        twin = self._dequantized_from(tensor)
        if twin is None or twin.dtype != storage:
            twin = self._constant(tensor, storage) if tensor.is_constant else None
        if twin is None:
            # Computed in float by something else, or an input of the graph: quantize it there.
            twin = self._new_twin(tensor, storage, written=False)
            producer = self.graph.producer(tensor)
            position = 0 if producer is None else self.graph.index(producer) + 1
            self.graph.insert(position, Node("QUANTIZE", [tensor], [twin]))
            self._absorb(tensor, twin, requantize=False)
        self.quantized[tensor, storage] = twin
        return twin

    def _constant(self, tensor: Tensor, storage: str) -> Tensor:
        values = tensor.numpy()
        low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
        scale, zero_point = params_for_range(low, high, storage)
        raw = quantize_array(values, scale, zero_point, storage)
        twin = Tensor(
            f"{tensor.name}_{storage}",
            storage,
            tensor.shape,
            quantization=Quantization.per_tensor(scale, zero_point),
            buffer=Buffer(np.frombuffer(raw.tobytes(), np.uint8)),
        )
        return self.graph.add_tensor(twin)

    def _new_twin(self, tensor: Tensor, storage: str, *, written: bool) -> Tensor:
        serving = self._serving(tensor, storage, written=written)
        if serving is not None and serving.quantization is not None:
            scale, zero_point = serving.quantization.params()
        else:
            low, high = self._range(tensor, storage, written=written)
            scale, zero_point = params_for_range(low, high, storage)
        twin = Tensor(
            f"{tensor.name}_{storage}",
            storage,
            tensor.shape,
            tensor.shape_signature,
            Quantization.per_tensor(scale, zero_point),
            has_rank=tensor.has_rank,
        )
        return self.graph.add_tensor(twin)

    def _serving(self, tensor: Tensor, storage: str, *, written: bool) -> Tensor | None:
        """The result of a QUANTIZE of ``tensor`` that reaches far enough, the finest such. TF's
        quantizer gives some readers a narrow range, which cuts off what the others need."""
        results = self._results(tensor, storage)
        if not results:
            return None
        low, high = self._range(tensor, storage, written=written)
        return min(
            (result for result in results if reaches(result, low, high)),
            key=lambda result: result.quantization.params()[0] if result.quantization else 0.0,
            default=None,
        )

    def _range(self, tensor: Tensor, storage: str, *, written: bool) -> tuple[float, float]:
        """What a twin of ``tensor`` has to hold: for readers without a QUANTIZE of their own all
        that calibration saw; if the twin is ``written`` instead of ``tensor``, also what each
        QUANTIZE keeps."""
        readers = self.graph.consumers(tensor)
        alone = tensor not in self.graph.outputs and all(is_quantize(user) for user in readers)
        kept = [reach(result) for result in self._results(tensor, storage)]
        seen = self.settings.ranges.get((self.number, tensor.name))
        if seen is not None and np.isfinite(seen).all() and not (kept and alone):
            kept = [*kept, seen] if written else [seen]
        return min(low for low, _ in kept), max(high for _, high in kept)

    def _results(self, tensor: Tensor, storage: str) -> list[Tensor]:
        results = [u.outputs[0] for u in self.graph.consumers(tensor) if is_quantize(u)]
        return [
            result
            for result in results
            if result.dtype == storage and result.quantization and result.quantization.is_per_tensor
        ]

    def _absorb(self, tensor: Tensor, twin: Tensor, *, requantize: bool) -> None:
        """QUANTIZE nodes of ``tensor`` equal to ``twin``, or to an earlier one, give way to it.
        With ``requantize`` the others take their codes from ``twin``, so that nobody needs the
        float value for them."""
        outputs = set(self.graph.outputs)
        kept = [twin]
        for user in list(self.graph.consumers(tensor)):
            if not is_quantize(user) or user.outputs[0] is twin:
                continue
            result = user.outputs[0]
            equal = next((t for t in kept if _same(t, result)), None)
            if equal is not None and result not in outputs:
                self.graph.rewire(result, equal)
                self.graph.remove(user)
                self.quantized = {
                    key: equal if value is result else value
                    for key, value in self.quantized.items()
                }
                continue
            kept.append(result)
            if requantize and result.dtype in QUANTIZED:
                user.inputs[0] = twin

    def _quantized_output(
        self, node: Node, tensor: Tensor, plan: _Plan, plans: Mapping[Node, _Plan]
    ) -> tuple[Tensor, str]:
        twin = self._serving(tensor, plan.storage, written=True)
        note = ""
        if twin is not None:
            for user in self.graph.consumers(tensor):
                if is_quantize(user) and user.outputs[0] is twin:
                    self.graph.remove(user)
                    break
        else:
            twin = self._new_twin(tensor, plan.storage, written=True)
            assert twin.quantization is not None
            scale, zero_point = twin.quantization.params()
            note = f"{tensor.name!r} calibrated to scale {scale:.6g}, zero point {zero_point}"
        self._absorb(tensor, twin, requantize=True)
        self.quantized[tensor, plan.storage] = twin
        self._keep_float(node, tensor, twin, plans)
        return twin, note

    def _keep_float(
        self, node: Node, tensor: Tensor, twin: Tensor, plans: Mapping[Node, _Plan]
    ) -> None:
        """A DEQUANTIZE for readers that stay in float, and for outputs of the graph."""
        readers = [
            user
            for user in self.graph.consumers(tensor)
            if user not in plans
            or plans[user].storage != twin.dtype
            or any(tensor is t and i not in plans[user].inputs for i, t in enumerate(user.inputs))
        ]
        if readers or tensor in self.graph.outputs:
            self.graph.insert(self.graph.index(node) + 1, Node("DEQUANTIZE", [twin], [tensor]))


def _same(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors have one dtype, scale and zero point."""
    if a.dtype != b.dtype or a.quantization is None:
        return False
    return a.quantization.same_as(b.quantization)


def _to_quantize(
    tensors: Sequence[Tensor | None], args: Sequence[Arg], quantized: str
) -> list[int]:
    return [
        i
        for i, (tensor, argument) in enumerate(zip(tensors, args, strict=True))
        if tensor is not None and tensor.dtype == "float32" and quantized in argument.dtypes
    ]


def _type_conflict(
    tensor: Tensor,
    argument: Arg,
    plan: _Plan,
    inputs: Sequence[Arg],
    outputs: Sequence[Arg],
) -> bool:
    """Whether a tensor that stays as it is shares a type variable with one that changes."""
    if argument.type_var is None or argument.mixed:
        return False
    changed = {inputs[i].type_var for i in plan.inputs if not inputs[i].mixed}
    changed |= {outputs[i].type_var for i in plan.outputs if not outputs[i].mixed}
    return argument.type_var in changed and tensor.dtype not in LIMITS
