"""The projective model of 2-D images (homography): a flat thing seen from another side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from napari_coreg.core.geometry import Grid
from napari_coreg.core.picture import Picture
from napari_coreg.core.transforms import from_matrix
from napari_coreg.errors import GeometryError, RegistrationError

if TYPE_CHECKING:
    from numpy.typing import NDArray

EccModel = Literal["translation", "rigid", "affine", "projective"]

ECC_SIZE = 512  # pixels along the longer side
BLUR = 5  # pixels, the width of the Gaussian that OpenCV smooths both images with
LEAST_SEEN = 0.1  # of the fixed image that the moving one must cover


@dataclass(frozen=True, eq=False)
class Projective:
    """A homography of the plane.

    Attributes
    ----------
    matrix : array, shape (3, 3)
        Homogeneous, fixed -> moving, LPS mm; its last entry is 1.

    Examples
    --------
    >>> shift = Projective(np.array([[1.0, 0.0, 5.0], [0.0, 1.0, -2.0], [0.0, 0.0, 1.0]]))
    >>> shift.map_points(np.array([[1.0, 1.0]]))
    array([[ 6., -1.]])
    """

    matrix: NDArray[np.float64]

    def __post_init__(self) -> None:
        matrix = np.array(self.matrix, dtype=np.float64)
        usable = matrix.shape == (3, 3) and np.isfinite(matrix).all() and matrix[2, 2] != 0
        if not usable or abs(np.linalg.det(matrix / matrix[2, 2])) < 1e-12:
            raise GeometryError(
                f"a projective transform needs an invertible 3 x 3 matrix with a last entry that is not 0, got "
                f"{np.round(matrix, 4).tolist()}"
            )
        object.__setattr__(self, "matrix", matrix / matrix[2, 2])

    def map_points(self, points_lps: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map fixed points (..., 2), LPS mm, to moving points; those beyond the horizon are NaN."""
        points = np.asarray(points_lps, np.float64)
        mapped = points @ self.matrix[:2, :2].T + self.matrix[:2, 2]
        depth = points @ self.matrix[2, :2] + 1.0
        return np.asarray(mapped / np.where(depth > 0, depth, np.nan)[..., None])

    @property
    def inverse(self) -> Projective:
        """The homography moving -> fixed."""
        return Projective(np.linalg.inv(self.matrix).astype(np.float64))

    @property
    def is_affine(self) -> bool:
        """Whether parallel lines stay parallel."""
        return bool(np.allclose(self.matrix[2, :2], 0.0, atol=1e-12))

    def to_transform(self, like: sitk.Image | Grid) -> sitk.Transform:
        """Return a SimpleITK transform that does the same to the pixels of a grid.

        Parameters
        ----------
        like : SimpleITK.Image or Grid
            The fixed image, or its grid.

        Returns
        -------
        SimpleITK.Transform
            Fixed -> moving, LPS mm: linear where parallel lines stay parallel, else a displacement field on the grid,
            as SimpleITK has no projective transform. Between pixels it is linear, off the grid it moves nothing.

        Raises
        ------
        GeometryError
            If the horizon crosses the grid.
        """
        grid = like if isinstance(like, Grid) else Grid.of(like)
        if grid.dimension != 2:
            raise GeometryError(f"a projective transform is for 2 axes, but the grid has {grid.dimension}")
        if self.is_affine:
            return from_matrix(self.matrix, grid.centre_lps)
        if not np.isfinite(self.map_points(grid.corners_lps)).all():
            raise GeometryError(
                "the projective transform takes a part of the fixed image beyond the horizon; crop the image, or fit "
                "an affine transform"
            )
        columns, rows = np.meshgrid(*[np.arange(size) for size in grid.size_xyz])
        points = grid.to_lps(np.stack([columns, rows], axis=-1))
        field = sitk.GetImageFromArray(self.map_points(points) - points, isVector=True)
        field.SetOrigin(grid.origin_lps)
        field.SetSpacing(grid.spacing_xyz)
        field.SetDirection(grid.direction)
        return sitk.DisplacementFieldTransform(field)


def ecc_refine(
    fixed: sitk.Image,
    moving: sitk.Image,
    initial: Projective | None = None,
    model: EccModel = "projective",
    *,
    iterations: int = 200,
    least_change: float = 1e-6,
) -> tuple[Projective, float]:
    """Return a transform nearer to the largest correlation of two 2-D images, by OpenCV's `findTransformECC`.

    The moving image is resampled through `initial` onto the fixed one, a correction of the given model is found between
    these, and both are composed. The enhanced correlation coefficient does not care about gain and offset; where the
    images correlate negatively at the start, one is inverted.

    Parameters
    ----------
    fixed, moving : SimpleITK.Image
        Scalar 2-D images on any grids.
    initial : Projective, optional
        Fixed -> moving, LPS mm; the identity when not given. It must be right to a few per cent of the image's size.
    model : {"translation", "rigid", "affine", "projective"}
        Of the correction.
    iterations : int
        At most.
    least_change : float
        Of the correlation, from which on the search goes on.

    Returns
    -------
    transform : Projective
        Fixed -> moving, LPS mm.
    correlation : float
        Of the images under it, 0 to 1.

    Raises
    ------
    GeometryError
        If the images are not 2-D.
    RegistrationError
        If OpenCV is not installed, the images do not overlap, or the search did not converge.

    References
    ----------
    Evangelidis and Psarakis (2008), Parametric image alignment using enhanced correlation coefficient maximization.
    """
    cv2 = require_opencv("ECC alignment")
    start = Projective(np.eye(3)) if initial is None else initial
    template = Picture.of(fixed, ECC_SIZE, "fixed image")
    seen, covered = _seen_through(start, Picture.of(moving, ECC_SIZE, "moving image"), template.grid)
    if covered.mean() < LEAST_SEEN:
        raise RegistrationError(
            f"the moving image covers only {covered.mean():.0%} of the fixed one at the start of ECC; start from "
            "features"
        )
    if np.corrcoef(template.values[covered], seen[covered])[0, 1] < 0:
        seen = np.where(covered, 1 - seen, 0).astype(np.float32)
    motion = {
        "translation": cv2.MOTION_TRANSLATION,
        "rigid": cv2.MOTION_EUCLIDEAN,
        "affine": cv2.MOTION_AFFINE,
        "projective": cv2.MOTION_HOMOGRAPHY,
    }[model]
    warp = np.eye(3 if model == "projective" else 2, 3, dtype=np.float32)
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, iterations, least_change)
    mask = covered.astype(np.uint8) * 255
    try:
        correlation, warp = cv2.findTransformECC(template.values, seen, warp, motion, criteria, mask, BLUR)
    except cv2.error as error:
        raise RegistrationError(
            f"ECC did not converge with a {model} correction ({error.err}); start nearer, for example from features, "
            "or choose a model of fewer parameters"
        ) from error
    in_pixels = np.eye(3)
    in_pixels[: len(warp)] = warp
    to_lps = template.grid.index_to_lps
    return Projective(start.matrix @ to_lps @ in_pixels @ np.linalg.inv(to_lps)), float(correlation)


def require_opencv(purpose: str) -> Any:
    """Return OpenCV's module, which is an extra.

    Raises
    ------
    RegistrationError
        If it is not installed; says how to install it.
    """
    try:
        import cv2  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise RegistrationError(
            f'{purpose} needs OpenCV, which is not installed: pip install "napari-coreg[opencv]"'
        ) from error
    return cv2


def _seen_through(transform: Projective, moving: Picture, grid: Grid) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the moving picture on the fixed picture's grid, rows first, and where it has pixels."""
    columns, rows = np.meshgrid(*[np.arange(size) for size in grid.size_xyz])
    where = transform.map_points(grid.to_lps(np.stack([columns, rows], axis=-1)))
    pixels = moving.to_pixels(where)
    last = np.array(moving.grid.size_xyz) - 1
    covered: NDArray[np.bool_] = np.all((pixels >= 0) & (pixels <= last), axis=-1)  # which NaN is not
    at = np.moveaxis(np.where(covered[..., None], pixels, 0.0), -1, 0)[::-1]
    seen = ndimage.map_coordinates(moving.values, at, order=1)
    return np.where(covered, seen, 0).astype(np.float32), covered
