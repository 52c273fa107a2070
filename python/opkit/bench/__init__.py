"""Speed: kernels through the interpreter beside their peers, on the same cases as parity.

opkit.bench(["Erf"], dtypes=["float32", "qint8"])   # is opkit.bench.bench_ops(...)
"""

from __future__ import annotations

from opkit.bench.baseline import diff, load, write
from opkit.bench.flex import FlexWorker, MissingPeer, find_flex_python
from opkit.bench.peers import PEERS
from opkit.bench.results import BenchReport, Row, Timing
from opkit.bench.run import bench_ops
from opkit.bench.whole_model import bench_models
from opkit.callable_module import make_callable

__all__ = [
    "PEERS",
    "BenchReport",
    "FlexWorker",
    "MissingPeer",
    "Row",
    "Timing",
    "bench_models",
    "bench_ops",
    "diff",
    "find_flex_python",
    "load",
    "write",
]


make_callable(__name__, bench_ops)
