"""Carries points and directions along a way, and tells how near they come; finds what images are looked at through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_coreg.core.inverse import find_inverse, invert_points, invert_vectors
from napari_coreg.core.transforms import is_linear, to_matrix
from napari_coreg.core.warp import warp_points, warp_vectors

if TYPE_CHECKING:
    import numpy.typing as npt
    import SimpleITK as sitk

    from napari_coreg.core.progress import IsCancelled
    from napari_coreg.core.slabs import OnFraction
    from napari_coreg.plugin.warp.way import Way

    FloatArray = npt.NDArray[np.float64]

MISSED_MM = 0.01  # a point that comes no nearer was not carried: nothing maps there
_SAME_SCALE = 1e-6


@dataclass(frozen=True)
class Accuracy:
    """How near what was carried comes to where it belongs.

    Attributes
    ----------
    exact : bool
        The transform itself was followed, or a closed inverse of it.
    error_mm : float
        Else, what 95 % of the places of an image, or all points that are reached, come nearer than.
    points, missed : int
        How many points were carried, and how many of them no point maps to.
    """

    exact: bool = True
    error_mm: float = 0.0
    points: int = 0
    missed: int = 0


class Carrier:
    """Takes points along a way, again and again.

    Parameters
    ----------
    way : Way
        From where to where.
    """

    def __init__(self, way: Way) -> None:
        self.way = way
        self._pull: sitk.Transform | None = None if way.inverse else way.transform
        self._accuracy = Accuracy()

    def pull(
        self, on_fraction: OnFraction | None = None, is_cancelled: IsCancelled | None = None
    ) -> tuple[sitk.Transform, Accuracy]:
        """Return the transform target -> source, LPS mm, that images are looked at through; found once.

        Raises
        ------
        CoregError
            As `find_inverse`, RegistrationCancelled included.
        """
        if self._pull is None:
            grid = self.way.moving.grid
            found = find_inverse(
                self.way.transform, grid, at_voxels=True, on_fraction=on_fraction, is_cancelled=is_cancelled
            )
            self._pull = found.transform
            self._accuracy = Accuracy(found.is_exact, 0.0 if found.is_exact else found.p95_mm)
        return self._pull, self._accuracy

    def points(self, points_lps: FloatArray) -> tuple[FloatArray, Accuracy]:
        """Return where points of the source (N, n) come to lie in the target, LPS mm.

        Raises
        ------
        CoregError
            As `invert_points`.
        """
        if self.way.inverse or not len(points_lps):
            return warp_points(self.way.transform, points_lps), Accuracy(points=len(points_lps))
        carried, errors_mm = invert_points(self.way.transform, points_lps)
        return carried, self._reached(errors_mm)

    def vectors(self, points_lps: FloatArray, vectors_lps: FloatArray) -> tuple[FloatArray, FloatArray, Accuracy]:
        """Return where points come to lie, and vectors there as the way's Jacobian matrix carries them.

        A vector has no length where space is squeezed flat: nothing can be said of a direction there.

        Parameters
        ----------
        points_lps, vectors_lps : array, shape (N, n)
            LPS mm.
        """
        if self.way.inverse or not len(points_lps):
            carried, turned = warp_vectors(self.way.transform, points_lps, vectors_lps)
            return carried, turned, Accuracy(points=len(points_lps))
        carried, turned, errors_mm = invert_vectors(self.way.transform, points_lps, vectors_lps)
        return carried, np.nan_to_num(turned, nan=0.0), self._reached(errors_mm)

    def _reached(self, errors_mm: FloatArray) -> Accuracy:
        missed = ~(errors_mm <= MISSED_MM)
        exact = is_linear(self.way.transform)
        worst = 0.0 if exact or missed.all() else float(errors_mm[~missed].max())
        return Accuracy(exact, worst, len(errors_mm), int(missed.sum()))

    def keeps_shapes(self) -> bool:
        """Whether what is square stays square: the map is a turn, a shift and a scale at most."""
        if not is_linear(self.way.transform):
            return False
        linear = to_matrix(self.way.transform)[:-1, :-1]
        gram = linear.T @ linear
        return bool(np.allclose(gram, np.eye(len(gram)) * gram[0, 0], rtol=0, atol=_SAME_SCALE * gram[0, 0]))
