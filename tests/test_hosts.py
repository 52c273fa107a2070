"""The host matrix on the runtimes of this environment: TensorFlow and LiteRT, in every way.

tests/hosts/run.py runs the same features on older TensorFlows, each in its own environment.
"""

from __future__ import annotations

import functools
import os
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "hosts"))

import matrix_features  # noqa: E402
import run  # noqa: E402

import opkit  # noqa: E402
import tf_models  # noqa: E402
from opkit.model import Model  # noqa: E402
from opkit.model.attrs import encode_flex_options  # noqa: E402
from opkit.model.nodedef import NodeDef  # noqa: E402
from opkit.runtime import hosts, installed_hosts, select_host  # noqa: E402

NO_FOLDER = pathlib.Path()
PLACES = [(host, by) for host in ("tensorflow", "litert") for by in run.WAYS]


def _cells() -> list[tuple[str, str, str]]:
    installed = {host.name for host in installed_hosts()}
    cells = []
    for host, by in PLACES:
        if host not in installed:
            cells.append((host, by, "installed"))
            continue
        here = matrix_features.Here.__new__(matrix_features.Here)
        here.host, here.by, here.folder = select_host(host), by, NO_FOLDER
        cells += [(host, by, feature.name) for feature in matrix_features.features(here)]
    return cells


@functools.cache
def _golden() -> pathlib.Path:
    return run.goldens(pathlib.Path(sys.executable), dict(os.environ))


@functools.cache
def _column(host: str, by: str) -> run.Column:
    # A process of its own: opkit.install() cannot be taken back.
    python = pathlib.Path(sys.executable)
    return run.column(python, f"here-{host}", host, by, _golden(), dict(os.environ))


@pytest.mark.parametrize(("host", "by", "feature"), _cells())
def test_feature(host: str, by: str, feature: str) -> None:
    if feature == "installed":
        pytest.fail(f"the host {host} is not installed here: {[str(h) for h in installed_hosts()]}")
    column = _column(host, by)
    assert feature in column.cells, column.problem
    cell = column.cells[feature]
    assert cell.right, f"{cell.status}, want {cell.expected}: {cell.reason}"


@pytest.mark.parametrize(("host", "by"), PLACES)
def test_process_ends_well(host: str, by: str) -> None:
    """No crash when interpreters and libraries are torn down."""
    assert _column(host, by).problem == ""


@pytest.mark.parametrize("host", ["tensorflow", "litert"])
def test_a_host_from_a_package_of_another_name_has_its_version(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = select_host(host)
    version, runs_flex = known.version, known.runs_flex
    monkeypatch.setitem(hosts._DISTRIBUTIONS, host, ())
    assert (known.version, known.runs_flex) == (version, runs_flex)


@pytest.mark.parametrize("resolver", ["AUTO", "BUILTIN_REF"])  # the second calls them all Flex
@pytest.mark.parametrize("host", ["tensorflow", "litert"])
def test_a_flex_node_that_nobody_takes_is_named(host: str, resolver: str) -> None:
    model = Model.load(tf_models.erf_flex())
    (node,) = [node for _, _, node in model.nodes() if node.is_flex]
    node.custom_code = "FlexNobodyHasThis"
    node.custom_options = encode_flex_options(NodeDef("NobodyHasThis"))
    module = select_host(host).module
    interpreter = module.Interpreter(
        model_content=model.to_bytes(),
        experimental_delegates=[module.load_delegate(str(opkit.delegate_path()))],
        experimental_op_resolver_type=module.OpResolverType[resolver],
    )
    with pytest.raises(RuntimeError, match="the kit has no kernel for NobodyHasThis"):
        interpreter.allocate_tensors()
