"""Kernels on the runtimes that are installed: interpreter, delegate, resolver, install hook."""

from opkit._native import OpResolver, get_simd, set_simd
from opkit.runtime.hosts import Host, HostError, installed_hosts, select_host
from opkit.runtime.install import install, installed
from opkit.runtime.interpreter import Interpreter
from opkit.runtime.libraries import delegate_path, load_delegate
from opkit.runtime.preflight import UnsupportedOpError

__all__ = [
    "Host",
    "HostError",
    "Interpreter",
    "OpResolver",
    "UnsupportedOpError",
    "delegate_path",
    "get_simd",
    "install",
    "installed",
    "installed_hosts",
    "load_delegate",
    "select_host",
    "set_simd",
]
