"""What the first look, at 48 x 48 gray levels, makes of an aligned pair."""

from __future__ import annotations

from dedup.matching.parameters.base import Parameter

WEIGHED = "Weighed on edited photographs when only the first look decided; now it only says what is worth a second."

FIRST_LOOK: dict[str, Parameter] = {
    "agreement_at_limit": Parameter(
        0.89, "fraction",
        "The agreement of details that stands at the default limit of near duplicates.",
        WEIGHED,
    ),
    "overlay_cost": Parameter(
        0.05, "of the agreement",
        "What a part that disagrees costs, per fraction of the contrast, where the rest is a perfect copy ...",
        WEIGHED,
    ),
    "change_cost": Parameter(
        0.4, "of the agreement",
        "... and where the rest only resembles.",
        WEIGHED,
    ),
    "many_blocks": Parameter(
        25, "blocks of 36",
        "From so many blocks with contrast on, a picture is detailed throughout, and may carry an overlay.",
        WEIGHED,
    ),
    "shot_cost": Parameter(
        0.7, "distance",
        "What it costs besides at one size, where no lost resolution excuses that the rest only resembles.",
        "Shots of bursts against copies that were saved again.",
    ),
    "most_disagreeing": Parameter(
        0.6, "fraction",
        "More of the contrast in disagreement is no overlay but another picture.",
        WEIGHED,
    ),
    "fewest_blocks": Parameter(
        8, "blocks of 36",
        "With fewer blocks with contrast a picture counts as flat, and must match as it stands ...",
        WEIGHED,
    ),
    "flat_residual": Parameter(
        1.5, "gray levels",
        "... leaving no more than this.",
        WEIGHED,
    ),
    "colour_miss": Parameter(
        10.0, "chroma levels",
        "A point may miss the fitted change of colour by so much.",
        WEIGHED,
    ),
    "colour_missed": Parameter(
        0.17, "fraction of points",
        "More points missed: another colour, not an edit of the colours.",
        "Garments in other colours against edits of saturation and white balance.",
    ),
    "paper": Parameter(
        0.85, "fraction",
        "From so much blank paper on, a picture is a page ...",
        "Forms that are filled in differently, receipts, pages of text.",
    ),
    "paper_cost": Parameter(
        3.0, "times",
        "... and differences count so many times: forms that are filled in differently are nearly all the same.",
        WEIGHED,
    ),
    "mostly_missed": Parameter(
        0.95, "quantile",
        "Where the colours of so many points are off by no more, that is how far they were moved.",
        "A convention: all but outliers.",
    ),
    "hue_turned": Parameter(
        35.0, "degrees",
        "A hue turned by more is that of another thing ...",
        "Edits turn hues by some 20 degrees; a red thing that is blue is another thing.",
    ),
    "colour_kept": Parameter(
        0.3, "fraction",
        "... where so much of the colour is kept ...",
        "Sepia, which keeps next to none of it, is no turn.",
    ),
    "many_hues": Parameter(
        6.0, "chroma levels",
        "... unless the colours reach so far (root mean square) in every direction.",
        "A photograph of many hues can only have been turned as a whole.",
    ),
    "colourless": Parameter(
        3.0, "chroma levels",
        "A picture with less chroma (root mean square) is gray.",
        "Gray pictures that were saved as JPEG in colour.",
    ),
    "missing": Parameter(
        0.0065, "fraction of the area",
        "May be missing of both pictures in the other for want of precision, at one size ...",
        "What the alignment leaves between copies, against the next shot of a burst.",
    ),
    "missing_resized": Parameter(
        0.012, "fraction of the area",
        "... and at two.",
        "The same of copies that were made smaller.",
    ),
    "overhang_cost": Parameter(
        400.0, "distance",
        "What each further part costs: a copy shows nothing that its original does not.",
        "So that an eighth of a percent more costs as much as the default limit allows.",
    ),
    "most_overhang_cost": Parameter(
        1.5, "distance",
        "No more than this, which leaves the second look to tell: wedges that a shear or a rotation has filled are "
        "too thin to tell from a scene ...",
        "Half of what is worth a look.",
    ),
    "most_filled": Parameter(
        0.06, "fraction of the area",
        "... if no more of the picture is concerned.",
        "Shears by 3 % and rotations that were filled.",
    ),
    "scene_fill": Parameter(
        4.0, "gray levels",
        "What lies beyond the other picture is a fill, not a scene, when most is within so much of its median.",
        "Fills in black and white, compressed at JPEG quality 75, are within 1; the dark edges of scenes that aerial "
        "views see beyond each other spread over 11 and more.",
    ),
    "later_bits": Parameter(
        48, "bits of 256",
        "Frames or pages after the first are others when more of their hashes differ.",
        "A fifth of them: of frames that have nothing to do with each other half differ.",
    ),
    "worth_a_look": Parameter(
        3.0, "distance",
        "Pairs at a greater distance are not looked at again.",
        "Six times the default limit: charts, forms and pages that were saved again are within it.",
    ),
    "blocky": Parameter(
        1.0, "log2",
        "The blocks of a JPEG that is compressed more strongly than its original may add so much detail.",
        "Photographs that were blurred and then compressed strongly.",
    ),
    "unknown_quality": Parameter(
        75.0, "JPEG quality",
        "What is no JPEG counts as one of this quality, the usual one.",
        "The default of libjpeg.",
    ),
    "seam_cells": Parameter(
        1.5, "cells of 48",
        "Tones that change over so many cells ...",
        "Wider than what the alignment blurs.",
    ),
    "seam_levels": Parameter(
        2.0, "gray levels",
        "... by so much more than they did before have come to the edge of a picture that was set in.",
        "Crops of scenes against pictures that were set into pages.",
    ),
    "rim": Parameter(
        0.5, "log2",
        "An overlay is on the side whose tones change so many times as much across its rim as the other's do there.",
        "Captions and logos on either side of a pair.",
    ),
    "clipped": Parameter(
        20.0, "gray levels",
        "A tone that should be so near to black or white, or beyond, has been clipped; so has a difference ...",
        "Brightened copies against overlays in black or white.",
    ),
    "mostly_clipped": Parameter(
        0.8, "fraction",
        "... of which so much is clipped.",
        "The same.",
    ),
    "rim_cells": Parameter(
        6, "cells",
        "Fewer along the rim tell nothing.",
        "Fewer than there are around a single cell.",
    ),
}  # fmt: skip
