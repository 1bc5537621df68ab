"""What is in a dataset, and what is wrong with it: numbers, what to look at first, metrics, charts."""

from __future__ import annotations

from dedup.ui.shell.current import opened_dataset
from dedup.ui.shell.heading import heading
from dedup.ui.summary import comparing, counts, distributions, issues, scatter, tiles

opened = opened_dataset()
with heading("Summary"):
    pass
tiles.tiles(opened)
tiles.first(opened)
issues.issues(opened)
distributions.distributions(opened)
scatter.scatter(opened)
counts.counts(opened)
counts.classes(opened)
counts.timeline(opened)
comparing.comparing(opened)
