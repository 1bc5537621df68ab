"""Ways to take a selection out of a dataset. A new one is one file and one name in EXPORTS."""

from __future__ import annotations

from dedup.exports.base import Export, Exportable, Report
from dedup.exports.coco import COCO
from dedup.exports.csv import CSV
from dedup.exports.folder import FOLDER
from dedup.exports.pairs import PAIRS
from dedup.exports.parquet import PARQUET

EXPORTS = (CSV, PARQUET, PAIRS, COCO, FOLDER)

__all__ = ["COCO", "CSV", "EXPORTS", "FOLDER", "PAIRS", "PARQUET", "Export", "Exportable", "Report"]
