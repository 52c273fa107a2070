"""Passes over :mod:`opkit.model` graphs, and the scan that says what a model needs.

A pass matches, checks (a refusal has a reason and a next step) and applies; each reports both."""

from opkit.declaration import Declaration

from .clean_up import CleanUp
from .declared import Kernels, Refusal, registered_kernels
from .flex_to_kernel import FlexToKernel
from .float_readers import FloatReaders
from .integer_io import IntegerIO
from .passes import NodePass, Pass, run_passes
from .report import Change, Refused, Report
from .scan import ScannedNode, ScannedTensor, ScanResult, scan
from .sink_quantization import Ranges, SinkQuantization

__all__ = [
    "Change",
    "CleanUp",
    "Declaration",
    "FlexToKernel",
    "FloatReaders",
    "IntegerIO",
    "Kernels",
    "NodePass",
    "Pass",
    "Ranges",
    "Refusal",
    "Refused",
    "Report",
    "ScanResult",
    "ScannedNode",
    "ScannedTensor",
    "SinkQuantization",
    "registered_kernels",
    "run_passes",
    "scan",
]
