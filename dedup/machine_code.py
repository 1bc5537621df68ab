"""How functions are compiled, by numba: the code is kept, so that only the first process on a machine waits for it.

Most of that wait goes by the function, not by its length: each is made callable in every way that it could be called
in. So what only other compiled functions call is said to be `inner`, nothing is made callable from C, and what would
be compiled along for nothing is avoided: an assignment to a slice brings all that says by how much shapes differ.

What is `inner` becomes part of what calls it, at every call, so that it is best called from one place. Left to the
compiler some is called, by a name of which the process that compiles has another copy, with its sums added up in
another order, than those that load the code: one scan would tell 1e-8 otherwise than the next.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from dedup.machine import somewhere_to_compile

somewhere_to_compile(Path(__file__).parent)
import numba  # noqa: E402 - not before there is somewhere to compile
from numba.extending import intrinsic  # noqa: E402

Function = TypeVar("Function", bound=Callable[..., object])

FAST = {"reassoc", "nsz", "arcp", "contract", "afn"}
"""What the compiler may assume of floating-point numbers; not that there is no NaN, which stands for "no box"."""


def _choice(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], Any]:
    """For compiled code: the second of two numbers where that compares so with the first, else the first. Python's own
    `min` and `max` are the same there, but compiled anew for every pair of types, for a tenth of a second each."""

    @intrinsic
    def choose(types: Any, first: Any, second: Any) -> Any:
        kind = types.unify_types(first, second)

        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            one, other = (context.cast(builder, *each, kind) for each in zip(arguments, signature.args, strict=True))
            better = context.get_function(compare, numba.types.boolean(kind, kind))(builder, (other, one))
            return builder.select(better, other, one)

        return kind(first, second), code

    return cast("Callable[[Any, Any], Any]", choose)


lesser, larger = _choice(operator.lt), _choice(operator.gt)


def machine_code(*, fast: bool = False, inner: bool = False) -> Callable[[Function], Function]:
    """A decorator. With `fast`, sums of floating-point numbers may be added up in any order; `inner` functions cannot
    be called from Python. All others let other threads run meanwhile."""
    # numba's stubs lack these
    options: dict[str, Any] = {"no_cfunc_wrapper": True, "no_cpython_wrapper": inner, "forceinline": inner}
    decorator: Callable[[Function], Function] = numba.njit(
        cache=True, nogil=True, fastmath=FAST if fast else False, **options
    )
    return decorator
