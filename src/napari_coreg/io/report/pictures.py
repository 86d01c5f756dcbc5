"""The pictures of a report, in groups with titles, words and colour bars, as data that stand in the page itself."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk
from PIL import Image

from napari_coreg.core.colour_tables import Scale, scale_around_one
from napari_coreg.core.deformation import limits_mm
from napari_coreg.core.geometry import Grid
from napari_coreg.core.pictures import planes
from napari_coreg.core.report_pictures import PIXELS, Figure, maps, outlines, overlays, where_to_look
from napari_coreg.io.report.words import number, plain, whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from napari_coreg.core.pictures import Plane
    from napari_coreg.core.quality.subject import Assessment, Subject

_QUALITY = 88  # of JPEG: edges and letters stay sharp
_STRIPES = "Black and yellow stripes: folded."
_CHECKS = {
    "inverse_consistency_mm": (
        "Inverse consistency",
        "How far a point ends from where it began when it goes to the moving volume and back by the registration the "
        "other way round.",
    ),
    "repeatability_mm": ("Repeatability", "How far apart the results of runs with other seeds and starts are."),
    "simulated_error_mm": (
        "Error on a known motion",
        "How far the recipe is off where the motion is known, because it was made up.",
    ),
}


@dataclass(frozen=True)
class Shown:
    """A picture in the page."""

    uri: str
    alt: str
    caption: str
    wide: int
    high: int


@dataclass(frozen=True)
class Strip:
    """Pictures of the same thing in all planes, side by side."""

    title: str
    pictures: tuple[Shown, ...]


@dataclass(frozen=True)
class Bar:
    """A colour bar with the words at its ends and in its middle."""

    uri: str
    ticks: tuple[str, ...]


@dataclass(frozen=True)
class PictureGroup:
    """Pictures that belong together: a title, what is to be seen, one strip or before and after, a colour bar."""

    title: str
    words: str
    strips: tuple[Strip, ...]
    bar: Bar | None = None


def overlay_groups(subject: Subject) -> list[PictureGroup]:
    """Return checkerboards, edges and, where there are labels in both volumes, outlines: before and after."""
    at = where_to_look(subject.fixed, subject.moving, subject.transform, subject.fixed_labels)
    stages = {
        "Before": sitk.Transform(subject.fixed.GetDimension(), sitk.sitkIdentity),
        "After": subject.transform,
    }
    boards, edges = {}, {}
    for name, transform in stages.items():
        boards[name], edges[name] = overlays(subject.fixed, subject.moving, transform, at)
    groups = [
        _before_after(
            "Checkerboard",
            "Fixed volume in grey, moving volume tinted: structures must go on from square to square.",
            boards,
        ),
        _before_after(
            "Contours of the moving volume",
            "Fixed volume in grey, the strongest edges of the moving volume in orange: they must lie on its borders.",
            edges,
        ),
    ]
    if subject.fixed_labels is not None and subject.moving_labels is not None:
        drawn = {
            name: outlines(subject.fixed, subject.fixed_labels, subject.moving_labels, transform, at)
            for name, transform in stages.items()
        }
        words = "Outlines of the fixed labels in light blue, of the moving labels in orange, white where both meet."
        groups.append(_before_after("Outlines of structures", words, drawn))
    return groups


def deformation_groups(subject: Subject, assessment: Assessment) -> list[PictureGroup]:
    """Return pictures of how far space moves and how much it swells; none for a linear transform."""
    if assessment.quality.transform.is_linear:
        return []
    at = where_to_look(subject.fixed, subject.moving, subject.transform, subject.fixed_labels)
    folded = assessment.maps.get("folded")
    groups = []
    if "displacement_mm" in assessment.maps:
        words = "How far each point of the fixed volume is moved, outside the body, too. Lines: its edges."
        found = assessment.maps["displacement_mm"]
        groups.append(_lengths("Displacement", words, subject.fixed, found, at, folded))
    if "jacobian_determinant" in assessment.maps:
        groups.append(_determinant(subject.fixed, assessment.maps["jacobian_determinant"], at, folded))
    return groups


def check_groups(subject: Subject, assessment: Assessment) -> list[PictureGroup]:
    """Return the maps of the long checks that were made."""
    at = where_to_look(subject.fixed, subject.moving, subject.transform, subject.fixed_labels)
    return [
        _lengths(title, words, subject.fixed, assessment.maps[key], at)
        for key, (title, words) in _CHECKS.items()
        if key in assessment.maps
    ]


def _before_after(title: str, words: str, stages: Mapping[str, Sequence[Figure]]) -> PictureGroup:
    return PictureGroup(title, words, tuple(_strip(name, title, figures) for name, figures in stages.items()))


def _lengths(
    title: str,
    words: str,
    fixed: sitk.Image,
    lengths: sitk.Image,
    at: list[Plane],
    folded: sitk.Image | None = None,
) -> PictureGroup:
    values = sitk.GetArrayViewFromImage(lengths)
    scale = Scale(*limits_mm(values))
    most = float(np.nanmax(values)) if np.isfinite(values).any() else 0.0
    beyond = " and more" if most > scale.high * 1.005 else ""
    ends = ("0", f"{number(scale.high / 2, 'mm')} mm", f"{number(scale.high, 'mm')} mm{beyond}")
    words = f"{words} The largest is {number(most, 'mm')} mm."
    if folded is not None:
        words += f" {_STRIPES}"
    return PictureGroup(title, words, (_strip("", title, maps(fixed, lengths, scale, at, folded)),), _bar(scale, ends))


def _determinant(
    fixed: sitk.Image, determinant: sitk.Image, at: list[Plane], folded: sitk.Image | None
) -> PictureGroup:
    """Return the map of the Jacobian determinant; where space is folded, through the place where it is so most."""
    values = sitk.GetArrayViewFromImage(determinant)
    scale = scale_around_one(values)
    words = "How much space swells (red) or shrinks (blue): 1 keeps its volume, 2 doubles it, 0 or less folds it."
    if folded is not None:
        worst = _lowest(determinant)
        at = planes(Grid.of(fixed), worst, PIXELS)
        place, least = ", ".join(whole(x) for x in worst), number(float(np.nanmin(values)))
        words += f" {_STRIPES} These planes go through the lowest determinant, {least}, at ({place}) LPS mm."
    figures = maps(fixed, determinant, scale, at, folded)
    ends = (f"{plain(scale.low)} and less", "1", f"{plain(scale.high)} and more")
    return PictureGroup(
        "Jacobian determinant", words, (_strip("", "Jacobian determinant", figures),), _bar(scale, ends)
    )


def _lowest(determinant: sitk.Image) -> NDArray[np.float64]:
    values = sitk.GetArrayViewFromImage(determinant)
    index_zyx = np.unravel_index(np.nanargmin(values), values.shape)
    return Grid.of(determinant).to_lps(np.array(index_zyx[::-1], float))


def _strip(stage: str, title: str, figures: Sequence[Figure]) -> Strip:
    return Strip(stage, tuple(_shown(stage, title, figure) for figure in figures))


def _shown(stage: str, title: str, figure: Figure) -> Shown:
    when = f", {stage.lower()} the registration" if stage else ""
    sides = ("left", "right", "top", "bottom")
    where = ", ".join(f"{letters} {side}" for side, letters in zip(sides, figure.letters, strict=False))
    plane = f"{figure.plane} plane" if figure.letters else "image"
    alt = f"{title}{when}: {plane}{f' ({where})' if where else ''}, scale bar {figure.bar_mm} mm"
    high, wide = figure.pixels.shape[:2]
    return Shown(_uri(figure.pixels, "JPEG"), alt, figure.plane, wide, high)


def _bar(scale: Scale, ticks: tuple[str, ...]) -> Bar:
    return Bar(_uri(scale.bar(), "PNG"), ticks)


def _uri(pixels: NDArray[np.uint8], kind: str) -> str:
    memory = io.BytesIO()
    options = {"quality": _QUALITY, "subsampling": 0, "optimize": True} if kind == "JPEG" else {"optimize": True}
    Image.fromarray(pixels).save(memory, kind, **options)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(memory.getvalue()).decode('ascii')}"
