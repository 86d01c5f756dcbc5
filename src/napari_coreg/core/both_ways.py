"""Registrations both ways: the transform half-way between them, and how far they are from undoing each other."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_coreg.core.transforms import from_matrix, invert, is_linear, to_matrix

if TYPE_CHECKING:
    import SimpleITK as sitk
    from numpy.typing import NDArray

    from napari_coreg.core.geometry import Grid
    from napari_coreg.core.progress import Progress
    from napari_coreg.core.reporter import Watcher

POINTS_ALONG_AN_AXIS = 9
LARGEST_TURN = np.deg2rad(175.0)  # that has a middle: the way there is not the shorter one beyond


def halfway(forward: sitk.Transform, backward: sitk.Transform, centre_lps: NDArray[np.float64]) -> sitk.Transform:
    """Return the linear transform half-way between `forward` and the inverse of `backward`.

    With their matrices F and B it is F (F^-1 B^-1)^(1/2), the middle of the geodesic, so that exchanging the two gives
    exactly its inverse, whatever each of them missed; of rigid ones it is rigid. Where they contradict each other by
    half a turn, there is no middle, and it is `forward`.

    Parameters
    ----------
    forward, backward : SimpleITK.Transform
        Linear: fixed -> moving and moving -> fixed, LPS mm.
    centre_lps : array, shape (D,)
        Centre of the transform that is returned, LPS mm.

    References
    ----------
    Moakher, "Means and averaging in the group of rotations", SIAM J Matrix Anal Appl 24, 2002.

    Examples
    --------
    >>> import SimpleITK as sitk
    >>> there, back = sitk.TranslationTransform(2, (3.0, 0.0)), sitk.TranslationTransform(2, (-5.0, 0.0))
    >>> halfway(there, back, np.zeros(2)).TransformPoint((0.0, 0.0))
    (4.0, 0.0)
    """
    from scipy.linalg import sqrtm  # noqa: PLC0415 - 0.1 s that few runs need

    there, back = to_matrix(forward), to_matrix(invert(backward))
    difference = np.linalg.inv(there) @ back
    if np.abs(np.angle(np.linalg.eigvals(difference[:-1, :-1]))).max() > LARGEST_TURN:
        return forward
    return from_matrix(there @ np.real(sqrtm(difference)), centre_lps)


def round_trip_mm(forward: sitk.Transform, backward: sitk.Transform, fixed: Grid, moving: Grid) -> float:
    """Return how far `backward` after `forward` misses where it started: root mean square over the fixed grid, mm.

    Only points that `forward` puts on the moving grid count; all of them, where there is none.
    """
    n = fixed.dimension
    steps = (np.arange(POINTS_ALONG_AN_AXIS) + 0.5) / POINTS_ALONG_AN_AXIS
    lattice = np.stack(np.meshgrid(*[steps] * n, indexing="ij"), axis=-1).reshape(-1, n)
    points = fixed.to_lps(lattice * fixed.size_xyz - 0.5)
    there = np.array([forward.TransformPoint(point) for point in points.tolist()])
    back = np.array([backward.TransformPoint(point) for point in there.tolist()])
    to_index = np.linalg.inv(moving.index_to_lps)
    index = there @ to_index[:n, :n].T + to_index[:n, n]
    inside = ((index > -0.5) & (index < np.array(moving.size_xyz) - 0.5)).all(axis=1)
    missed = np.sum((back - points) ** 2, axis=1)
    return float(np.sqrt(np.mean(missed[inside] if inside.any() else missed)))


def half_watched(watcher: Watcher, *, way_back: bool) -> Watcher:
    """Return who watches one of two runs for `watcher`; of the way back, transforms are told fixed -> moving."""
    on_progress = watcher.on_progress
    if on_progress is None:
        return watcher

    def tell(progress: Progress) -> None:
        current = progress.current_transform
        if way_back and current is not None:
            backward = current()
            current = (lambda: invert(backward)) if is_linear(backward) else None
        is_after_both = progress.stage_kind == "check"
        fraction = 1.0 if is_after_both else (progress.fraction + way_back) / 2
        on_progress(replace(progress, fraction=fraction, current_transform=current))

    return replace(watcher, on_progress=tell)
