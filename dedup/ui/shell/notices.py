"""What a person is told when something goes wrong: one sentence, never a traceback."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec

import streamlit as st

from dedup.errors import DedupError
from dedup.ui.shell.jobs import UNEXPECTED
from dedup.ui.shell.literal import literal

LOG = logging.getLogger(__name__)
KEY = "notices"
P = ParamSpec("P")


def say(text: str, *, icon: str = ":material/check_circle:") -> None:
    """A short note, shown by the run that comes next or is under way, and gone after some seconds."""
    st.session_state.setdefault(KEY, []).append((text, icon))


def complain(text: str) -> None:
    """Like `say`, for what went wrong; stays until the next click."""
    say(text, icon="")


def overtaken(what: str) -> None:
    """Says that nothing was done, for what was shown is not what is due now."""
    say(f"The {what} is another one now, for another tab decided meanwhile. Look again.", icon=":material/sync:")


def show() -> None:
    """Show what was said since the last time."""
    for text, icon in st.session_state.pop(KEY, []):
        if icon:
            st.toast(literal(text), icon=icon)
        else:
            st.error(literal(text), icon=":material/error:")


@contextmanager
def errors_shown() -> Iterator[None]:
    """Show an error of the block where it happens, and go on after it."""
    try:
        yield
    except DedupError as error:
        st.error(literal(error), icon=":material/error:")
    except Exception:
        LOG.exception("a page failed")
        st.error(UNEXPECTED, icon=":material/error:")


def guarded(callback: Callable[P, object]) -> Callable[P, None]:
    """A widget's callback whose errors are complained about in the run that follows."""

    @wraps(callback)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            callback(*args, **kwargs)
        except DedupError as error:
            complain(str(error))
        except Exception:
            LOG.exception("a callback failed")
            complain(UNEXPECTED)

    return run
