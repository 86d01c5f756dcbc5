"""judge_transform(): the verdict on any transform, also one that was not found here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.body_mask import finite
from napari_coreg.core.evidence import gather, nearest_rigid
from napari_coreg.core.folding import Folding, folding_of
from napari_coreg.core.geometry import Grid, require_grid, require_values
from napari_coreg.core.linear_part import linear_part
from napari_coreg.core.transforms import is_linear
from napari_coreg.core.verdict import Facts, Verdict, judge
from napari_coreg.errors import GeometryError, RegistrationCancelled, RegistrationError

if TYPE_CHECKING:
    from napari_coreg.core.evidence import PoseEvidence
    from napari_coreg.core.progress import IsCancelled
    from napari_coreg.core.search.landscape import Landscape, Matrix, Pose

_FIT_POINTS = 20_000


def judge_transform(
    fixed: sitk.Image,
    moving: sitk.Image,
    transform: sitk.Transform,
    *,
    fixed_mask: sitk.Image | None = None,
    moving_mask: sitk.Image | None = None,
    seed: int = 0,
    folding: Folding | None = None,
    is_cancelled: IsCancelled | None = None,
) -> Verdict:
    """Judge a transform by the two volumes alone, as `register` judges its results, whoever made it.

    All poses are searched for one in which the volumes fit better, jittered starts are improved to see whether they
    come back, and folds are looked for. Of a deformable transform the affine map nearest to it over the body is judged:
    without its bending, which can make a wrong pose fit as well as the right one.

    Parameters
    ----------
    fixed, moving : SimpleITK.Image
        The volumes, LPS mm. NaN and infinite voxels count as background.
    transform : SimpleITK.Transform
        Fixed -> moving, LPS mm.
    fixed_mask, moving_mask : SimpleITK.Image, optional
        Where to look, on any grid.
    seed : int
        Of the samples and of the jittered starts.
    folding : Folding, optional
        Of the transform over the fixed grid, where it is known already.
    is_cancelled : callable, optional
        Asked between the parts of the search.

    Returns
    -------
    Verdict
        "good", "doubtful" or "failed", with reasons in words and the numbers behind them.

    Raises
    ------
    GeometryError, VolumeError
        If a volume cannot be judged, or its axes are not those of the transform.
    RegistrationCancelled
        `is_cancelled` said so.

    Examples
    --------
    >>> from napari_coreg import read_volume
    >>> from napari_coreg.samples import sample_path
    >>> ct, mr = (read_volume(sample_path(name)).image for name in ("ct.nii.gz", "mr_t1.nii.gz"))
    >>> judge_transform(ct, mr, sitk.TranslationTransform(3, (60.0, 0.0, 0.0))).state
    'failed'
    """
    _require_fit(fixed, moving, transform)
    fixed, moving = (sitk.Cast(finite(image), sitk.sitkFloat32) for image in (fixed, moving))
    for image, role in ((fixed, "fixed volume"), (moving, "moving volume")):
        require_values(image, role)
    matrix = linear_part(transform, fixed, fixed_mask)
    folding = None if is_linear(transform) else folding or folding_of(transform, Grid.of(fixed))
    evidence, scores = _evidence(fixed, moving, matrix, (fixed_mask, moving_mask), seed, is_cancelled)
    before, after = scores
    facts = Facts(pose=evidence, matrix=matrix, folding=folding, metric_before=before, metric_after=after)
    return judge(facts)


def _evidence(
    fixed: sitk.Image,
    moving: sitk.Image,
    matrix: Matrix,
    masks: tuple[sitk.Image | None, sitk.Image | None],
    seed: int,
    is_cancelled: IsCancelled | None,
) -> tuple[PoseEvidence | None, tuple[float | None, float | None]]:
    """Return what the search says, None where it cannot; and minus the score before and after, None without overlap."""
    from napari_coreg.core.search import compiling  # noqa: PLC0415 - numba takes 0.5 s
    from napari_coreg.core.search.landscape import Landscape  # noqa: PLC0415

    n = fixed.GetDimension()
    if np.linalg.det(matrix[:n, :n]) <= 0:
        return None, (None, 0.0)  # a mirror image or flat, which decides
    if compiling.needs_compiling() and not compiling.compile_ahead(is_cancelled or (lambda: False)):
        raise RegistrationCancelled("judging the transform was cancelled")
    binary = [None if mask is None else sitk.Cast(mask != 0, sitk.sitkUInt8) for mask in masks]
    try:
        landscape = Landscape(fixed, moving, *binary, seed=seed)
        after = landscape.score(matrix)
        if landscape.meeting(matrix) == 0:
            return None, (None, None)
        poses = _poses(landscape, matrix, is_cancelled)
    except RegistrationError:  # masks leave too little, or they overlap in no pose
        return None, (None, 0.0)
    untouched = np.eye(n + 1)
    evidence, _ = gather(landscape, matrix, untouched, poses, seed)
    return evidence, (-landscape.score(untouched), -after)


def _poses(landscape: Landscape, matrix: Matrix, is_cancelled: IsCancelled | None) -> list[Pose]:
    guess = nearest_rigid(matrix, landscape.centre_lps)

    def on_part(_part: int, _parts: int, _best: Pose) -> bool:
        return is_cancelled is not None and is_cancelled()

    poses = landscape.explore({"given": [guess]}, on_part)
    if not poses:
        raise RegistrationCancelled("judging the transform was cancelled")
    return poses


def _require_fit(fixed: sitk.Image, moving: sitk.Image, transform: sitk.Transform) -> None:
    require_grid(fixed, "fixed volume")
    require_grid(moving, "moving volume")
    dimensions = [fixed.GetDimension(), moving.GetDimension(), transform.GetDimension()]
    if len(set(dimensions)) > 1:
        told = ", ".join(str(n) for n in dimensions)
        raise GeometryError(f"fixed volume, moving volume and transform must have the same axes, but they have {told}")
