"""Checks of what the two volumes show against what the metric takes for granted, and of padding that misleads it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_coreg.core.metrics import MattesMutualInformation
from napari_coreg.core.preflight.findings import Finding, Fix
from napari_coreg.core.preflight.values import MINIMUM_VALUES, preprocessed
from napari_coreg.core.presets import load_preset

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_coreg.core.preflight.pair import Pair, Side

ONE_MODALITY = {"mean_squares": "mean squares", "correlation": "correlation"}
FAMILIES = {"CT": "CT", "MR": "MR", "PT": "PET", "PET": "PET", "NM": "SPECT", "ST": "SPECT", "US": "US"}
AIR_HU, SOFT_TISSUE_HU = (-1100.0, -900.0), (-200.0, 300.0)
SHARE_OF_AIR, SHARE_OF_TISSUE = 0.02, 0.01
PET_VOXEL_MM, PET_TAIL = 2.0, 2.5  # shortest edge at least; 99.9th over 99th percentile at least
OTHER_RANGE = 2.0  # ratio of the ranges of two volumes that mean squares should not be used for
PADDING_SHARE, LARGEST_CLIPPED_SHARE = 0.01, 0.5
CLIP_MARGIN = 2.0  # percent of the voxels, since a share is known from some of them, and the padding's edge is smeared
PADDING_GAP = 1.0  # distance from the other values, over their range
PADDING_GAP_HU = 200.0  # below the air of a CT
PRESETS_BY_KINDS = {
    ("rigid",): "rigid",
    ("affine",): "affine",
    ("rigid", "affine"): "rigid-affine",
    ("translation",): "translation",
    ("bspline",): "bspline",
}


def check_metric(pair: Pair) -> Iterator[Finding]:
    """Find metrics for one modality where there are two, or two scales of intensity."""
    kinds = [ONE_MODALITY[stage.metric.kind] for stage in pair.recipe.stages if stage.metric.kind in ONE_MODALITY]
    if not kinds:
        return
    seen = _different_modalities(pair)
    if seen:
        yield Finding(
            "warning",
            "metric",
            f"{kinds[0]} compares equal modalities, but these differ",
            seen,
            "Compare by mutual information.",
            _mutual_information(pair),
        )
        return
    ranges = [_range(side) for side in pair.sides]
    is_equalized = pair.recipe.preprocessing.equalize_histogram
    if ONE_MODALITY["mean_squares"] not in kinds or is_equalized or min(ranges) <= 0:
        return
    if max(ranges) > OTHER_RANGE * min(ranges):
        yield Finding(
            "warning",
            "intensities_differ",
            "mean squares needs equal tissue to have equal intensity, but the ranges of the two volumes differ",
            f"{ranges[0]:.4g} and {ranges[1]:.4g} from the 1st to the 99th percentile",
            "Compare by correlation or mutual information.",
            _mutual_information(pair),
        )


def modality(side: Side) -> tuple[str, str]:
    """Return the modality of a volume and how it is known: "is" if told, "looks like" if guessed; "" if unknown."""
    told = FAMILIES.get(side.modality.strip().upper(), "")
    if told:
        return told, "is"
    if looks_like_ct(side):
        return "CT", "looks like"
    if looks_like_pet(side):
        return "PET", "looks like"
    return "", ""


def looks_like_ct(side: Side) -> bool:
    """Whether there is air at -1000 and soft tissue about 0, as in Hounsfield units."""
    if len(side.some) < MINIMUM_VALUES:
        return False
    return _share(side, AIR_HU) > SHARE_OF_AIR and _share(side, SOFT_TISSUE_HU) > SHARE_OF_TISSUE


def looks_like_pet(side: Side) -> bool:
    """Whether the voxels are large, no value is negative, and few are far above all others."""
    if len(side.some) < MINIMUM_VALUES or min(side.grid.spacing_xyz) < PET_VOXEL_MM or side.limits[0] < 0:
        return False
    high, highest = np.percentile(side.some, (99, 99.9))
    return bool(highest > PET_TAIL * high > 0)


def _different_modalities(pair: Pair) -> str:
    """Return of which modalities the two are, where they differ; else an empty string."""
    (fixed, how_fixed), (moving, how_moving) = (modality(side) for side in pair.sides)
    if fixed and moving:
        told = f"the fixed volume {how_fixed} {fixed}, the moving one {how_moving} {moving}"
        return told if fixed != moving else ""
    for side, known, how in ((pair.moving, fixed, how_fixed), (pair.fixed, moving, how_moving)):
        is_no_ct = known == "CT" and len(side.some) >= MINIMUM_VALUES
        is_no_pet = known == "PET" and side.is_placed and min(side.grid.spacing_xyz) < PET_VOXEL_MM
        if is_no_ct or is_no_pet:
            return f"one volume {how} {known}, and {side.name} does not look like {known}"
    return ""


def _mutual_information(pair: Pair) -> Fix:
    """Return the preset with the same stages, or else the recipe with its metrics replaced."""
    kinds = tuple(stage.kind for stage in pair.recipe.stages)
    seen = {modality(side)[0] for side in pair.sides}
    name = PRESETS_BY_KINDS.get(kinds, "")
    if name == "rigid" and seen != {"CT", "PET"}:
        name = "pet-mr-head" if "PET" in seen else "ct-mr-head" if "CT" in seen else name
    if name:
        return Fix(f"Use the recipe {name}", f"--recipe {name}", load_preset(name))
    stages = tuple(
        stage.model_copy(update={"metric": MattesMutualInformation()}) if stage.metric.kind in ONE_MODALITY else stage
        for stage in pair.recipe.stages
    )
    return Fix.by_settings(
        "Compare by mutual information", pair.recipe, pair.recipe.model_copy(update={"stages": stages})
    )


def _share(side: Side, limits: tuple[float, float]) -> float:
    return float(np.mean((side.some >= limits[0]) & (side.some <= limits[1])))


def _range(side: Side) -> float:
    if len(side.some) < MINIMUM_VALUES:
        return 0.0
    low, high = np.percentile(side.some, (1, 99))
    return float(high - low)


@dataclass(frozen=True)
class Padding:
    """A value that stands for "nothing was measured": which, how much of the volume, and on which end of the rest."""

    value: float
    share: float
    is_low: bool


def check_padding(pair: Pair) -> Iterator[Finding]:
    """Find padding that the recipe does not leave out."""
    for side in pair.sides:
        padding = padding_of(side)
        if padding is None or _is_left_out(padding, pair, side):
            continue
        percent = 100 * padding.share
        low, high = pair.recipe.preprocessing.clip_percentiles
        if padding.is_low:
            low = math.ceil(percent + CLIP_MARGIN)
        else:
            high = math.floor(100 - percent - CLIP_MARGIN)
        is_clippable = padding.share <= LARGEST_CLIPPED_SHARE and low < high
        yield Finding(
            "warning",
            "padding",
            f"{side.name} seems to be padded with a value far {'below' if padding.is_low else 'above'} all others",
            f"{percent:.3g} % of its voxels are {padding.value:g}",
            "Clip it to the percentiles of the other values, or mask it."
            if is_clippable
            else "Set it to the background's value, or mask it.",
            Fix.by_settings(
                f"Clip to percentiles {low:g} to {high:g}",
                pair.recipe,
                preprocessed(pair.recipe, clip_percentiles=(low, high)),
            )
            if is_clippable
            else None,
        )


def padding_of(side: Side) -> Padding | None:
    """Return the padding of a volume; None where none is seen. 0 and the air of a CT are no padding."""
    distinct, numbers = side.counts
    if len(side.some) < MINIMUM_VALUES or len(distinct) < MINIMUM_VALUES // 4:
        return None
    for is_low, end, rest in ((True, 0, slice(1, None)), (False, -1, slice(None, -1))):
        value, share = float(distinct[end]), float(numbers[end] / numbers.sum())
        if share <= PADDING_SHARE or value == 0:
            continue
        low, high = _weighted_percentiles(distinct[rest], numbers[rest], (0.02, 0.98))
        gap = low - value if is_low else value - high
        is_below_air = is_low and AIR_HU[0] <= low <= AIR_HU[1] and gap > PADDING_GAP_HU
        is_air = is_low and AIR_HU[0] <= value <= AIR_HU[1]
        if is_below_air or (gap > PADDING_GAP * (high - low) and not is_air):
            return Padding(value, share, is_low)
    return None


def _is_left_out(padding: Padding, pair: Pair, side: Side) -> bool:
    preprocessing = pair.recipe.preprocessing
    low, high = preprocessing.clip_percentiles
    is_clipped = low > 100 * padding.share if padding.is_low else 100 - high > 100 * padding.share
    is_background = preprocessing.foreground_only and side.role == "fixed" and padding.is_low
    return side.mask is not None or is_clipped or is_background


def _weighted_percentiles(
    values: NDArray[np.float64], weights: NDArray[np.int64], parts: tuple[float, ...]
) -> NDArray[np.float64]:
    summed = np.cumsum(weights)
    found: NDArray[np.float64] = values[np.searchsorted(summed, np.array(parts) * summed[-1])]
    return found
