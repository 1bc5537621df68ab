"""Start with `streamlit run app.py`: the pages, the pictures' routes, and who may ask for them."""

from __future__ import annotations

import os

import streamlit as st
from starlette.middleware import Middleware

from dedup.errors import UsageError
from dedup.launch import OPEN_VARIABLE, PARENT_VARIABLE, end_with_parent
from dedup.ui.browser import about
from dedup.ui.map import atlas
from dedup.ui.shell import door, entrance, navigation
from dedup.ui.shell.compressed import Compressed
from dedup.ui.shell.guard import Guard
from dedup.ui.shell.library import LIBRARY
from dedup.ui.shell.routes import Facts, routes

if os.environ.get(PARENT_VARIABLE):
    end_with_parent()
entrance.ask_nobody_outside()
try:
    DOOR = door.from_settings()
except UsageError as error:
    raise SystemExit(f"{error}") from None
FACTS = Facts(about=about.answer, points=atlas.points, pointed=atlas.pointed)

app = st.App(
    navigation.SCRIPT,
    routes=[*entrance.routes(DOOR), *routes(LIBRARY.resolve, FACTS, base=DOOR.base), entrance.astray(DOOR)],
    middleware=[Middleware(Guard, door=DOOR), Middleware(Compressed)],
    lifespan=entrance.announced(DOOR, open_browser=bool(os.environ.get(OPEN_VARIABLE))),
)
