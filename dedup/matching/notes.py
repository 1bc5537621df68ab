"""Why two pictures that are alike are no copies of each other, in words that people read."""

from __future__ import annotations

ANOTHER_MOMENT = "same scene, another moment"
SAME_TEMPLATE = "same template, other content"
TOO_PLAIN = "too plain to tell"
ANOTHER_SHOT = "same scene, each shows more on one side"
OTHER_FRAMES = "other frames or pages behind the first"
"""Copies are the first frames of both."""
OTHER_COLOURS = "other colours"
"""They have the same form, and no one change of tones explains the colours."""
OTHER_COLOURS_THROUGHOUT = "other colours throughout"
"""The same, where a freer change of colours explains them: an edit, if both are one exposure."""
