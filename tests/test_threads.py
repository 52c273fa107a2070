"""The kit's worker threads: in a child after a fork, and where no more can be started."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from opkit import registry
from opkit.spec import Types
from opkit.verify.execute import Runner
from opkit.verify.single_op import build

SETUP = """
import os, resource, signal
import numpy as np
import opkit
from opkit.model import Model, Node, Subgraph, Tensor

x, y = (Tensor(name=n, dtype="float32", shape=(1 << 18,)) for n in "xy")
graph = Subgraph("main", tensors=[x, y], inputs=[x], outputs=[y])
graph.nodes.append(Node.custom("Erf", [x], [y], {}, 1))
data = Model([graph]).to_bytes()

def load(threads):
    made = opkit.Interpreter(model_content=data, num_threads=threads)
    made.allocate_tensors()
    made.set_tensor(made.get_input_details()[0]["index"], np.full(1 << 18, 0.5, np.float32))
    return made

def check(made):
    made.invoke()
    got = made.get_tensor(made.get_output_details()[0]["index"])
    assert np.allclose(got, 0.5204999), got

def tasks():
    return len(os.listdir("/proc/self/task"))
"""

FORK = """
check(load(2))
child = os.fork()
if child == 0:
    signal.alarm(20)  # a child that hangs ends by SIGALRM
    code = 1
    try:
        made = load(4)
        for _ in range(5):
            check(made)
        code = 0
    finally:
        os._exit(code)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
check(load(4))
"""

NO_THREADS = """
made = load(4)
held = resource.getrlimit(resource.RLIMIT_AS)
pages = int(open("/proc/self/statm").read().split()[0])
before = tasks()
# Too little for a thread's stack.
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + (4 << 20), held[1]))
made.invoke()
resource.setrlimit(resource.RLIMIT_AS, held)
assert tasks() == before
check(made)
assert tasks() == before + 3
"""


def run(program: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SETUP + program], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_child_of_a_fork_has_workers_of_its_own() -> None:
    run(FORK)


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads in /proc")
def test_a_process_without_room_for_threads_computes_on_one() -> None:
    run(NO_THREADS)


@pytest.mark.parametrize("threads", [2, 3, 4])
def test_threads_that_share_a_plane_give_the_bits_of_one(threads: int) -> None:
    """fft_length crops planes of 11 rows; a thread may have one or two rows of a plane."""
    declaration = registry.find("RFFT3D")
    assert declaration is not None
    x = np.random.default_rng(7).standard_normal((11, 17, 14, 11)).astype(np.float32)
    inputs = {"input": x, "fft_length": np.array([14, 11, 8], np.int32)}
    one = build(declaration, Types({"Treal": "float32", "Tcomplex": "complex64"}), inputs, {})
    alone, shared = (Runner(threads=n).load(one.to_bytes()).run(one.feeds) for n in (1, threads))
    assert np.array_equal(alone[0], shared[0])
