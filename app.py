"""Start with `streamlit run app.py`: the pages, the pictures' routes, and who may ask for them."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from dedup.ui.shell.guard import SameOrigin
from dedup.ui.shell.library import LIBRARY
from dedup.ui.shell.routes import routes

app = st.App(
    Path(__file__).parent / "dedup" / "ui" / "shell" / "main.py",
    routes=routes(LIBRARY.resolve),
    middleware=[
        Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"]),
        Middleware(SameOrigin),
    ],
)
