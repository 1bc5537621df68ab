"""From an aligned pair to a judgement: how far apart the two are, and what was done to the one to get the other.

`distance` is made of what the alignment measured. Details that agree everywhere give 0; 0.5 is the default limit of
near duplicates. A pair that is alike for another reason than being a copy (a product in another colour, the next shot
of a burst, a form filled in differently) is kept beyond that limit, whatever else agrees.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dedup.images.signature import CHROMA, TINY
from dedup.matching import geometry, relations, sampling
from dedup.matching.alignment import MEASURES
from dedup.matching.candidates import Candidates, as_matrices
from dedup.matching.columns import AFFINE, BOX, NEUTRAL, PAIR_COLUMNS, SIZES
from dedup.matching.nearest_hash import bits_between
from dedup.matching.notes import OTHER_COLOURS, OTHER_COLOURS_THROUGHOUT
from dedup.matching.parameters import value
from dedup.model import NEAR_DISTANCE, Kind

Doubles = NDArray[np.float64]
Columns = dict[str, NDArray[Any]]

FACTS = ["width", "height", "format", "jpeg_quality", "bits", "frames", "alpha", "shown_on", "values"]
"""Columns that the judgement reads beside the signatures."""
LEAST_DISTANCE = 1e-3
"""Of a pair that is no exact copy."""
BEYOND = 0.55
"""The least distance of a pair that is alike but no copy; those beyond 1 that turn out to be none are not kept."""
RIM_STEPS = [
    (np.s_[:, :, :-1], np.s_[:, :, 1:]),
    (np.s_[:, :-1], np.s_[:, 1:]),
    (np.s_[:, :, :-2], np.s_[:, :, 2:]),
    (np.s_[:, :-2], np.s_[:, 2:]),
]
"""Cells of pictures (m, side, side) and those one or two to the right or below."""
OVERLAYS_AT_A_TIME = 512
"""Pairs whose overlays are looked at together: a thousand take 0.2 GB."""


def fit_colour(one: Doubles, other: Doubles, light: Doubles) -> tuple[Doubles, Doubles]:
    """Fit other = k * one + (t1, t2) * light, with k in 0..3: a change of saturation and of white balance.

    `one` and `other` (m, points, 2) are centred chroma, NaN where not both are seen; `light` (m, points) in 0..1.
    Returns (k, t1, t2) in (m, 3) and the residuals (m, points), a length in chroma levels, NaN where not seen.
    Points that disagree weigh less, so that a coloured overlay does not pull the rest.
    """
    seen = np.asarray(np.isfinite(one + other).all(axis=2))
    a, b = np.where(seen[..., None], one, 0.0), np.where(seen[..., None], other, 0.0)
    fit, residual = np.tile([1.0, 0.0, 0.0], (len(a), 1)), np.zeros(seen.shape)
    coloured = np.flatnonzero((a != 0).any(axis=(1, 2)) | (b != 0).any(axis=(1, 2)))  # of two grays that is the fit
    a, b, light, there = a[coloured], b[coloured], light[coloured], seen[coloured]
    weight: Doubles = there.astype(np.float64)
    for _ in range(3):
        fit[coloured] = some = _solve_colour(a, b, light, weight)
        left = b - some[:, None, :1] * a - some[:, None, 1:] * light[..., None]
        residual[coloured] = missed = np.hypot(left[..., 0], left[..., 1])
        weight = np.asarray(there / (1 + (missed / 8) ** 2) ** 2)
    return fit, np.where(seen, residual, np.nan)


def _missed_freely(one: Doubles, other: Doubles, rough: Doubles, telling: NDArray[np.bool_]) -> Doubles:
    """`_fraction_missed` (m,) under a free change of all colours, from the one to the other or back, whichever misses
    less: an edit may lose colours."""
    both = [_fit_freely(a, b, telling) for a, b in ((one, other), (other, one))]
    return np.minimum(*(_fraction_missed(residual, rough, telling) for residual in both))


def _fit_freely(one: Doubles, other: Doubles, telling: NDArray[np.bool_]) -> Doubles:
    """Fit chroma = A chroma + t light + q light^2: sepia, a turn of the hue, an equalisation band by band.

    `one` and `other` (m, points, 3) as in `_colours`. Returns residuals (m, points), NaN where not both are seen, and
    infinite where A turns the hue by more than `hue_turned` while there are too few hues to tell it from another
    object: a red thing that is blue is not turned.
    """
    residuals = np.full(one.shape[:2], np.nan)
    for row in range(len(one)):
        seen = np.isfinite(one[row] + other[row]).all(axis=1)
        light, chroma, target = one[row][seen, 0], one[row][seen, 1:], other[row][seen, 1:]
        terms = np.column_stack([chroma, 255 * light, 255 * light**2])
        weight = telling[row][seen].astype(np.float64)
        for _ in range(3):
            square = (terms * weight[:, None]).T @ terms + np.diag([100.0, 100.0, 1e3, 1e3])
            fit = np.linalg.solve(square, (terms * weight[:, None]).T @ target)
            missed = np.hypot(*(target - terms @ fit).T)
            weight = telling[row][seen] / (1 + (missed / 8) ** 2) ** 2
        turn = np.degrees(np.arctan2(abs(fit[0, 1] - fit[1, 0]), fit[0, 0] + fit[1, 1]))
        kept = np.hypot(fit[0, 1] - fit[1, 0], fit[0, 0] + fit[1, 1]) / 2
        least = np.linalg.eigvalsh(chroma.T @ chroma / max(len(chroma), 1))[0]
        hues = np.sqrt(max(0.0, least))  # of one hue it is zero, but for rounding, which may be below
        turned = kept > value("colour_kept") and turn > value("hue_turned") and hues < value("many_hues")
        residuals[row, seen] = np.inf if turned else missed
    return residuals


def _solve_colour(a: Doubles, b: Doubles, light: Doubles, weight: Doubles) -> Doubles:
    """The weighted least squares of `fit_colour`; a little of k = 1 and t = 0 is assumed, for gray pictures."""
    wl = weight * light
    ll = (wl * light).sum(axis=1) + 1.0
    al, bl = np.einsum("mp,mpc->mc", wl, a), np.einsum("mp,mpc->mc", wl, b)
    aa, ab = np.einsum("mp,mpc->m", weight, a * a) + 10.0, np.einsum("mp,mpc->m", weight, a * b) + 10.0
    k = (ab - (al * bl).sum(axis=1) / ll) / np.maximum(aa - (al * al).sum(axis=1) / ll, 1e-6)
    k = np.clip(k, 0, 3)
    return np.column_stack([k, (bl - k[:, None] * al) / ll[:, None]])


def judge(
    facts: pd.DataFrame, signatures: NDArray[np.void], pairs: Candidates, maps: Doubles, measures: Doubles
) -> pd.DataFrame:
    """A pairs table (`columns.PAIR_COLUMNS`) of the aligned pairs that are near or similar, left < right."""
    measured = {name: measures[:, i] for i, name in enumerate(MEASURES)}
    promising = _agreement(measured) > 1 - value("worth_a_look") / NEAR_DISTANCE * (1 - value("agreement_at_limit"))
    pairs = pairs.part(promising)
    measured = {name: values[promising] for name, values in measured.items()}
    columns = _geometry(facts, pairs, maps[promising], measured)
    for distance in (_by_details, _by_overhang):  # the cheap ones first: most pairs need no more than these
        columns["distance"] = distance(signatures, columns, measured)
        worth = columns["distance"] <= value("worth_a_look") * _paper_cost(signatures, columns)
        columns, measured = _those(columns, worth), _those(measured, worth)
    columns |= kept_of(facts, columns)
    columns |= tones(signatures, columns)
    columns |= _grain(facts, signatures, columns)
    columns |= _sides(signatures, columns, measured)
    throughout = (columns["colour_missed_freely"] <= value("colour_missed")) & ~_of_few_hues(signatures, columns)
    columns["note"] = _notes(columns["colour_missed"], throughout, _other_data(facts, signatures, columns))
    columns["distance"] = np.maximum(columns["distance"], np.where(columns["note"] != "", BEYOND, LEAST_DISTANCE))
    columns["correlation"] = measured["correlation"]
    columns["recoded"] = recoded(facts, columns)
    columns["allowed"] = columns["details"] = np.zeros(len(columns["left"]), np.int8)
    columns["unexplained"] = np.full(len(columns["left"]), np.nan)
    near = columns["distance"] <= NEAR_DISTANCE
    columns["kind"] = np.where(near, Kind.NEAR.value, Kind.SIMILAR.value)
    columns["bits"] = bits_between(signatures["hash"], columns["left"], columns["right"])
    columns["overlaid"] = _carriers(signatures, columns)
    columns["relations"] = np.array(relations.name(columns), dtype=object)
    columns["derived"] = _derived(facts, signatures, columns)
    columns["earlier_left"] = columns["earlier_right"] = columns["unexplained"].copy()
    return pd.DataFrame({name: columns[name] for name in PAIR_COLUMNS}).astype(PAIR_COLUMNS)


def not_judged(facts: pd.DataFrame, pairs: Candidates, reason: Exception) -> pd.DataFrame:
    """A pairs table of pairs that could not be judged, with the reason; left < right."""
    left, right = np.minimum(pairs.source, pairs.template), np.maximum(pairs.source, pairs.template)
    values = unjudged(f"{type(reason).__name__}: {reason}") | {"left": left, "right": right}
    values |= kept_of(facts, {"left": left, "right": right})
    return pd.DataFrame(values, index=range(len(pairs))).astype(PAIR_COLUMNS)


def unjudged(note: str) -> dict[str, Any]:
    """The columns of a pair that could not be judged, for the reason `note`."""
    unknown = {"distance": np.nan, "correlation": 0.0, "seen_left": 0.0, "seen_right": 0.0}
    return NEUTRAL | unknown | {"kind": Kind.UNJUDGED.value, "note": note}


def kept_of(facts: pd.DataFrame, columns: Columns) -> Columns:
    """What each side keeps of bits, frames and transparency."""
    alpha = np.where(facts["alpha"].to_numpy(bool), facts["shown_on"].map(relations.ALPHA).to_numpy(np.int64), 0)
    kept = {"bits": facts["bits"].to_numpy(), "frames": facts["frames"].to_numpy(), "alpha": alpha}
    return {f"{side}_{name}": kept[name][columns[side]] for name in kept for side in ("left", "right")}


OTHER_DATA = "shows the same, holds other data"
"""Why pictures are alike and no copies."""


def _notes(colour_missed: Doubles, throughout: NDArray[np.bool_], other_data: NDArray[np.bool_]) -> NDArray[np.object_]:
    notes = np.full(len(other_data), "", object)
    notes[colour_missed > value("colour_missed")] = OTHER_COLOURS
    notes[(colour_missed > value("colour_missed")) & throughout] = OTHER_COLOURS_THROUGHOUT
    notes[other_data] = OTHER_DATA
    return notes


def _of_few_hues(signatures: NDArray[np.void], columns: Columns) -> NDArray[np.bool_]:
    """Pairs of which one is a part of the other that has few hues: a free change of colours explains any colour of the
    cloth of a garment."""
    part = np.minimum(columns["seen_left"], columns["seen_right"]) < value("part_whole")
    shown = np.where(columns["seen_left"] > columns["seen_right"], columns["left"], columns["right"])
    return np.asarray(part & (hues(signatures[shown]) < value("part_hues")))


def hues(signatures: NDArray[np.void]) -> Doubles:
    """How far the colours of pictures reach in every direction (root mean square chroma levels), (n,)."""
    chroma = signatures["chroma"].reshape(-1, CHROMA * CHROMA, 2).astype(np.float64) - 128
    least = np.linalg.eigvalsh(chroma.swapaxes(1, 2) @ chroma / chroma.shape[1])[:, 0]
    return np.asarray(np.sqrt(np.maximum(least, 0)))


def _other_data(facts: pd.DataFrame, signatures: NDArray[np.void], columns: Columns) -> NDArray[np.bool_]:
    """Pairs that show the same and hold other data: labels with other numbers, films and documents that begin alike."""
    left, right = columns["left"], columns["right"]
    values, sides = facts["values"].to_numpy(object), np.sort(facts[["width", "height"]].to_numpy(), axis=1)
    known = (values[left] != "") & (values[right] != "") & (sides[left] == sides[right]).all(axis=1)
    frames = (columns["left_frames"] != 1) & (columns["right_frames"] != 1)  # 0 of what cannot be told
    bits = np.bitwise_count(signatures["later"][left] ^ signatures["later"][right]).sum(axis=2).max(axis=1, initial=0)
    return np.asarray((known & (values[left] != values[right])) | (frames & (bits > value("later_bits"))))


def _agreement(measured: Columns) -> Doubles:
    """One number in 0..1 for how well details agree; 0 for what cannot be judged."""
    # an overlay leaves the rest a perfect copy; where the rest is none, what disagrees weighs more
    detailed = (measured["blocks"] >= value("many_blocks") * measured["inside"]) & (measured["inliers"] > 0.65)
    changed = np.where(detailed, _changed(measured), 1.0)
    cost = (value("overlay_cost") + (value("change_cost") - value("overlay_cost")) * changed) * measured["disagreeing"]
    bonus = np.where(detailed, 0.05 * np.clip(2.5 - measured["core"], 0, 1), 0.0)
    good = np.minimum(measured["agreement"] - cost + bonus, np.maximum(measured["agreement"], 0.95))
    flat = measured["blocks"] < value("fewest_blocks")
    # a flat picture has no details to correlate: what is left over must be next to nothing
    same = 1 - np.maximum(0, measured["residual"] - 0.5) * (1 - value("agreement_at_limit")) / (
        value("flat_residual") - 0.5
    )
    judged = (measured["inside"] > 0) & (measured["disagreeing"] <= value("most_disagreeing"))
    return np.where(judged, np.where(flat, np.minimum(same, measured["correlation"]), good), 0.0)


def _changed(measured: Columns) -> Doubles:
    """From 0, where what agrees is a perfect copy, to 1, where it only resembles."""
    return np.asarray(np.clip((measured["core"] - 2) / 3, 0, 1))


def _geometry(facts: pd.DataFrame, pairs: Candidates, maps: Doubles, measured: Columns) -> Columns:
    """Left and right (the lower row is left), the map between them and what follows from it."""
    turned = pairs.source < pairs.template
    affine = np.where(turned[:, None], geometry.invert_affine(maps), maps)
    left, right = np.minimum(pairs.source, pairs.template), np.maximum(pairs.source, pairs.template)
    width, height = facts["width"].to_numpy(np.int64), facts["height"].to_numpy(np.int64)
    sizes = np.stack([width[left], height[left], width[right], height[right]], axis=1)
    boxes = np.stack([measured[name] for name in BOX], axis=1)
    boxes[turned] = geometry.carry_boxes(boxes[turned], maps[turned])
    gain, bias = 1 / measured["gain"], -measured["bias"] / measured["gain"]
    columns: Columns = {"left": left, "right": right}
    columns |= {name: affine[:, i] for i, name in enumerate(AFFINE)}
    columns |= {name: sizes[:, i] for i, name in enumerate(SIZES)}
    columns |= {name: boxes[:, i] for i, name in enumerate(BOX)}
    columns |= geometry.read_off(affine, sizes)
    columns["gain"] = np.where(turned, measured["gain"], gain)
    columns["bias"] = np.where(turned, measured["bias"], bias)
    columns["perspective"] = measured["perspective"]
    return columns


def _affine(columns: Columns) -> Doubles:
    return np.stack([columns[name] for name in AFFINE], axis=1)


COLOURFUL = 6.0
"""Chroma levels (root mean square) from which a picture has colours that can agree."""


def colourful(signatures: NDArray[np.void]) -> NDArray[np.bool_]:
    """Which pictures have colours that can agree."""
    chroma = signatures["chroma"].astype(np.float32) - 128
    return np.asarray(np.sqrt((chroma**2).sum(axis=3).mean(axis=(1, 2))) >= COLOURFUL)


def tones(signatures: NDArray[np.void], columns: Columns, beside: NDArray[np.bool_] | None = None) -> Columns:
    """How the colours changed, and the part of the picture for which no one change explains them: of all of it but the
    disagreeing box, or but the cells `beside` (m, 256) of left."""
    left, right = signatures[columns["left"]], signatures[columns["right"]]
    one, other = _colours(left), sampling.sample(_colours(right), _affine(columns))
    rough = _roughness(one).reshape(len(one), CHROMA * CHROMA)
    one = one.reshape(len(one), CHROMA * CHROMA, 3)
    other[_in_box(columns) if beside is None else beside] = np.nan
    fit, missed = fit_colour(one[..., 1:], other[..., 1:], one[..., 0])
    _, missed_back = fit_colour(other[..., 1:], one[..., 1:], np.nan_to_num(other[..., 0]))
    colour_left, colour_right = _colourfulness(one, other), _colourfulness(other, one)
    gray_left, gray_right = colour_left < value("colourless"), colour_right < value("colourless")
    lost_right, lost_left = _lost(colour_left, colour_right), _lost(colour_right, colour_left)
    telling = _unclipped(one[..., 0]) & _unclipped(other[..., 0])
    both = np.maximum(_fraction_missed(missed, rough, telling), _fraction_missed(missed_back, rough, telling))
    freely = both.copy()
    doubtful = both > value("colour_missed")
    freely[doubtful] = _missed_freely(one[doubtful], other[doubtful], rough[doubtful], telling[doubtful])
    least = value("least_chroma")
    tint = np.hypot(fit[:, 1], fit[:, 2])
    if doubtful.any():  # NaN where there is nothing to see
        tint[doubtful] = np.fmax(tint[doubtful], np.nanquantile(missed[doubtful], value("mostly_missed"), axis=1))
    return {
        "saturation": np.maximum(colour_right, least) / np.maximum(colour_left, least),
        "lightness": 255 * _mean_seen(other[..., 0] - one[..., 0]),
        "tint": tint,
        "gray": lost_right.astype(int) - lost_left.astype(int),
        "colour_missed": np.where(gray_left | gray_right, 0.0, both),
        "colour_missed_freely": freely,
    }


def recoloured(left: NDArray[np.void], right: NDArray[np.void], pair: Mapping[str, Any]) -> int:
    """How many cells of 16 x 16 the largest patch has that shows a thing in another colour: where colours miss each
    other by `recoloured_by`, whatever is done to all of them, linearly or freely, from the one to the other or back.
    Signatures (1,) of two pictures, and the map (`AFFINE`) of their pair."""
    there = np.array([[pair[name] for name in AFFINE]], np.float64)
    one, whole = _colours(left), _colours(right)
    other, beyond = (sampling.sample(each, there) for each in (whole, _roughness(whole)[..., None]))
    rough = np.fmax(_roughness(one).reshape(1, -1), beyond[..., 0])
    one = one.reshape(1, -1, 3)
    telling = _unclipped(one[..., 0]) & _unclipped(other[..., 0])

    def fewest(missed: Iterable[Doubles]) -> int:
        level = value("recoloured_by") + 0.5 * rough
        return min(_largest_patch(telling & (np.nan_to_num(each) > level)) for each in missed)

    ways = [(one, other), (other, one)]
    cells = fewest(fit_colour(a[..., 1:], b[..., 1:], np.nan_to_num(a[..., 0]))[1] for a, b in ways)
    return min(cells, fewest(_fit_freely(a, b, telling) for a, b in ways)) if cells else 0


def _largest_patch(cells: NDArray[np.bool_]) -> int:
    """Of the chroma grid, (1, 256), how many cells hang together at most."""
    from scipy import ndimage  # few pairs need it

    labels, count = ndimage.label(cells.reshape(CHROMA, CHROMA))
    return int(np.bincount(labels.ravel(), minlength=2)[1:].max()) if count else 0


def _mean_seen(values: Doubles) -> Doubles:
    """Means (m,) of values (m, points) that are not NaN, 0 where there is none."""
    seen = np.isfinite(values)
    return np.asarray(np.where(seen, values, 0.0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1))


def _lost(colourful: Doubles, gray: Doubles) -> NDArray[np.bool_]:
    """Whether of two pictures the second has lost the colour of the first."""
    return (gray < value("colourless")) & (colourful > np.maximum(5 * gray, 2.0))


def _colours(signatures: NDArray[np.void]) -> Doubles:
    """Light in 0..1 and centred chroma of pictures, (m, 16, 16, 3)."""
    step = TINY // CHROMA
    light = signatures["tiny"].reshape(-1, CHROMA, step, CHROMA, step).mean(axis=(2, 4)) / 255
    return np.concatenate([light[..., None], signatures["chroma"].astype(np.float64) - 128], axis=3)


def _roughness(colours: Doubles) -> Doubles:
    """How much the chroma changes to the next cells, (m, 16, 16): what a misplacement by a cell may explain."""
    padded = np.pad(colours[..., 1:], ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    across = padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]
    down = padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]
    return np.asarray(np.sqrt((across**2 + down**2).sum(axis=3)) / 2)


def _unclipped(light: Doubles) -> NDArray[np.bool_]:
    """Where a colour can be told: not in the white, not in the black."""
    return (light > 0.04) & (light < 0.93)


def _in_box(columns: Columns) -> NDArray[np.bool_]:
    """Which points of the chroma grid lie in the disagreeing box, (m, 256)."""
    y, x = (np.mgrid[:CHROMA, :CHROMA].reshape(2, 1, -1) + 0.5) / CHROMA
    left, top, right, bottom = (columns[name][:, None] for name in BOX)
    small = (right - left) * (bottom - top) < 0.5
    return np.asarray(small & (x > left) & (x < right) & (y > top) & (y < bottom))


def _colourfulness(colours: Doubles, seen: Doubles) -> Doubles:
    """Root mean square chroma (m,) where both are seen."""
    square = np.where(np.isfinite(colours + seen), colours, 0.0)[..., 1:] ** 2
    count = np.maximum(np.isfinite(colours + seen)[..., 0].sum(axis=1), 1)
    return np.asarray(np.sqrt(square.sum(axis=(1, 2)) / count))


def _fraction_missed(residual: Doubles, rough: Doubles, telling: NDArray[np.bool_]) -> Doubles:
    """Of the points that can tell a colour, the part whose residual is over `colour_miss` and half the roughness."""
    seen = telling & np.isfinite(residual)
    missed = seen & (np.nan_to_num(residual) > value("colour_miss") + 0.5 * rough)
    return np.asarray(missed.sum(axis=1) / np.maximum(seen.sum(axis=1), 16))


def _grain(facts: pd.DataFrame, signatures: NDArray[np.void], columns: Columns) -> Columns:
    """Change of fine detail and of noise, where both were measured at the same scale.

    Detail is measured across, so that of a picture on its side does not compare.
    """
    left, right = columns["left"], columns["right"]
    pitch = _pitch(facts)
    ratio = columns["scale"] * pitch[left] / pitch[right]
    comparable = np.abs(np.log2(ratio)) < 0.1
    detail, noise = signatures["detail"].astype(np.float64), signatures["noise"].astype(np.float64)
    contrast = np.maximum(np.abs(columns["gain"]), 0.1)
    blur = np.log2((detail[right] / contrast + 0.3) / (detail[left] + 0.3))
    one, other = noise[left], noise[right] / contrast
    resized = np.abs(np.log2(columns["scale"])) > np.log2(value("resized"))
    resampled = resized & (np.maximum(one, other) < value("resampled") * np.minimum(one, other))
    return {
        "blur": np.where(comparable & (columns["orientation"] < 5), blur, 0.0),
        "grain": np.where(comparable & ~resampled, other - one, 0.0),
        "comparable": comparable,
    }


def _pitch(facts: pd.DataFrame) -> Doubles:
    """Picture pixels per pixel of the reduced picture the grain was measured on."""
    longest = np.maximum(facts["width"].to_numpy(np.float64), facts["height"].to_numpy(np.float64))
    return np.asarray(np.maximum(1.0, np.ceil(longest / 256)))


def _sides(signatures: NDArray[np.void], columns: Columns, measured: Columns) -> Columns:
    """Which side is a crop of the other, which has a border, which carries the overlay: -1 left, +1 right."""
    framed_left, framed_right = _framed_sides(signatures, columns)
    bordered = framed_right.astype(int) - framed_left.astype(int)
    whole = value("cropped") - 2 * relations.doubt(np.stack([columns[name] for name in SIZES], axis=1))
    part_left = (columns["seen_left"] < whole) & ~framed_left
    part_right = (columns["seen_right"] < whole) & ~framed_right
    cropped = part_left.astype(int) - part_right.astype(int)
    sparse = (measured["residual"] > 4.2 * measured["core"] + 1.5) & (measured["core"] < 2.7)
    flattened = (columns["left_alpha"] == 0) != (columns["right_alpha"] == 0)  # where the ground shows through
    overlaid = (((measured["disagreeing"] > 0.02) | sparse) & ~flattened).astype(int)
    return {"bordered": bordered, "cropped": cropped, "overlaid": overlaid}


def _framed_sides(signatures: NDArray[np.void], columns: Columns) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Of which side what the other does not show is its border."""
    trims = signatures["trim"]
    area = (trims[:, 2] - trims[:, 0]) * (trims[:, 3] - trims[:, 1])
    left, right = (_framed(area[columns[side]], columns[f"seen_{side}"]) for side in ("left", "right"))
    return left, right


def _framed(content: NDArray[np.float32], seen: Doubles) -> NDArray[np.bool_]:
    """Whether what the other picture does not show of this one is its border."""
    return (seen < 0.985) & (content < 0.985) & (np.abs(content - seen) < 0.022)


def _those(columns: Columns, rows: NDArray[np.bool_]) -> Columns:
    return {name: values[rows] for name, values in columns.items()}


def _by_details(signatures: NDArray[np.void], columns: Columns, measured: Columns) -> Doubles:
    """The distance that the agreement of details makes."""
    distance = NEAR_DISTANCE * (1 - _agreement(measured)) / (1 - value("agreement_at_limit"))
    return _paper_cost(signatures, columns) * distance + np.where(
        _one_size(columns), value("shot_cost") * _changed(measured) * measured["disagreeing"], 0.0
    )


def _paper_cost(signatures: NDArray[np.void], columns: Columns) -> Doubles:
    paper = np.minimum(signatures["paper"][columns["left"]], signatures["paper"][columns["right"]])
    return np.where(paper > value("paper"), value("paper_cost"), 1.0)


def _one_size(columns: Columns) -> NDArray[np.bool_]:
    return np.asarray(np.abs(np.log2(columns["scale"])) < 0.1)


def _by_overhang(signatures: NDArray[np.void], columns: Columns, measured: Columns) -> Doubles:
    """The distance so far, and what it costs that each shows a scene the other does not."""
    slack = np.where(_one_size(columns), value("missing"), value("missing_resized")) + 0.03 * (
        1 - measured["agreement"]
    )
    cost = np.zeros(len(slack))
    some = np.minimum(1 - columns["seen_left"], 1 - columns["seen_right"]) > slack
    shown = overhang(signatures, {name: values[some] for name, values in columns.items()})
    cost[some] = np.minimum(value("overhang_cost") * np.maximum(shown - slack[some], 0), value("most_overhang_cost"))
    cost[some] = np.where(shown > value("most_filled"), value("overhang_cost"), cost[some])
    return np.asarray(columns["distance"] + cost)


def overhang(signatures: NDArray[np.void], columns: Columns) -> Doubles:
    """The fraction (m,) of either picture, whichever is less, that shows a scene the other does not.

    An edited copy lies within its original, borders and fills apart; of two shots each shows a little more on one side.
    """
    left, right, affine = columns["left"], columns["right"], _affine(columns)
    back = geometry.invert_affine(affine)
    framed_left, framed_right = _framed_sides(signatures, columns)
    unseen_left = np.where(framed_left | _filled(signatures, left, affine), 0, 1 - columns["seen_left"])
    unseen_right = np.where(framed_right | _filled(signatures, right, back), 0, 1 - columns["seen_right"])
    return np.minimum(unseen_left, unseen_right)


def _filled(signatures: NDArray[np.void], rows: NDArray[np.intp], maps: Doubles) -> NDArray[np.bool_]:
    """Whether what maps (m, 6) carry outside the other picture is a fill."""
    return sampling.one_tone_outside(signatures["tiny"][rows], maps, value("scene_fill"))


def _medians(values: Doubles) -> Doubles:
    """Medians (m,) of the numbers in each row of values (m, k), NaN where a row has none; np.nanmedian goes row by
    row."""
    ordered = np.sort(values, axis=1)  # NaN comes last
    count, row = np.isfinite(values).sum(axis=1), np.arange(len(values))
    middle = (ordered[row, np.maximum(count - 1, 0) // 2] + ordered[row, count // 2 * (count > 0)]) / 2
    return np.asarray(middle)


def recoded(facts: pd.DataFrame, columns: Columns) -> NDArray[np.int8]:
    """The column of that name: 2 another format, 1 another quality of one format, 0 cannot say."""
    left, right = columns["left"], columns["right"]
    formats, quality = facts["format"].to_numpy(), facts["jpeg_quality"].to_numpy(np.float64)
    requantised = np.abs(quality[left] - quality[right]) > 2
    return np.where(formats[left] != formats[right], 2, np.where(requantised, 1, 0)).astype(np.int8)


def _derived(facts: pd.DataFrame, signatures: NDArray[np.void], columns: Columns) -> NDArray[np.int8]:
    """Which side is likelier made from the other: the first clue that speaks decides.

    It is opposite to `cropped` where what looks like the whole is a picture that the other one was set into.
    """
    pixels = facts["width"].to_numpy(np.int64) * facts["height"].to_numpy(np.int64)
    left, right = columns["left"], columns["right"]
    clues = [
        np.where(_is_inset(signatures, columns), -columns["cropped"], columns["cropped"]),
        columns["bordered"],
        columns["gray"],
        np.where(np.abs(columns["overlaid"]) == 2, columns["overlaid"] // 2, 0),
        np.sign(pixels[left] - pixels[right]),
        _softer(facts, columns),
    ]
    derived = np.zeros(len(left), np.int8)
    for clue in clues:
        derived = np.where(derived == 0, clue, derived).astype(np.int8)
    return derived


def _softer(facts: pd.DataFrame, columns: Columns) -> Doubles:
    """Which side is softer: where that has a name, no overlay brings detail of its own, and no JPEG blocks do."""
    named = pd.Series(columns["relations"], dtype=object).str.contains("blurred|sharpened").to_numpy(bool)
    quality = facts["jpeg_quality"].fillna(value("unknown_quality")).to_numpy(np.float64)
    softer = -np.sign(columns["blur"])
    finer = softer * (quality[columns["right"]] - quality[columns["left"]])
    told = (finer <= 2) | (np.abs(columns["blur"]) > value("blocky"))
    return np.where(named & told & (columns["overlaid"] == 0), softer, 0)


def _is_inset(signatures: NDArray[np.void], columns: Columns) -> NDArray[np.bool_]:
    """Whether the side that looks like a crop is all of a picture that was set into something else, as screenshots do.

    A scene goes on beyond a crop; around a picture that was set in there is an edge along most of its frame.
    """
    inset = np.zeros(len(columns["left"]), bool)
    rows = np.flatnonzero(columns["cropped"])
    if not len(rows):
        return inset
    right, affine = columns["cropped"][rows] > 0, _affine(columns)[rows]
    maps = np.where(right[:, None], geometry.invert_affine(affine), affine)
    whole = np.where(right, columns["left"][rows], columns["right"][rows])
    pictures = signatures["tiny"][whole][..., None].astype(np.float64)
    lines = [
        sampling.values(pictures, _around(maps, value("seam_cells") * out))[..., 0] for out in (0.5, -0.5, -1.5, -2.5)
    ]
    across, before, earlier = (np.abs(one - other) for one, other in pairwise(lines))
    edges = (across > np.fmax(before, earlier) + value("seam_levels")).sum(axis=1)
    inset[rows] = 2 * edges > np.isfinite(across).sum(axis=1)
    return inset


def _around(maps: Doubles, cells: float) -> Doubles:
    """Places (m, 2, points) along the unit square carried by maps (m, 6), `cells` tiny cells outside of it."""
    along = np.broadcast_to((np.arange(TINY // 2) + 0.5) / (TINY // 2), (len(maps), TINY // 2))
    x, y = (cells / TINY / np.hypot(maps[:, [i]], maps[:, [i + 3]]) + np.zeros_like(along) for i in (0, 1))
    points = [np.concatenate([along, along, -x, 1 + x], axis=1), np.concatenate([-y, 1 + y, along, along], axis=1)]
    return np.asarray(as_matrices(maps)[:, :2] @ np.stack([*points, np.ones_like(points[0])], axis=1))


def _carriers(signatures: NDArray[np.void], columns: Columns) -> NDArray[np.int8]:
    """Which side carries the overlay: -2 left, 2 right, 1 where it cannot be told, 0 where there is none.

    Where tones changed as well no side is told; and what such a change clipped is no overlay, though it looks like one.
    """
    sides = columns["overlaid"].astype(np.int8)
    plain = (np.abs(np.log2(np.maximum(columns["gain"], 0.05))) < 0.12) & (np.abs(columns["bias"]) < 16)
    plain &= (np.abs(columns["lightness"]) < 12) & (columns["distance"] <= 1)
    for part in _in_turn(np.flatnonzero((sides != 0) & plain)):
        rim = _rim(signatures, {name: values[part] for name, values in columns.items()})
        sides[part] = np.where(np.abs(rim) > value("rim"), 2 * np.sign(rim), 1)
    for part in _in_turn(np.flatnonzero((sides != 0) & ~plain)):
        clipped = _is_clipped(signatures, {name: values[part] for name, values in columns.items()})
        sides[part] = np.where(clipped, 0, 1)
    return sides


def _in_turn(rows: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    return [rows[start : start + OVERLAYS_AT_A_TIME] for start in range(0, len(rows), OVERLAYS_AT_A_TIME)]


def _is_clipped(signatures: NDArray[np.void], columns: Columns) -> NDArray[np.bool_]:
    """Whether what differs is but what the change of tones carried beyond black or white in one of the pictures."""
    one, other = _tones_of_both(signatures, columns)
    differ, _ = _differing(one, other)
    gain, bias = (columns[name][:, None, None] for name in ("gain", "bias"))
    back = [(each - bias) / np.maximum(gain, 0.05) for each in (one, other)]
    meant, there = (np.where(gain >= 1, *both) for both in ((one, back[1]), (other, back[0])))
    middle = 128  # what is black was not clipped to white
    beyond = ((meant > 255 - value("clipped")) & (there > middle)) | ((meant < value("clipped")) & (there < middle))
    return np.asarray((differ & beyond).sum(axis=(1, 2)) >= value("mostly_clipped") * differ.sum(axis=(1, 2)))


def _tones_of_both(signatures: NDArray[np.void], columns: Columns) -> tuple[Doubles, Doubles]:
    """The tiny left pictures with the tones of the right ones, unclipped, and the right ones aligned, (m, 48, 48)."""
    left, right = (signatures["tiny"][columns[side]].astype(np.float64) for side in ("left", "right"))
    one = columns["gain"][:, None, None] * left + columns["bias"][:, None, None]
    return one, sampling.sample(right[..., None], _affine(columns)).reshape(one.shape)


def _differing(one: Doubles, other: Doubles) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which cells clearly differ, and which clearly do not."""
    apart = np.abs(other - one)
    usual = 2 + 1.5 * _medians(apart.reshape(len(apart), -1))[:, None, None]
    return np.asarray(apart > 4 * usual), np.asarray(apart <= 2 * usual)


def _rim(signatures: NDArray[np.void], columns: Columns) -> Doubles:
    """How much more (log2) the right's tones change than the left's from cells that differ to cells that do not.

    The rim of an overlay is an edge in the picture that carries it; in the other one it is nothing particular.
    """
    one, other = _tones_of_both(signatures, columns)
    differ, agree = _differing(one, other)
    count, steps = np.zeros(len(one)), np.zeros((2, len(one)))
    for here, there in RIM_STEPS:
        rim = (differ[here] & agree[there]) | (differ[there] & agree[here])
        count += rim.sum(axis=(1, 2))
        steps += [np.where(rim, np.abs(each[here] - each[there]), 0.0).sum(axis=(1, 2)) for each in (one, other)]
    means = steps / np.maximum(count, 1) + 3
    return np.where(count >= value("rim_cells"), np.log2(means[1] / means[0]), 0.0)
