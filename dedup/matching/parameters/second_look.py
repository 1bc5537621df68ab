"""What a second look at a pair needs to call it a copy.

Read off measured pairs: true copies by 60 edits of photographs and graphics, and different items that the first look
calls near.
"""

from __future__ import annotations

from dedup.matching.parameters.base import Parameter

FIRST_LOOK_ERRS = "Above what 48 x 48 gray levels, resampling and another compression make of copies that lie straight."

SECOND_LOOK: dict[str, Parameter] = {
    "grain": Parameter(
        0.75, "gray levels",
        "From this much grain in the flat places of both, grain can be compared.",
        "Rounding to 8 bits leaves 0.3, JPEG's ringing up to 0.7.",
    ),
    "grain_ratio": Parameter(
        2.9, "times",
        "Where one has so much more grain than the other, one was blurred or made noisy, and grain tells nothing.",
        "Slices of one scan, saved more and less strongly, differ by up to 2.8; blurred copies by more.",
    ),
    "other_exposure": Parameter(
        0.12, "correlation",
        "Grain that agrees less than this is that of another exposure or slice.",
        "Slices of a scan 0.04 at most; copies by the mildest and strongest edits 0.17 and more.",
    ),
    "hint_of_exposure": Parameter(
        0.03, "correlation",
        "Where grain agrees less than this, no lens and no displacement will make an exposure certain.",
        "Copies that are bent, laid over each other as if they were not, agree in places: 0.05 and more; three in four "
        "other pairs less.",
    ),
    "same_exposure": Parameter(
        0.3, "correlation",
        "Grain that agrees by so much is that of the same exposure: what differs has been put there.",
        "Frames of a fixed camera 0.26 at most; nine in ten copies with an overlay 0.6 and more.",
    ),
    "ground": Parameter(
        0.3, "fraction",
        "Without grain, and with so much of its area of one tone, a picture is drawn.",
        "Screens, forms, glyphs and codes 0.4 and more; photographs 0.25 at most but for white backgrounds.",
    ),
    "blank": Parameter(
        0.8, "fraction",
        "With so much of its area of one tone a picture is drawn, whatever lies between its strokes.",
        "Pages, forms and glyphs 0.83 and more; photographs on white up to 0.8.",
    ),
    "drawn_windows": Parameter(
        600, "windows",
        "Of a drawn picture with fewer windows, in proportion less may stay unexplained and disagree.",
        "Receipts of one shop in fine print have 230, and leave 0.028; copies of such 0.004.",
    ),
    "shows_more": Parameter(
        0.0065, "fraction",
        "Of both photographs: what the first look found apart, and where each shows more than this that the "
        "other does not, is another shot.",
        "Precision of maps between copies of one size.",
    ),
    "grayed_gain": Parameter(
        0.1, "times",
        "Without its colours a drawing or a thing on white has the contrast it had, give or take ...",
        "A gray shoe of the make of a red one 0.17; luma, lightness and mean of a colour differ by less.",
    ),
    "grayed_lightness": Parameter(
        12.0, "gray levels",
        "... and the lightness: else the gray one is another thing.",
        "The same.",
    ),
    "free_rotated": Parameter(
        0.6, "degrees",
        "A first look that rotates by more ...",
        FIRST_LOOK_ERRS,
    ),
    "free_stretched": Parameter(
        1.03, "times",
        "... or stretches by more ...",
        FIRST_LOOK_ERRS,
    ),
    "free_perspective": Parameter(
        0.0075, "sides",
        "... or moves a corner by more has made use of its freedom.",
        FIRST_LOOK_ERRS,
    ),
    "few_windows": Parameter(
        150, "windows",
        "Under so many windows with structure there is little evidence: a map with freedom fits nearly anything.",
        "Digits have 60, letters 130; the poorest photographs 600.",
    ),
    "structured": Parameter(
        0.27, "fraction",
        "Where fewer of the windows that both show have structure, and grain does not show one exposure, a map that "
        "turns, shears or stretches makes no copy ...",
        "Nine in ten different patches with an edge or two that were laid on each other so have fewer; copies of whole "
        "photographs by such edits more, but for one in a hundred.",
    ),
    "directions": Parameter(
        0.05, "fraction",
        "... nor where the structure goes one way only, as edges, horizons and stripes do.",
        "Of such patches three in four have under 0.01; whole photographs 0.08 and more.",
    ),
    "cornered": Parameter(
        36, "windows",
        "With fewer windows in which slopes go more than one way, of all 1,700, and without grain of one exposure, a "
        "picture lies on another wherever it is: no copy that is displaced.",
        "Spots, balls, hills, lamps and islands 16 at most; copies of photographs that are moved, turned or cut 80 and "
        "more. Emblems cut by a twentieth have 13, and are not displaced by so much.",
    ),
    "plain_windows": Parameter(
        8, "windows",
        "Under so many a picture is plain, and only one that is the same as it stands is its copy.",
        "Gradients have none.",
    ),
    "unexplained": Parameter(
        0.045, "fraction",
        "Of the structure's energy, that a copy of a photograph may leave unexplained.",
        "Of copies without overlays 99 % stay under it; other items of one scene begin at 0.03 and disagree besides.",
    ),
    "nearly": Parameter(
        0.06, "fraction",
        "What leaves no more than this is looked at once more, as if the pictures lay on each other as they stand.",
        "Forms cropped by a twentieth, whose map the first look got wrong.",
    ),
    "uneven": Parameter(
        0.03, "fraction",
        "The same, from correlations alone, where tones were changed by place.",
        "Equalised and adaptively equalised copies.",
    ),
    "unexplained_drawn": Parameter(
        0.03, "fraction",
        "The same of a drawn picture, which has no grain that an edit could change.",
        "Copies of forms in fine print 0.028 at most, other screens of one program 0.05 and more.",
    ),
    "unexplained_few": Parameter(
        0.012, "fraction",
        "The same where there is little evidence and the pictures lie on each other as they stand.",
        "Copies of digits 0.003, other digits 0.017 and more.",
    ),
    "unexplained_few_free": Parameter(
        0.004, "fraction",
        "The same where the map turns, shears or stretches.",
        "Other digits begin at 0.008.",
    ),
    "unexplained_few_colour": Parameter(
        0.055, "fraction",
        "The same as they stand, where colours agree as well.",
        "Copies of photographs of 32 pixels saved as JPEG: 0.05.",
    ),
    "unexplained_few_free_colour": Parameter(
        0.03, "fraction",
        "The same where the map turns, shears or stretches and colours agree.",
        "Thumbnails of 32 pixels: 0.025.",
    ),
    "turned_windows": Parameter(
        500, "windows",
        "Under so many windows a drawn picture that is turned may be another: b, d, p and q are four letters.",
        "Glyphs have 375 at most, pages 1,000 and more.",
    ),
    "unexplained_turned": Parameter(
        0.0008, "fraction",
        "The same of a picture with so little on it that is turned or mirrored.",
        "Letters of one font begin at 0.0012.",
    ),
    "flat_colours": Parameter(
        0.93, "fraction",
        "Of the area: a drawing of which so much has one of four tones is one in flat colours ...",
        "Arrows, symbols and cards 0.936 and more; charts, pages and clocks 0.92 at most, products on white 0.8.",
    ),
    "sign_windows": Parameter(
        700, "windows",
        "... and with fewer windows it is a sign, which turned or mirrored is another one.",
        "Arrows, symbols and glyphs have 200 to 660, pages and charts 540 and more.",
    ),
    "recoloured_by": Parameter(
        15, "chroma levels",
        "A cell has another colour, whatever was done to all colours, that differs by so much and half of what the "
        "cells beside it differ by.",
        "Copies without certain exposure 5 and less, but for two in a hundred.",
    ),
    "recoloured": Parameter(
        2, "cells",
        "Of 256: a patch of so many that has another colour is another thing, unless grain makes the exposure certain.",
        "Recoloured things in rendered scenes 2 to 8; of 840 copies 3 without certain exposure.",
    ),
    "disagreeing": Parameter(
        0.02, "fraction",
        "Of the contrast: a copy disagrees in less than this, unless something was put over it.",
        "Frames of a fixed camera begin at 0.05, other words of one length at 0.05.",
    ),
    "disagreeing_drawn": Parameter(
        0.04, "fraction",
        "The same of a drawn picture, in which nothing may clearly differ besides.",
        "JPEG of quality 10 around strokes: 0.024.",
    ),
    "diffuse": Parameter(
        0.005, "fraction",
        "Of the area: where less than this clearly differs, disagreement is noise and loss of detail.",
        "Noise, blur and strong JPEG 0.003; frames of a fixed camera 0.006 and more.",
    ),
    "differing_drawn": Parameter(
        0.001, "fraction",
        "Of the area: a drawn picture in which more than this clearly differs is another: one piece has moved.",
        "Copies of drawn pictures 0.0003 at most; a figure of a game on its board 0.006.",
    ),
    "few_tones": Parameter(
        0.7, "fraction",
        "Of the area: where so much has one of four tones, what was put over it is not told from what belongs there.",
        "Boards of games 0.74 and more; photographs with an overlay 0.65 at most.",
    ),
    "small_overlay": Parameter(
        0.04, "fraction",
        "Of the area: what differs in less than this, in a certain exposure, may bring as much on either side.",
        "Other captions of one template 0.043 and more.",
    ),
    "overlay": Parameter(
        0.45, "fraction",
        "Of the area: more than this in difference is no overlay.",
        "Memes between two bars 0.28.",
    ),
    "overlaid": Parameter(
        0.0005, "fraction of the area",
        "Where a second look sees less of a photograph clearly differ, or a drawing, neither is named overlaid.",
        "Of 400 copies that nothing was put over, those that 48 x 48 gray levels take for overlaid 0.0002 at most; with"
        " captions, logos, stickers and rounded corners 0.001 and more.",
    ),
    "large_overlay": Parameter(
        0.1, "fraction",
        "Of the area: what differs in more is told for an overlay by its structure or its one tone, in less by its one "
        "ink.",
        "Things, words and prints that were changed within one exposure 0.1 at most; memes, captions and stickers 0.12 "
        "and more.",
    ),
    "framed": Parameter(
        2.9, "times",
        "Where tones of both step so much further at the edge of what differs than beside, each has something else in "
        "one frame.",
        "Captions, stickers and memes 0.2 to 1.6, with the copy where they step less; other pictures in one frame of a "
        "room, other tiles of a collage 4.1 to 9.",
    ),
    "one_way": Parameter(
        0.95, "fraction",
        "Of what clearly differs, the part that is lighter, or that is darker, where something in one ink was put over "
        "one of two ...",
        "Watermarks and their like 0.99 and more, clipped tones 1, captions 0.93 and more; things pasted into one "
        "exposure, boxes and masks drawn elsewhere, other words 0.87 at most but for one in twenty.",
    ),
    "one_sided_mark": Parameter(
        0.6, "fraction",
        "... if it also brings this part of the structure there.",
        "Watermarks 0.63 and more.",
    ),
    "opaque_mark": Parameter(
        0.3, "fraction",
        "The same as opaque, of what differs in less than a tenth, in a certain exposure.",
        "Logos 0.3 and more, but for one in ten; other prints and things pasted 0.25 at most, but for one in ten.",
    ),
    "askew": Parameter(
        30, "times",
        "What differs in little, in a certain exposure, and nowhere by so many times what all pixels do, may not quite "
        "lie on each other.",
        "Copies in perspective 20 to 40, equalised, stretched and resaved ones less; things pasted 80 and more.",
    ),
    "one_sided": Parameter(
        0.73, "fraction",
        "Of the structure that differs, the part that an overlay brings; two items bring half each.",
        "Other captions of one template 0.72 at most.",
    ),
    "opaque": Parameter(
        0.18, "fraction",
        "Of what clearly differs, by how much more is of one tone where an opaque overlay lies.",
        "Captions, logos and stickers 0.19 and more, other captions of one template 0.16 at most.",
    ),
    "edged": Parameter(
        0.8, "times",
        "A box away from all edges, at whose edge tones of both step by so much, may hold something on either ...",
        "Labels on a busy scene 0.9 to 2, posters on one wall from 0.5 on.",
    ),
    "opaque_edged": Parameter(
        0.37, "fraction",
        "... and then so much of it must be of one tone on one of them alone.",
        "Labels and stickers 0.4 and more, but for one in twenty; posters and goods on white 0.36 at most, but for one "
        "in ten.",
    ),
    "piece": Parameter(
        22, "gray levels",
        "A piece that differs by so much is a thing of its own, however small and however well the rest agrees ...",
        "Noise, blur and strong JPEG leave pieces of 20 at most; one spot, one part or one word 23 and more.",
    ),
    "piece_alone": Parameter(
        45, "times",
        "... where it differs by so many times what all pixels usually do: else the whole was edited.",
        "Copies without certain exposure and with more contrast 43, stains under another light 49 and more.",
    ),
    "sharp": Parameter(
        100, "times",
        "A piece that differs by so many times what all pixels usually do is no trace of an edit of the whole.",
        "Copies in perspective 74 at most, but for two in ten; other words and prices in one exposure 190 and more.",
    ),
    "certain_exposure": Parameter(
        0.65, "correlation",
        "Grain that agrees by so much leaves no doubt that the exposure is the same.",
        "Frames of a fixed camera over a picture that has grain of its own: 0.63.",
    ),
    "settled": Parameter(
        0.095, "fraction",
        "Around an overlay, where windows agree, so much may stay unexplained.",
        "Captions over pictures with little else: 0.089.",
    ),
    "spread": Parameter(
        0.55, "fraction",
        "Of what stays unexplained, so much is left where windows agree too: tones were changed by place.",
        "Adaptively equalised copies and vignettes 0.59 to 0.99; a moved object leaves 0.2 at most.",
    ),
    "spread_most": Parameter(
        0.17, "fraction",
        "More than this stays unexplained of no copy, however evenly, and however certain the exposure.",
        "Copies equalised by place with the strongest usual setting 0.156.",
    ),
    "lens": Parameter(
        0.7, "times",
        "A lens is looked through that leaves no more than this part of the misfit without one.",
        "Barrels and pincushions by a twentieth and a tenth 0.26 to 0.66; no other edit under 0.9.",
    ),
    "lens_helps": Parameter(
        0.9, "times",
        "Where no lens of middling strength leaves less than this part of the misfit, no other is tried.",
        "Of pairs of photographs that only look alike, one in twenty.",
    ),
    "bent_disagreeing": Parameter(
        0.1, "fraction",
        "Where more of the contrast disagrees at 64 pixels, no smooth displacement is looked for.",
        "Photographed pages and quadrilaterals drawn by a tenth 0.06 at most.",
    ),
    "fill": Parameter(
        10, "gray levels",
        "What lies beyond the other picture is a fill where it is within so many levels of one tone ...",
        "Fills saved as JPEG of quality 75 and more.",
    ),
    "filled": Parameter(
        0.75, "fraction",
        "... in this part of it.",
        "The rest is the seam, which is resampled.",
    ),
    "bent": Parameter(
        0.12, "fraction",
        "What leaves no more than this unexplained may be a copy under a smooth displacement that its grain, "
        "resampled, does not make certain.",
        "Quadrilaterals drawn by a tenth, barrels and photographed pages: 0.1.",
    ),
    "bent_settled": Parameter(
        0.006, "fraction",
        "Where windows that agree leave less unexplained, nothing is bent: an object has moved.",
        "Frames of a fixed camera 0.001 to 0.005, quadrilaterals 0.007 and more.",
    ),
    "small": Parameter(
        0.96, "correlation",
        "The first look sees all of pictures under 64 pixels: those that correlate less there get no second one.",
        "Copies of digits 0.965 and more; six in ten pairs of other digits less.",
    ),
    "small_colourful": Parameter(
        0.94, "correlation",
        "The same where colours agree.",
        "Copies of photographs of 32 pixels 0.947 and more.",
    ),
    "hopeless": Parameter(
        0.1, "fraction",
        "Of a drawn picture's structure: where more stays unexplained at 64 pixels, more detail does not help ...",
        "Copies of pages, cropped, 0.08 at most; other forms 0.15 and more.",
    ),
    "hopeless_disagreeing": Parameter(
        0.25, "fraction",
        "... nor where more disagrees.",
        "Copies of pages, cropped, 0.21 at most; half of all other forms more.",
    ),
    "hopeless_settled": Parameter(
        0.12, "fraction",
        "The same of any picture, where its windows agree.",
        "Copies 0.1 at most, but for halftones and chains of edits.",
    ),
    "hopeless_photograph": Parameter(
        0.35, "fraction",
        "The same of photographs that the first look found apart, where more of the contrast disagrees, in even light "
        "too.",
        "Copies that far apart 0.21 at most; two in three pairs of photographs that only look alike more.",
    ),
    "displaced": Parameter(
        0.22, "fraction",
        "Where no more of the contrast disagrees at 64 pixels, be it in even light, uneven light and lenses are "
        "allowed for.",
        "Copies equalised by place, vignettes and barrels 0.21 at most; nine in ten other pairs of photographs more.",
    ),
    "softer": Parameter(
        1.9, "times",
        "With so much less grain one of the two is a softer picture, and is looked at again at half the detail.",
        "Copies blurred by two pixels and more.",
    ),
}  # fmt: skip
