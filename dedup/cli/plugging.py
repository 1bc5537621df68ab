"""plugins: what other packages add."""

from __future__ import annotations

import importlib

from dedup import plugins
from dedup.cli.common import Json, say, say_json

REGISTRIES = ("dedup.exports", "dedup.labels.formats", "dedup.images.metrics", "dedup.groups.keepers")
"""Loading these loads the plug-ins of every group."""


def show_plugins(as_json: Json = False) -> int:
    """Exports, formats of labels, metrics and keeper rules that other installed packages add."""
    for each in REGISTRIES:
        importlib.import_module(each)
    used = plugins.used()
    if as_json:
        say_json(
            {
                "plugins": [{"group": each.group, "name": each.name, "package": each.package} for each in used],
                "problems": plugins.problems(),
            }
        )
    elif not used:
        say("No plug-in is installed.")
    else:
        for plugin in used:
            say(plugin.group, plugin.name, plugin.package)
    return 1 if plugins.problems() else 0
