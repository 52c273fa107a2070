"""Which dtypes an op is verified with, from what its declaration says."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from opkit.registry import Arg, Declaration
from opkit.spec import STORAGE, Spec, Types


def storage(dtype: str) -> str:
    """ "qint8" -> "int8"; others unchanged."""
    return STORAGE.get(dtype, dtype)


def arg_dtype(arg: Arg, types: Types) -> str:
    """The dtype of an argument in a run; for a literal type that type."""
    return types[arg.type] if arg.type in types else arg.dtypes[0]


def find_input(declaration: Declaration, name: str) -> Arg:
    """The input of that name. Raises KeyError with the known names."""
    for arg in declaration.inputs:
        if arg.name == name:
            return arg
    known = ", ".join(a.name for a in declaration.inputs)
    raise KeyError(f"{declaration.name} has no input {name!r}; its inputs are {known}")


def main_type(declaration: Declaration) -> str:
    """Name of the first type variable; "" without any."""
    return next(iter(declaration.types), "")


def carried_by_inputs(declaration: Declaration) -> set[str]:
    """Type variables that some input carries."""
    return {a.type for a in declaration.inputs if a.type in declaration.types}


def product(declaration: Declaration) -> Iterator[Types]:
    """Every assignment of dtypes to the type variables."""
    names = list(declaration.types)
    for combo in itertools.product(*declaration.types.values()):
        yield Types(dict(zip(names, combo, strict=True)))


def has_cases(spec: Spec, types: Types) -> bool:
    """Whether something is verified for these dtypes: cases, or all codes of a pointwise op."""
    return bool(spec.pointwise and types.quantized) or bool(spec.cases_for(types))


def combinations(spec: Spec, declaration: Declaration, full: bool = False) -> list[Types]:
    """Assignments of dtypes to verify: every dtype of every variable in at least one of them.

    Every main dtype with the first others that have cases, then whatever other dtype was not met
    yet; with `full`, all that have cases. A combination without cases is one that TensorFlow has
    no kernel for. A dtype without any is returned as well, so that it cannot hide.
    """
    if not declaration.types:
        return [Types({})]
    every = list(product(declaration))
    if full:
        return [t for t in every if has_cases(spec, t)]
    chosen: list[Types] = []
    for name, dtypes in declaration.types.items():
        for dtype in dtypes:
            if any(t[name] == dtype for t in chosen):
                continue
            fitting = [t for t in every if t[name] == dtype]
            chosen.append(next((t for t in fitting if has_cases(spec, t)), fitting[0]))
    return chosen
