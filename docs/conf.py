"""Settings of the built docs: `sphinx-build -W -n docs build/docs`."""

from __future__ import annotations

project = "dedup"
author = "the dedup authors"
copyright = "2026, the dedup authors"
extensions = ["myst_parser"]
exclude_patterns = ["tour.ipynb", "example-plugin"]
html_theme = "furo"
html_title = "dedup"
myst_heading_anchors = 3
