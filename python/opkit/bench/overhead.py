"""What a node costs besides its kernel: the slope of a chain's time over its length.

One invoke from Python costs 0.3 to 0.4 us whatever the model, so a single node says nothing about
it. Chains of one element leave the kernel next to no work.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from opkit.bench.clock import interleave
from opkit.bench.peers import plain
from opkit.model import Model, Node, Signature, Subgraph, Tensor
from opkit.verify.execute import LoadError, Runner

NODES = 256
TRIVIAL = ("Rint", "FLOOR")
"""A kernel of ours and a builtin that do about the same for one element."""


@dataclass(frozen=True)
class Overhead:
    """Nanoseconds per node of one float32 element: our kernel by each way, and a builtin.

    resolver, delegate: None where the host has no such way."""

    resolver: float | None
    delegate: float | None
    builtin: float

    def __str__(self) -> str:
        named = {"resolver": self.resolver, "delegate": self.delegate, "builtin": self.builtin}
        return " / ".join(f"{v:.0f} ns {k}" for k, v in named.items() if v is not None)


def _chain(nodes: int, builtin: bool) -> bytes:
    ours, theirs = TRIVIAL
    graph = Subgraph(name="main")
    first = last = Tensor(name="x", dtype="float32", shape=(1,))
    graph.tensors.append(first)
    graph.inputs.append(first)
    for i in range(nodes):
        made = Tensor(name=f"y{i}", dtype="float32", shape=(1,))
        graph.tensors.append(made)
        graph.nodes.append(
            Node(theirs, [last], [made]) if builtin else Node.custom(ours, [last], [made], {}, 1)
        )
        last = made
    graph.outputs.append(last)
    signature = Signature("serving_default", graph, {"x": first}, {"y": last})
    return Model(subgraphs=[graph], signatures=[signature]).to_bytes()


def node_overhead(runner: Runner, rounds: int = 9) -> Overhead:
    """Times chains of 1 and 257 nodes, interleaved; under a second.

    runner: its host and threads are used; `by` is not, as both ways are timed.
    """
    calls = {}
    for way in ("resolver", "delegate", "builtin"):
        by = runner.by if way == "builtin" else way
        try:
            for nodes in (1, 1 + NODES):
                session = replace(runner, by=by).load(_chain(nodes, way == "builtin"))
                session.run([np.ones(1, np.float32)])
                calls[way, nodes] = session.interpreter.invoke
        except LoadError:
            continue  # a host without this way; `opkit doctor` says which ways it has
    ready = {f"{way} {nodes}": plain(call) for (way, nodes), call in calls.items()}
    samples = interleave(
        {n: c.time for n, c in ready.items()}, {n: c.calls for n, c in ready.items()}, rounds
    )
    median = {n: float(np.median(s)) * 1e9 for n, s in samples.items()}

    def slope(way: str) -> float | None:
        long, short = median.get(f"{way} {1 + NODES}"), median.get(f"{way} 1")
        return None if long is None or short is None else (long - short) / NODES

    builtin = slope("builtin")
    assert builtin is not None
    return Overhead(slope("resolver"), slope("delegate"), builtin)
