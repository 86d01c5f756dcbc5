"""The command fit: a transform from landmarks that were set in both volumes, and how far each of them is off."""

from __future__ import annotations

from dataclasses import asdict
from math import isnan
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_coreg.cli.register import motion
from napari_coreg.cli.terminal import note, note_volume, say, say_json, table
from napari_coreg.core.folding import folding_of
from napari_coreg.core.geometry import Grid, describe
from napari_coreg.core.landmarks import fit_landmarks
from napari_coreg.core.transforms import is_linear, to_matrix
from napari_coreg.errors import CoregError, FileError
from napari_coreg.io.atomic import full_suffix, require_folder_of
from napari_coreg.io.point_pairs import read_point_pairs
from napari_coreg.io.quiet import quiet_itk
from napari_coreg.io.transforms import TRANSFORM_SUFFIXES, write_transform
from napari_coreg.io.volumes import VOLUME_SUFFIXES, read_volume

if TYPE_CHECKING:
    import argparse

    import SimpleITK as sitk

    from napari_coreg.core.landmarks import LandmarkFit
    from napari_coreg.io.point_pairs import PointPairs

_OF_FIELDS = (".h5", ".hdf5", *VOLUME_SUFFIXES)  # a field as text, in the other formats, is read by no one in time


def run(options: argparse.Namespace) -> None:
    """Run the command."""
    _require_output(options)
    with quiet_itk():
        pairs = read_point_pairs(options.fixed_points, options.moving_points)
        like = None if options.like is None else read_volume(options.like, options.like_volume)
        if like is not None and not options.json:
            note_volume("fixed", like)
        fit = fit_landmarks(
            pairs.fixed_points_lps,
            pairs.moving_points_lps,
            options.model,
            names=pairs.names,
            like=None if like is None else like.image,
            smoothing=options.smoothing,
        )
        bends = None if like is None or is_linear(fit.transform) else folding_of(fit.transform, Grid.of(like.image))
        write_transform(fit.transform, options.output, None if like is None else like.image)
    if options.json:
        folded = None if bends is None else asdict(bends)
        say_json({**_report(fit, pairs), "folding": folded, "transform": str(options.output.absolute())})
        return
    if pairs.left_out:
        note(f"in one of the files only, so left out: {', '.join(pairs.left_out)}")
    for line in _lines(fit, pairs, None if like is None else like.image):
        say(line)
    if bends is not None:
        hint = "; look at the worst landmarks, or set --smoothing higher" if bends.folded_fraction else ""
        say(f"{bends}{hint}")
    say(f"written to {options.output}")


def _require_output(options: argparse.Namespace) -> None:
    """Refuse, before anything is read, an output that cannot hold the transform."""
    suffix = full_suffix(options.output)
    known = _OF_FIELDS if options.model == "thin_plate" else (*TRANSFORM_SUFFIXES, *VOLUME_SUFFIXES)
    if suffix not in known:
        raise FileError(f"{options.output}: give a name that ends in {' or '.join(known)}")
    require_folder_of(options.output)
    if options.like is None and (options.model == "thin_plate" or suffix in VOLUME_SUFFIXES):
        what = "a thin-plate spline" if options.model == "thin_plate" else "a displacement field"
        raise CoregError(f"{what} is sampled on the fixed volume's voxels; say with --like which volume that is")


def _worst_first(fit: LandmarkFit) -> list[int]:
    left_out, residuals = fit.leave_one_out_mm, fit.residuals_mm
    return sorted(
        range(len(residuals)),
        key=lambda index: (left_out[index] is None, -(left_out[index] or 0.0), -residuals[index]),
    )


def _report(fit: LandmarkFit, pairs: PointPairs) -> dict[str, Any]:
    landmarks = [
        {
            "name": fit.names[index],
            "fixed_lps": fit.fixed_points_lps[index].tolist(),
            "moving_lps": fit.moving_points_lps[index].tolist(),
            "residual_mm": fit.residuals_mm[index],
            "leave_one_out_mm": fit.leave_one_out_mm[index],
        }
        for index in _worst_first(fit)
    ]
    return {
        "model": fit.model,
        "paired_by": pairs.paired_by,
        "left_out": list(pairs.left_out),
        "residuals_mm": {"mean": fit.mean_mm, "rms": fit.rms_mm, "maximum": fit.max_mm},
        "leave_one_out_rms_mm": fit.leave_one_out_rms_mm,
        "sampling_error_mm": fit.sampling_error_mm,
        "landmarks": landmarks,
        "matrix": to_matrix(fit.transform).tolist() if is_linear(fit.transform) else None,
    }


def _lines(fit: LandmarkFit, pairs: PointPairs, like: sitk.Image | None) -> list[str]:
    rows = [
        ("landmark", "residual (mm)", "left out (mm)"),
        *(
            (fit.names[index], f"{fit.residuals_mm[index]:.3f}", _number(fit.leave_one_out_mm[index]))
            for index in _worst_first(fit)
        ),
        ("root mean square", f"{fit.rms_mm:.3f}", _number(fit.leave_one_out_rms_mm)),
    ]
    lines = [f"{fit.model} fit to {len(fit.names)} landmarks, paired by {pairs.paired_by}", table(rows)]
    if is_linear(fit.transform):
        lines.append(f"the moving volume was {motion(fit.transform, _at_centroid(fit))} (that of the landmarks)")
    elif like is not None:
        off = fit.sampling_error_mm
        told = "no landmark lies in it" if isnan(off) else f"near the landmarks it is off by up to {off:.3f} mm"
        lines.append(f"sampled as a field like {describe(Grid.of(like))}; {told}")
    return lines


def _at_centroid(fit: LandmarkFit) -> Grid:
    """Return a grid of one voxel at the centroid of the fixed landmarks."""
    centroid = fit.fixed_points_lps.mean(axis=0)
    n = len(centroid)
    return Grid((1,) * n, (1.0,) * n, tuple(centroid.tolist()), tuple(np.eye(n).ravel().tolist()))


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
