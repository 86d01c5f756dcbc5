"""The command apply: a volume, labels or points through a transform."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_coreg.cli.terminal import note_volume, say
from napari_coreg.core.geometry import Grid, describe, require_grid
from napari_coreg.core.resample import resample
from napari_coreg.errors import CoregError, FileError, GeometryError
from napari_coreg.io.atomic import full_suffix
from napari_coreg.io.points import POINT_SUFFIXES, read_points, write_points
from napari_coreg.io.quiet import quiet_itk
from napari_coreg.io.records import load_inverse, load_transform
from napari_coreg.io.volumes import VOLUME_SUFFIXES, read_volume, write_volume

if TYPE_CHECKING:
    import argparse

    import SimpleITK as sitk


def run(options: argparse.Namespace) -> None:
    """Run the command."""
    if (options.points is None) == (options.image is None):
        raise CoregError("give either IMAGE and --like, or --points, to say what the transform is applied to")
    with quiet_itk():
        transform = (load_inverse if options.inverse else load_transform)(options.transform)
        if options.points is not None:
            _points(options, transform)
        else:
            _volume(options, transform)


def _volume(options: argparse.Namespace, transform: sitk.Transform) -> None:
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
    moved = resample(volume.image, grid, transform, interpolator=options.interpolator, background=options.background)
    write_volume(moved, options.output, like=options.like)
    say(f"written to {options.output}: {volume.name} on the grid of {like.name}, {describe(grid)}")


def _points(options: argparse.Namespace, transform: sitk.Transform) -> None:
    _require_suffix(options, POINT_SUFFIXES)
    points, names = read_points(options.points)
    n = transform.GetDimension()
    if n != points.shape[1]:
        raise GeometryError(f"{options.points}: its points have {points.shape[1]} axes, but the transform is for {n}")
    mapped = np.array([transform.TransformPoint(point) for point in points.tolist()])
    write_points(mapped, options.output, names)
    way = "from the moving volume to the fixed one" if options.inverse else "from the fixed volume to the moving one"
    say(f"written to {options.output}: {len(mapped)} points mapped {way} (LPS, mm)")


def _require_suffix(options: argparse.Namespace, known: tuple[str, ...]) -> None:
    """Refuse an output name before anything is read."""
    if full_suffix(options.output) not in known:
        raise FileError(f"{options.output}: give a name that ends in {' or '.join(known)}")
    if not options.output.absolute().parent.is_dir():
        raise FileError(f"{options.output}: the folder {options.output.parent} does not exist; make it first")
