"""Which dtypes an op is verified with, from what its declaration says."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from opkit.registry import Arg, Declaration
from opkit.spec import STORAGE, Types


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


def combinations(declaration: Declaration, full: bool = False) -> Iterator[Types]:
    """Assignments of dtypes to verify.

    Every main dtype with the first of each other variable, then the first main dtype with each
    other dtype of each variable, then the i-th of all variables that have as many dtypes as the
    main one (complex128 with float64); with `full`, the whole product.
    """
    names = list(declaration.types)
    if not names:
        yield Types({})
        return
    if full:
        for combo in itertools.product(*declaration.types.values()):
            yield Types(dict(zip(names, combo, strict=True)))
        return
    first = {n: dtypes[0] for n, dtypes in declaration.types.items()}
    for main in declaration.types[names[0]]:
        yield Types({**first, names[0]: main})
    for other in names[1:]:
        for dtype in declaration.types[other][1:]:
            yield Types({**first, other: dtype})
    main_dtypes = declaration.types[names[0]]
    paired = [n for n in names if len(declaration.types[n]) == len(main_dtypes)]
    if len(paired) > 1:
        for i in range(1, len(main_dtypes)):
            yield Types({**first, **{n: declaration.types[n][i] for n in paired}})
