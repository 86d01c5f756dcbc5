"""The command apply: a volume, labels, points or a surface through a transform, either way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_coreg.cli.terminal import cancel_on_interrupt, note, note_volume, say
from napari_coreg.core.geometry import Grid, describe, require_grid
from napari_coreg.core.inverse import TOLERANCE_MM, find_inverse, invert_points, invert_surface
from napari_coreg.core.resample import resample
from napari_coreg.core.warp import warp_labels, warp_points, warp_surface
from napari_coreg.errors import CoregError, FileError, GeometryError
from napari_coreg.io.atomic import full_suffix, require_folder_of
from napari_coreg.io.points import POINT_SUFFIXES, read_points, write_points
from napari_coreg.io.quiet import quiet_itk
from napari_coreg.io.records import has_closed_inverse, load_inverse, load_transform
from napari_coreg.io.surfaces import SURFACE_SUFFIXES, read_surface, write_surface
from napari_coreg.io.volumes import VOLUME_SUFFIXES, read_volume, write_volume

if TYPE_CHECKING:
    import argparse

    import SimpleITK as sitk
    from numpy.typing import NDArray

    from napari_coreg.core.recipe import Interpolator

_LABEL_INTERPOLATORS = ("nearest", "label")


def run(options: argparse.Namespace) -> None:
    """Run the command."""
    if sum(given is not None for given in (options.image, options.points, options.surface)) != 1:
        raise CoregError(
            "give either IMAGE and --like, or --points, or --surface, to say what the transform is applied to"
        )
    if options.labels and options.image is None:
        raise CoregError("--labels says that IMAGE holds labels; give IMAGE and --like with it, or leave it out")
    if options.labels and options.interpolator not in (None, *_LABEL_INTERPOLATORS):
        raise CoregError(f"--interpolator {options.interpolator} makes new values, but --labels allows none; drop one")
    if options.frame is not None and options.surface is None:
        raise CoregError("--frame says how the vertices of --surface are meant; leave it out")
    with quiet_itk():
        is_numeric = options.inverse and not has_closed_inverse(options.transform)
        transform = (load_inverse if options.inverse and not is_numeric else load_transform)(options.transform)
        if options.points is not None:
            _points(options, transform, is_numeric=is_numeric)
        elif options.surface is not None:
            _surface(options, transform, is_numeric=is_numeric)
        else:
            _volume(options, transform, is_numeric=is_numeric)


def _volume(options: argparse.Namespace, transform: sitk.Transform, *, is_numeric: bool) -> None:
    if options.like is None:
        raise CoregError("say with --like whose voxels the result shall have: the fixed volume's (see apply --help)")
    _require_suffix(options, VOLUME_SUFFIXES)
    like = read_volume(options.like, options.like_volume)
    volume = read_volume(options.image, options.volume)
    note_volume("image", volume)
    for image, path in ((volume.image, options.image), (like.image, options.like)):
        if image.GetDimension() != transform.GetDimension():
            raise GeometryError(
                f"{path}: has {image.GetDimension()} axes, but the transform is for {transform.GetDimension()}"
            )
    require_grid(volume.image, str(options.image))
    grid = Grid.of(like.image)
    if is_numeric:
        transform = _inverse(transform, grid, options.inverse_tolerance)
    if options.labels:
        moved = warp_labels(volume.image, grid, transform, interpolator=options.interpolator or "nearest")
    else:
        how: Interpolator = options.interpolator or "linear"
        moved = resample(volume.image, grid, transform, interpolator=how, background=options.background)
    write_volume(moved, options.output, like=options.like)
    say(f"written to {options.output}: {volume.name} on the grid of {like.name}, {describe(grid)}")


def _points(options: argparse.Namespace, transform: sitk.Transform, *, is_numeric: bool) -> None:
    _require_suffix(options, POINT_SUFFIXES)
    points, names = read_points(options.points)
    _require_axes(options.points, points, transform)
    if is_numeric:
        mapped, errors = invert_points(transform, points)
        _require_counterparts(errors, "points", options.inverse_tolerance)
    else:
        mapped = warp_points(transform, points)
    write_points(mapped, options.output, names)
    say(f"written to {options.output}: {len(mapped)} points mapped {_way(options)} (LPS, mm)")


def _surface(options: argparse.Namespace, transform: sitk.Transform, *, is_numeric: bool) -> None:
    _require_suffix(options, SURFACE_SUFFIXES)
    surface = read_surface(options.surface, frame=options.frame)
    _require_axes(options.surface, surface.vertices_lps, transform)
    if is_numeric:
        moved, errors = invert_surface(transform, surface)
        _require_counterparts(errors, "vertices", options.inverse_tolerance)
    else:
        moved = warp_surface(transform, surface)
    write_surface(moved, options.output)
    size = f"{len(moved.vertices_lps)} vertices and {len(moved.faces)} triangles"
    say(f"written to {options.output}: {size} mapped {_way(options)}")


def _inverse(transform: sitk.Transform, grid: Grid, tolerance_mm: float) -> sitk.Transform:
    """Return the inverse over a grid, tell its error, and refuse it where that is too large."""
    with cancel_on_interrupt() as is_cancelled:
        inverse = find_inverse(
            transform,
            grid,
            tolerance_mm=min(TOLERANCE_MM, tolerance_mm),
            at_voxels=True,
            is_cancelled=is_cancelled,
        )
    note(str(inverse))
    if np.isnan(inverse.maximum_mm):
        raise CoregError("nothing that the transform is known for comes to the volume of --like; is it the one?")
    if inverse.maximum_mm > tolerance_mm:
        raise CoregError(
            f"the inverse is wrong by up to {inverse.maximum_mm:.2g} mm, as where the transform folds space, or nearly "
            f"so; take it with --inverse-tolerance {_rounded_up(inverse.maximum_mm):g}, or register the other way round"
        )
    return inverse.transform


def _require_counterparts(errors_mm: NDArray[np.float64], what: str, tolerance_mm: float) -> None:
    """Tell how accurate points are, and refuse those that nothing maps to."""
    missed = int(np.count_nonzero(errors_mm > tolerance_mm))
    if missed:
        raise CoregError(
            f"{missed} of {len(errors_mm)} {what} have no counterpart: the transform takes nothing nearer to them than "
            f"{errors_mm.max():.2g} mm; leave them out, or take the nearest with --inverse-tolerance "
            f"{_rounded_up(float(errors_mm.max())):g}"
        )
    note(f"inverse accurate to {errors_mm.max():.2g} mm at all {what}")


def _rounded_up(length_mm: float) -> float:
    """Return a length with one digit that is not less."""
    unit = 10.0 ** np.floor(np.log10(length_mm))
    return float(np.ceil(length_mm / unit) * unit)


def _way(options: argparse.Namespace) -> str:
    return "from the moving volume to the fixed one" if options.inverse else "from the fixed volume to the moving one"


def _require_axes(path: object, points: NDArray[np.float64], transform: sitk.Transform) -> None:
    n = transform.GetDimension()
    if n != points.shape[1]:
        raise GeometryError(f"{path}: its points have {points.shape[1]} axes, but the transform is for {n}")


def _require_suffix(options: argparse.Namespace, known: tuple[str, ...]) -> None:
    """Refuse an output name before anything is read."""
    if full_suffix(options.output) not in known:
        raise FileError(f"{options.output}: give a name that ends in {' or '.join(known)}")
    require_folder_of(options.output)
