"""Ways to take a selection out of a dataset. A new one is one file and one name in EXPORTS."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dedup import plugins
from dedup.errors import DedupError, ExportError
from dedup.exports.base import Export, Exportable, Report
from dedup.exports.coco import COCO
from dedup.exports.csv import CSV
from dedup.exports.folder import FOLDER
from dedup.exports.pairs import PAIRS
from dedup.exports.parquet import PARQUET


def _guarded(export: Export) -> Export:
    """An export of another package, whose errors of any kind are `ExportError`."""

    def write(*arguments: Any, **options: Any) -> Report:
        try:
            report = export.write(*arguments, **options)
            if not isinstance(report, Report):
                raise TypeError(f"it gave {type(report).__name__} for a dedup.exports.base.Report")
            return report
        except DedupError:
            raise
        except (Exception, SystemExit) as error:
            plugins.failed(plugins.EXPORTS, export.name, error)
            raise ExportError(f"{export.title} could not be written: {error}") from error

    return replace(export, write=write)


_OURS = (CSV, PARQUET, PAIRS, COCO, FOLDER)
ADDED = tuple(map(_guarded, plugins.added(plugins.EXPORTS, Export, {each.name for each in _OURS})))
"""Those of other packages."""
EXPORTS = (*_OURS, *ADDED)

__all__ = ["ADDED", "COCO", "CSV", "EXPORTS", "FOLDER", "PAIRS", "PARQUET", "Export", "Exportable", "Report"]
