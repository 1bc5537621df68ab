"""A keeper rule: which of several copies stays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dedup.groups.keepers import Rule


def _score(frame: pd.DataFrame) -> NDArray[np.float64]:
    return -np.round(frame["colourfulness"].to_numpy(np.float64), 2)


def _reason(keeper: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    return "has more colour"


COLOURFUL = Rule("colourful", "More colour", _score, _reason)
