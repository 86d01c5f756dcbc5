"""Registration of 2-D images by keypoints: SIFT, ORB or AKAZE, and RANSAC."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_coreg.core.body import marked
from napari_coreg.core.checks import check_inputs
from napari_coreg.core.geometry import Grid
from napari_coreg.core.picture import Picture
from napari_coreg.core.projective import Projective, ecc_refine, require_opencv
from napari_coreg.errors import GeometryError, RegistrationError

if TYPE_CHECKING:
    from collections.abc import Callable

    import SimpleITK as sitk
    from numpy.typing import NDArray

    Found = tuple[NDArray[np.float64], NDArray[np.generic]]

PlanarModel = Literal["rigid", "similarity", "affine", "projective"]
Detector = Literal["sift", "orb", "akaze"]

SIZE = 512  # pixels along the longer side of a picture
SMALLEST = 16  # pixels along the shorter side that has keypoints
SMALL = 256  # pixels along the longer side, up to which SIFT looks at twice the size
RATIO = 0.85  # largest distance of a match, in distances of the next best one
TOLERANCE = 3.0  # pixels of the moving picture between a match and where the transform takes it
TRIALS = 2000
SAMPLES = {"rigid": 2, "similarity": 2, "affine": 3, "projective": 4}
LEAST_INLIERS = {"rigid": 8, "similarity": 8, "affine": 10, "projective": 12}
ENOUGH_INLIERS = 30  # leave no need to look at the negative
LARGEST_SCALE = 6.0  # of a corner's surroundings; more is no view of the same thing
ORB_STEP, ORB_SCALES, ORB_KEYPOINTS = 1.2, 8, 1500  # of its pyramid
_NOTHING: Found = (np.zeros((0, 2)), np.zeros((0, 1)))


@dataclass(frozen=True, eq=False)
class PlanarMatch:
    """What keypoints of two 2-D images agree on.

    Attributes
    ----------
    projective : Projective
        Fixed -> moving, LPS mm; its matrix is also that of simpler models.
    transform : SimpleITK.Transform
        The same for SimpleITK: linear, or a displacement field on the fixed grid where the model is projective.
    model : {"rigid", "similarity", "affine", "projective"}
        What was fitted.
    matches : int
        Pairs of keypoints that look alike.
    inliers : int
        Those of them that the features' transform takes onto each other.
    rms_mm : float
        Root mean square of the distances that it leaves between these.
    fixed_points_lps, moving_points_lps : array, shape (inliers, 2)
        These pairs, LPS mm.
    correlation : float or None
        Of the images after ECC; None without ECC.
    """

    projective: Projective
    transform: sitk.Transform
    model: PlanarModel
    matches: int
    inliers: int
    rms_mm: float
    fixed_points_lps: NDArray[np.float64]
    moving_points_lps: NDArray[np.float64]
    correlation: float | None = None


def register_2d_features(
    fixed: sitk.Image,
    moving: sitk.Image,
    model: PlanarModel = "projective",
    detector: Detector = "sift",
    refine_ecc: bool = False,
    *,
    seed: int = 0,
    fixed_mask: sitk.Image | None = None,
    moving_mask: sitk.Image | None = None,
) -> PlanarMatch:
    """Register two 2-D images by keypoints that look alike.

    Any turn is found, and scales from about 0.35 to 3 (AKAZE: to 2). Where few keypoints match, those of the moving
    image's negative are tried as well, as descriptors tell bright from dark.

    Parameters
    ----------
    fixed, moving : SimpleITK.Image
        Scalar 2-D images on any grids.
    model : {"rigid", "similarity", "affine", "projective"}
        What the transform may do.
    detector : {"sift", "orb", "akaze"}
        Kind of keypoints: SIFT and ORB of scikit-image, AKAZE of OpenCV (an extra). SIFT finds most; ORB is quicker.
    refine_ecc : bool
        Whether to refine by OpenCV's ECC (an extra), with a correction of the same model; of a similarity, rigid.
    seed : int
        Of the random draws; the same one gives the same result.
    fixed_mask, moving_mask : SimpleITK.Image, optional
        Only keypoints where they are not 0 count; any grid.

    Raises
    ------
    GeometryError, VolumeError
        If an image or a mask cannot be used.
    RegistrationError
        If too few matches agree, or OpenCV is needed and not installed.
    """
    if fixed.GetDimension() != 2:
        raise GeometryError(
            f"the fixed image has {fixed.GetDimension()} axes, but this works on 2-D images; pick a slice"
        )
    masks = {"fixed_mask": fixed_mask, "moving_mask": moving_mask}
    check_inputs(fixed, moving, {name: mask for name, mask in masks.items() if mask is not None}, None)
    pictures = [Picture.of(image, SIZE, role) for image, role in ((fixed, "fixed image"), (moving, "moving image"))]
    detect = {"sift": _sift, "orb": _orb, "akaze": _akaze}[detector]
    ours = _keypoints(detect, pictures[0].values, pictures[0], fixed_mask)
    tried: list[PlanarMatch] = []
    for values in (pictures[1].values, 1 - pictures[1].values):
        theirs = _keypoints(detect, values, pictures[1], moving_mask)
        tried.append(_agreed(ours, theirs, model, TOLERANCE * pictures[1].grid.voxel_edge_mm, seed, Grid.of(fixed)))
        if tried[-1].inliers >= ENOUGH_INLIERS:
            break
    match = max(tried, key=lambda each: each.inliers)
    if match.inliers < LEAST_INLIERS[model]:
        raise RegistrationError(
            f"only {match.inliers} of {match.matches} matches of {detector.upper()} keypoints agree on one {model} "
            "transform; the images have too little structure in common: try another detector, a simpler model, or "
            "registration by intensities"
        )
    return _refined(fixed, moving, match) if refine_ecc else match


def _keypoints(
    detect: Callable[[NDArray[np.float32]], Found],
    values: NDArray[np.float32],
    picture: Picture,
    mask: sitk.Image | None,
) -> Found:
    """Return positions, LPS mm, and descriptors of the keypoints of a picture inside a mask."""
    pixels, descriptors = detect(values) if min(values.shape) >= SMALLEST else _NOTHING
    if mask is not None and len(pixels):
        column, row = np.round(pixels).astype(int).T
        kept = marked(mask, picture.grid)[column, row]
        pixels, descriptors = pixels[kept], descriptors[kept]
    return picture.to_lps(pixels), descriptors


def _agreed(fixed: Found, moving: Found, model: PlanarModel, tolerance_mm: float, seed: int, grid: Grid) -> PlanarMatch:
    """Match descriptors both ways, and fit the model to the pairs that agree."""
    from skimage.feature import match_descriptors  # noqa: PLC0415 - 0.3 s that few runs need
    from skimage.measure import ransac  # noqa: PLC0415

    none = np.zeros((0, 2))
    nothing = PlanarMatch(Projective(np.eye(3)), Projective(np.eye(3)).to_transform(grid), model, 0, 0, 0.0, none, none)
    if min(len(fixed[0]), len(moving[0])) < 2:
        return nothing
    pairs = match_descriptors(fixed[1], moving[1], cross_check=True, max_ratio=RATIO)
    ours, theirs = fixed[0][pairs[:, 0]], moving[0][pairs[:, 1]]
    nothing = replace(nothing, matches=len(pairs))
    if len(pairs) <= SAMPLES[model]:
        return nothing
    corners = grid.corners_lps
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of pairs that agree on nothing, which is told below
        fitted, agrees = ransac(
            (ours, theirs),
            _kind(model),
            SAMPLES[model],
            tolerance_mm,
            is_model_valid=lambda found, *_: _is_view(found.params, corners),
            max_trials=TRIALS,
            stop_probability=0.9999,
            rng=seed,
        )
    if fitted is None or agrees is None or not _is_view(fitted.params, corners):
        return nothing
    projective = Projective(fitted.params)
    ours, theirs = ours[agrees], theirs[agrees]
    errors = np.linalg.norm(projective.map_points(ours) - theirs, axis=1)
    rms = float(np.sqrt(np.mean(errors**2)))
    return PlanarMatch(projective, projective.to_transform(grid), model, len(pairs), len(ours), rms, ours, theirs)


def _kind(model: PlanarModel) -> type:
    from skimage import transform  # noqa: PLC0415 - 0.1 s that few runs need

    kinds: dict[str, type] = {
        "rigid": transform.EuclideanTransform,
        "similarity": transform.SimilarityTransform,
        "affine": transform.AffineTransform,
        "projective": transform.ProjectiveTransform,
    }
    return kinds[model]


def _is_view(matrix: NDArray[np.float64], corners_lps: NDArray[np.float64]) -> bool:
    """Whether a matrix mirrors nothing, keeps the corners this side of the horizon, and scales none of them much."""
    if not np.isfinite(matrix).all() or matrix[2, 2] == 0:
        return False
    matrix = matrix / matrix[2, 2]
    depths = corners_lps @ matrix[2, :2] + 1.0
    if depths.min() <= 0:
        return False
    areas = np.linalg.det(matrix) / depths**3  # by how much a small piece about each corner grows
    return bool(areas.min() > LARGEST_SCALE**-2 and areas.max() < LARGEST_SCALE**2)


def _refined(fixed: sitk.Image, moving: sitk.Image, match: PlanarMatch) -> PlanarMatch:
    correction = "rigid" if match.model == "similarity" else match.model
    projective, correlation = ecc_refine(fixed, moving, match.projective, correction)
    return replace(
        match, projective=projective, transform=projective.to_transform(Grid.of(fixed)), correlation=correlation
    )


def _sift(values: NDArray[np.float32]) -> Found:
    from skimage.feature import SIFT  # noqa: PLC0415 - 0.3 s that few runs need

    detector = SIFT(upsampling=1 if max(values.shape) > SMALL else 2)
    if not _finds(detector, values):
        return _NOTHING
    return detector.keypoints[:, ::-1].astype(np.float64), detector.descriptors


def _orb(values: NDArray[np.float32]) -> Found:
    from skimage.feature import ORB  # noqa: PLC0415 - 0.3 s that few runs need

    detector = ORB(ORB_STEP, ORB_SCALES, ORB_KEYPOINTS, fast_threshold=0.03)
    if not _finds(detector, values):
        return _NOTHING
    return _at_full_size(detector.keypoints, detector.scales, values.shape)[:, ::-1], detector.descriptors


def _at_full_size(
    keypoints: NDArray[np.float64], scales: NDArray[np.float64], shape: tuple[int, ...]
) -> NDArray[np.float64]:
    """Mend rows and columns of ORB's keypoints, up to a pixel off at the coarse end of its pyramid.

    scikit-image multiplies those of a shrunk picture by the scale, but pictures have whole pixels, so their true scales
    differ, and the first pixel of a shrunk picture is not centred on that of the whole one.
    """
    shrunk = [np.array(shape, np.float64)]
    while len(shrunk) < ORB_SCALES:
        shrunk.append(np.ceil(shrunk[-1] / ORB_STEP))
    octaves = np.round(np.log(scales) / np.log(ORB_STEP)).astype(int)
    factors = (shrunk[0] / np.array(shrunk))[octaves]
    return np.asarray((keypoints / scales[:, None] + 0.5) * factors - 0.5)


def _finds(detector: Any, values: NDArray[np.float32]) -> bool:
    """Run one of scikit-image's detectors, which raise where they find nothing."""
    try:
        detector.detect_and_extract(values)
    except RuntimeError:
        return False
    return True


def _akaze(values: NDArray[np.float32]) -> Found:
    cv2 = require_opencv("AKAZE")
    if not hasattr(cv2, "AKAZE_create"):
        raise RegistrationError(
            f"OpenCV {cv2.__version__} has no AKAZE, which left its main build in version 5; install version 4: "
            'pip install "napari-coreg[opencv]"'
        )
    keypoints, descriptors = cv2.AKAZE_create().detectAndCompute(np.round(values * 255).astype(np.uint8), None)
    if descriptors is None:
        return _NOTHING
    return np.array([keypoint.pt for keypoint in keypoints]), np.unpackbits(descriptors, axis=1).astype(bool)
