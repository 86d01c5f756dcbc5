"""Linear maps that take points onto paired points with the least squared error, in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from napari_coreg.core.transforms import linear_identity
from napari_coreg.errors import GeometryError

if TYPE_CHECKING:
    import SimpleITK as sitk
    from numpy.typing import NDArray

LinearModel = Literal["translation", "rigid", "similarity", "affine"]

_FLAT = 1e-5  # thinner than this share of their length, points count as lying on a line or in a plane
_THICK = 0.1  # flatter than this share of their length, points can seem mirrored by their own error
_MIRRORED = 3.0  # no accident, if a mirrored map fits so many times better
_SHAPES = ("at one place", "on one line", "in one plane")


@dataclass(frozen=True, eq=False)
class LinearMap:
    """The map x -> matrix (x - centre) + image, LPS mm.

    Attributes
    ----------
    model : {"translation", "rigid", "similarity", "affine"}
        What kind of map it is.
    matrix : array, shape (D, D)
        Its linear part.
    centre_lps, image_lps : array, shape (D,)
        The weighted centroid of the fixed points, and that of the moving points, to which it is mapped.
    """

    model: LinearModel
    matrix: NDArray[np.float64]
    centre_lps: NDArray[np.float64]
    image_lps: NDArray[np.float64]

    def __call__(self, points_lps: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map points (..., D), LPS mm."""
        mapped: NDArray[np.float64] = (points_lps - self.centre_lps) @ self.matrix.T + self.image_lps
        return mapped

    @property
    def transform(self) -> sitk.Transform:
        """The same map as SimpleITK's transform of this kind, about the centre."""
        transform = linear_identity(self.model, self.centre_lps)
        if self.model != "translation":
            transform.SetMatrix(self.matrix.ravel().tolist())
            transform.SetTranslation((self.image_lps - self.centre_lps).tolist())
        else:
            transform.SetOffset((self.image_lps - self.centre_lps).tolist())
        return transform


def points_needed(model: str, dimension: int) -> int:
    """Return how many pairs of points a model needs at least; "thin_plate" needs as many as "affine".

    Examples
    --------
    >>> points_needed("rigid", 3), points_needed("affine", 3)
    (3, 4)
    """
    return _rank_needed(model, dimension) + 1


def fit_linear(
    model: LinearModel,
    fixed_points_lps: NDArray[np.float64],
    moving_points_lps: NDArray[np.float64],
    weights: NDArray[np.float64] | None = None,
) -> LinearMap:
    """Return the map T of a kind that makes sum(w |T(p) - q|^2) least.

    Parameters
    ----------
    model : {"translation", "rigid", "similarity", "affine"}
        The kind. Rotations are proper, however the points lie: no mirror image is taken.
    fixed_points_lps, moving_points_lps : array, shape (N, D)
        p and q, LPS mm, in 2-D or 3-D; finite.
    weights : array, shape (N,), optional
        w, positive; all 1 when not given.

    Raises
    ------
    GeometryError
        If the points are too few, or lie so that many maps fit equally well: on a line, in a plane.

    References
    ----------
    Arun, Huang and Blostein, "Least-squares fitting of two 3-D point sets", IEEE TPAMI 9, 1987; Horn, "Closed-form
    solution of absolute orientation using unit quaternions", JOSA A 4, 1987; Umeyama, "Least-squares estimation of
    transformation parameters between two point patterns", IEEE TPAMI 13, 1991.

    Examples
    --------
    >>> corners = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    >>> fit_linear("rigid", corners, corners[:, ::-1] * (-1.0, 1.0)).matrix.round(6) + 0.0
    array([[ 0., -1.],
           [ 1.,  0.]])
    """
    n = fixed_points_lps.shape[1]
    w = np.ones(len(fixed_points_lps)) if weights is None else weights
    if len(w) < points_needed(model, n):
        raise GeometryError(
            f"{_a(model)} fit in {n}-D needs at least {points_needed(model, n)} pairs of points, but there "
            f"{'is' if len(w) == 1 else 'are'} {len(w)}; set more, or choose a simpler model"
        )
    centre, image = w @ fixed_points_lps / w.sum(), w @ moving_points_lps / w.sum()
    p, q = fixed_points_lps - centre, moving_points_lps - image
    require_spread(model, p, "fixed")
    require_spread(model, q, "moving")
    if model == "affine":
        root = np.sqrt(w)[:, None]
        matrix = np.linalg.lstsq(root * p, root * q, rcond=None)[0].T
    elif model == "translation":
        matrix = np.eye(n)
    else:
        matrix = _turn(model, p, q, w)
    return LinearMap(model, matrix, centre, image)


def require_spread(model: str, points_lps: NDArray[np.float64], role: str) -> None:
    """Refuse points that lie on a line or in a plane where `model` needs more; they must be about their centroid."""
    n = points_lps.shape[1]
    needed = _rank_needed(model, n)
    stretches = np.linalg.svd(points_lps, compute_uv=False)
    rank = int(np.count_nonzero(stretches > _FLAT * stretches[0]))
    if rank < needed:
        raise GeometryError(
            f"the {role} points lie {_SHAPES[rank]}, where many {model.replace('_', '-')} fits are equally good; add a "
            f"point well off it in both volumes{'' if rank == 0 else ', or choose a simpler model'}"
        )


def require_same_handedness(
    found: LinearMap, fixed_points_lps: NDArray[np.float64], moving_points_lps: NDArray[np.float64]
) -> None:
    """Refuse points whose pairing turns the body into its mirror image.

    Raises
    ------
    GeometryError
        If an affine map mirrors space, or if a mirror image would fit far better than the rotation that was found, and
        the points are not so flat that this can be chance.
    """
    check = "check that both files mean LPS or RAS as they say, and that left and right have the same names in both"
    if found.model == "translation":
        return
    if found.model == "affine":
        if np.linalg.det(found.matrix) <= 0:
            raise GeometryError(f"the affine fit turns the body into its mirror image; {check}")
        return
    stretches = np.linalg.svd(fixed_points_lps - fixed_points_lps.mean(axis=0), compute_uv=False)
    n = fixed_points_lps.shape[1]
    if len(stretches) < n or stretches[-1] < _THICK * stretches[0]:
        return
    mirrored = fixed_points_lps * np.array([-1.0, *[1.0] * (n - 1)])
    error = _rms(found(fixed_points_lps) - moving_points_lps)
    error_mirrored = _rms(fit_linear(found.model, mirrored, moving_points_lps)(mirrored) - moving_points_lps)
    if error > _MIRRORED * error_mirrored and error > _FLAT * stretches[0]:
        raise GeometryError(
            f"the moving points look like a mirror image of the fixed ones: mirrored they fit within "
            f"{error_mirrored:.3g} mm (rms), else within {error:.3g} mm; {check}"
        )


def _turn(
    model: LinearModel, p: NDArray[np.float64], q: NDArray[np.float64], w: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the best rotation, times the best scale for a similarity, of points about their centroids."""
    u, stretches, vt = np.linalg.svd(q.T @ (w[:, None] * p))
    signs = np.ones(len(stretches))
    signs[-1] = np.sign(np.linalg.det(u) * np.linalg.det(vt))
    signed = signs * stretches
    if signed[-2] + signed[-1] <= _FLAT**2 * signed[0]:
        raise GeometryError(
            f"many {model} fits of these points are equally good, as of a square and its mirror image; check that the "
            "points are paired rightly, or add one that breaks the symmetry"
        )
    rotation: NDArray[np.float64] = (u * signs) @ vt
    return rotation * (signed.sum() / (w @ (p**2).sum(axis=1))) if model == "similarity" else rotation


def _rank_needed(model: str, dimension: int) -> int:
    return {"translation": 0, "rigid": dimension - 1, "similarity": dimension - 1}.get(model, dimension)


def _a(model: str) -> str:
    return f"{'an' if model == 'affine' else 'a'} {model.replace('_', '-')}"


def _rms(vectors: NDArray[np.float64]) -> float:
    return float(np.sqrt((vectors**2).sum(axis=1).mean()))
