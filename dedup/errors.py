"""The errors a user can meet. Each message is one sentence that says what to do.

DedupError
├── UsageError          what was asked cannot be meant (exit code 2)
│   ├── WhereError      a malformed --where expression
│   ├── UnknownDataset
│   ├── UnknownTag
│   └── UnknownMetric
├── SourceError         the folder or list to scan cannot be used
├── UnreadableImage     one file is no readable picture; becomes a failure row, never ends a scan
├── AnnotationError     an annotation file is not what it should be
├── DatasetError        a dataset's own directory is damaged, locked or out of space
│   └── ScanRunning
├── EngineError         what the work was to run on is not there
├── ExportError         an export cannot be written as asked
├── RemovalError        a removal or restore was refused
│   └── PlanError       a removal plan is not what it should be (exit code 2)
└── Cancelled           a person stopped a job; what was finished is kept
"""

from __future__ import annotations


class DedupError(Exception):
    """Base of every error that is shown to a user as one sentence."""

    exit_code = 1


class UsageError(DedupError):
    """What was asked cannot be meant."""

    exit_code = 2


class WhereError(UsageError):
    """A filter expression is malformed; the message points at the place."""


class UnknownDataset(UsageError):
    """No dataset of that name."""


class UnknownTag(UsageError):
    """No tag of that name."""


class UnknownMetric(UsageError):
    """No metric of that name."""


class SourceError(UsageError):
    """The folder or list of files cannot be scanned."""


class UnreadableImage(DedupError):
    """One file is no readable picture; `str(error)` is the reason shown in its failure row.

    `transient` says that another try may succeed, so a later scan tries again.
    """

    def __init__(self, reason: str, *, transient: bool = False) -> None:
        super().__init__(reason)
        self.transient = transient


class AnnotationError(DedupError):
    """An annotation file cannot be used."""


class DatasetError(DedupError):
    """A dataset's own directory is damaged, locked or cannot be written."""


class ScanRunning(DatasetError):
    """Another scan holds the dataset's lock."""


class EngineError(DedupError):
    """What the work was to run on is not there or cannot do it; finished files are kept."""


class ExportError(DedupError):
    """An export cannot be written as asked; nothing was overwritten."""


class RemovalError(DedupError):
    """A removal or restore was refused; no image was touched by the refused step."""


class PlanError(RemovalError):
    """A removal plan, or the file of one, is not what it should be."""

    exit_code = UsageError.exit_code


INTERRUPTED = 130
"""What shells call the end of a program by Ctrl-C."""


class Cancelled(DedupError):
    """A person stopped a job; what was finished is kept."""

    exit_code = INTERRUPTED
