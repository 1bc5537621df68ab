"""How functions are compiled, by numba: the code is kept, so that only the first process on a machine waits for it.

Most of that wait goes by the function, not by its length: each is made callable in every way that it could be called
in. So what only other compiled functions call is said to be `inner`, nothing is made callable from C, and what would
be compiled along for nothing is avoided: an assignment to a slice brings all that says by how much shapes differ.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from dedup.machine import somewhere_to_compile

somewhere_to_compile(Path(__file__).parent)
import numba  # noqa: E402 - not before there is somewhere to compile

Function = TypeVar("Function", bound=Callable[..., object])

FAST = {"reassoc", "nsz", "arcp", "contract", "afn"}
"""What the compiler may assume of floating-point numbers; not that there is no NaN, which stands for "no box"."""


def machine_code(*, fast: bool = False, inner: bool = False) -> Callable[[Function], Function]:
    """A decorator. With `fast`, sums of floating-point numbers may be added up in any order; `inner` functions cannot
    be called from Python. All others let other threads run meanwhile."""
    options: dict[str, Any] = {"no_cfunc_wrapper": True, "no_cpython_wrapper": inner}  # numba's stubs lack these
    decorator: Callable[[Function], Function] = numba.njit(
        cache=True, nogil=True, fastmath=FAST if fast else False, **options
    )
    return decorator
