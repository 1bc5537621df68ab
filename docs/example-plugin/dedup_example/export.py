"""An export: one file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dedup.exports.base import Export, Exportable, Report
from dedup.files import require_free, write_text
from dedup.model import OnProgress
from dedup.query.where import Mask


def write_list(
    dataset: Exportable, mask: Mask, output: Path, on_progress: OnProgress | None = None, *, overwrite: bool = False
) -> Report:
    """The absolute paths of the images in `mask`, one a line, as many trainers read them."""
    require_free(output, overwrite)
    rows = np.flatnonzero(mask).tolist()
    write_text(output, "".join(f"{dataset.file(row)}\n" for row in rows))
    return Report(len(rows), output)


LIST = Export("list", "List of files", ".txt", write_list)
