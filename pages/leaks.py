"""Copies of one picture in several splits: see them, and move whole groups into one split."""

from __future__ import annotations

from dedup.ui.leaks import matrix, repairing, splitting
from dedup.ui.parts import grid
from dedup.ui.shell import session
from dedup.ui.shell.current import opened_dataset
from dedup.ui.shell.heading import heading

opened = opened_dataset()
matrix.apply_events(opened)
with heading("Leaks"):
    matrix.sizes(opened)
if matrix.has_splits(opened):
    matrix.summary(opened)
    matrix.matrix(opened)
    matrix.groups(opened, session.view())
    repairing.repair(opened)
    repairing.take_out(opened)
else:
    matrix.explain_none()
splitting.set_splits(opened, session.view())
grid.compare(opened)
