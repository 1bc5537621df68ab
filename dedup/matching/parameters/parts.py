"""What makes a copy, or a part, of two pictures of which some of either is the same."""

from __future__ import annotations

from dedup.matching.parameters.base import Parameter

PARTS: dict[str, Parameter] = {
    "least_part": Parameter(
        0.02, "fraction of the area",
        "A smaller part that two pictures share is not looked at.",
        "A picture set in at a seventh of the side.",
    ),
    "least_part_side": Parameter(
        40, "pixels",
        "Nor is one with a shorter side, where a picture is looked at with 800 pixels a side.",
        "Icons, emoji and letters of one font are the same in many pictures.",
    ),
    "part_hopeless": Parameter(
        0.4, "of the contrast",
        "Where more disagrees at a glance, fewer than `many_keypoints` do not make it worth a second look.",
        "Of 64 copies found by so few 0.35 at most; of 1,537 other pairs 88 % more.",
    ),
    "part_otherwise": Parameter(
        0.01, "of the energy",
        "Of copies that were found by their details, and of which no change is named, more than this is one.",
        "Saved again 0.001 to 0.006; strips in another order 0.02, colours turned around 0.02 and more.",
    ),
    "part_overlaid": Parameter(
        0.01, "fraction of the area",
        "Where more clearly differs, it is said to be an overlay: no rule for what was only saved again takes it.",
        "Maps that are off by a pixel leave up to 0.02, which costs a word that is too much.",
    ),
    "part_unexplained": Parameter(
        0.4, "fraction",
        "With more of the structure unexplained it is not the same part, even where what is left over looks put there.",
        "Copies under a sticker of 40 % leave up to 0.35; two pictures with one emoji 0.45 and more.",
    ),
    "many_keypoints": Parameter(
        50, "keypoints",
        "So many that agree are evidence of their own: grain and they decide where a second look is in doubt.",
        "Copies under a sticker of 40 % have 80 and more; one pair in 30,000 of different photographs has as many.",
    ),
    "box_keypoints": Parameter(
        15, "keypoints",
        "From so many on, the place around them is looked at where all that both may show is not the same.",
        "Tiles of collages of nine have 15 to 31.",
    ),
    "box_grows": Parameter(
        0.8, "fraction of the windows",
        "It grows to a side as long as so many windows there agree.",
        "Where a tile of a collage ends hardly any does.",
    ),
    "box_within": Parameter(
        0.7, "fraction of the area",
        "Not, though, where both may show more than this of each other: who differ there are no part of each other.",
        "A picture in a collage of two 0.5 to 0.6.",
    ),
    "covered_exposure": Parameter(
        0.35, "correlation",
        "Where a picture is covered in part, or clipped, grain in what is left must agree by this ...",
        "Frames of a fixed camera 0.26 at most; copies under stickers and captions 0.58 and more.",
    ),
    "covered_settled": Parameter(
        0.2, "fraction",
        "... no more of the structure may stay unexplained where it agrees ...",
        "Copies whose light was clipped 0.1 to 0.18.",
    ),
    "covered": Parameter(
        0.3, "fraction of the area",
        "... and no more may clearly differ.",
        "A sticker of 40 % 0.16 to 0.28: only where the picture has structure can it differ.",
    ),
    "covered_usual": Parameter(
        14.0, "gray levels",
        "Nor may half of the pixels differ by more: where most differs hardly anything stands out.",
        "Copies under stickers of 40 % 0.4 to 10.4; other pictures on one telephone, collages with one part in common "
        "19 to 42.",
    ),
    "hardly_covered": Parameter(
        0.07, "fraction of the area",
        "Where less differs, and something is left over everywhere (`spread`), light was clipped. Else what differs "
        "must bring structure of its own, on one side ...",
        "Brightened by 2.5: 0.005 to 0.067, with two thirds of what is left over in places that agree; other captions "
        "on one picture: next to nothing.",
    ),
    "part_differing": Parameter(
        0.04, "fraction of the area",
        "Where more clearly differs, it must be an overlay in any case, and where half as much, if grain has to tell.",
        "Other captions on one picture 0.044 and more.",
    ),
    "covered_one_sided": Parameter(
        0.8, "fraction",
        "... of so much of it ...",
        "Outlined words over a picture 0.76 to 0.94; other captions on one picture 0.5 to 0.6.",
    ),
    "covered_opaque": Parameter(
        0.3, "fraction",
        "... or be of one tone, by so much more than what it covers.",
        "Stickers 0.35 to 0.64; two pictures side by side 0.16 at most.",
    ),
    "part_hues": Parameter(
        10, "chroma levels",
        "The colours of a part may have changed freely where they reach so far (root mean square) in every direction.",
        "Crops of garments 4.7 and 6.4; with less of the picture left than `many_hues` was chosen for.",
    ),
    "part_tint": Parameter(
        12, "chroma levels",
        "Where they do not, no more colour may have been added: that explains any colour of a cloth.",
        "JPEG and changes of saturation 3 at most.",
    ),
    "set_in": Parameter(
        1.5, "times",
        "Where tones change so much more across the frame of a part than on either side of it, it was set in.",
        "Of 110 crops all but four 0.3 to 1.4, where tones happen to change there; of 70 pictures set into others, and "
        "tiles of collages, all but ten more; screenshots 6 and more.",
    ),
    "part_plain": Parameter(
        0.97, "fraction",
        "What is beyond the part is a border where so much of it is within `fill` levels of one tone.",
        "A screenshot around a picture has 0.7 to 0.9 of one tone, and words and signs in it.",
    ),
    "negative_gain": Parameter(
        0.1, "change of contrast",
        "What is no photograph of one exposure is a negative where contrast differs by no more ...",
        "A sign in black, cut out of the same in white on a colour, 0.3 to 0.7.",
    ),
    "negative_bias": Parameter(
        12, "gray levels",
        "... nor tones by more: who makes a negative turns every tone around, exactly.",
        "JPEG of quality 92: 2 at most.",
    ),
    "recolouring_explains": Parameter(
        0.9, "fraction of the area",
        "Channels were exchanged, the hue turned by quarters or tones folded over where that explains so much ...",
        "Photographs that were recoloured so 0.95 and more where they lie on each other to a pixel.",
    ),
    "recolouring_levels": Parameter(
        24, "levels of a channel",
        "... to within so much.",
        "JPEG of quality 60 and maps that are off by a pixel.",
    ),
    "recolouring_before": Parameter(
        0.8, "fraction of the area",
        "Of which no more must have been explained before: other words on one picture leave most of it as it is.",
        "Solarised photographs 0.46 to 0.81; the same under other figures 0.93.",
    ),
    "recolouring_leaves": Parameter(
        0.1, "fraction of the tones",
        "Nor may tones that are folded over leave less as they were: that is a negative, which is told otherwise.",
        "Photographs solarised from 128 on 0.3 to 0.7.",
    ),
    "part_whole": Parameter(
        0.9, "fraction of the area",
        "A picture of which so much is shown is shown whole.",
        "Collages cut a few percent of a picture to its place; maps are off by up to 2 %.",
    ),
    "part_of_copy": Parameter(
        0.55, "fraction of the area",
        "A whole picture that fills so much of the other makes a near duplicate of it; less is a part.",
        "Of a crop below a half most is lost: that is no copy to remove. Collages of two are a half of each.",
    ),
    "part_contained": Parameter(
        0.51, "fraction of the area",
        "Where neither makes a copy, so much of one must be shown for the other to contain it.",
        "More than the half that two collages of two may share.",
    ),
    "part_distance": Parameter(
        0.25, "distance",
        "The distance of a near duplicate that was found by a part, to which what stays unexplained is added.",
        "Half of the limit: who asks for closer ones means copies as a whole.",
    ),
}  # fmt: skip
