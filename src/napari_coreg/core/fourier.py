"""First guesses from Fourier spectra: shifts by phase correlation, turns and scales from magnitudes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import SimpleITK as sitk
from scipy import fft

from napari_coreg.core.canvas import make_canvas
from napari_coreg.core.spectra import Spectra, distinct
from napari_coreg.core.transforms import linear_identity
from napari_coreg.errors import RegistrationError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_coreg.core.canvas import Canvas
    from napari_coreg.core.spectra import Turn

SHIFT_SIZE = {2: 256, 3: 96}  # voxels along every axis of the canvas, for shifts
TURN_SIZE = {2: 256, 3: 64}  # for turns
TAPER = 0.15  # of the canvas at each end, over which an image fades out
UPSAMPLING = 10  # steps a voxel
LIKELY, CLEARLY = 12, 1.3  # so many turns are ranked on a canvas of half the size, and the others if none stands out
FINALISTS = {True: 2, False: 5}  # turns that are refined, if one of the ranked ones stands out and if none does
SCALE_STEPS = (1.0, 0.94, 0.97, 1.03, 1.06)  # about that of a similarity, of which the spectra tell little


def phase_correlation_transform(
    fixed: sitk.Image,
    moving: sitk.Image,
    fixed_mask: sitk.Image | None = None,
    moving_mask: sitk.Image | None = None,
) -> sitk.TranslationTransform:
    """Return the translation at which the phases of both Fourier spectra agree best.

    Intensities and gradient magnitudes are correlated, with and without whitening of the spectra; of the four shifts
    (and of centre on centre) that of the highest normalized mutual information is taken.

    Parameters
    ----------
    fixed, moving : SimpleITK.Image
        Scalar images, both 2-D or both 3-D, on any grids.
    fixed_mask, moving_mask : SimpleITK.Image, optional
        Only what they mark (not 0) is looked at; any grid.

    Returns
    -------
    SimpleITK.TranslationTransform
        Fixed -> moving, LPS mm.

    Raises
    ------
    GeometryError, VolumeError
        If an image or a mask cannot be used.

    Notes
    -----
    Any shift is found, as both bodies are centred first: of real heads, also between CT and MR, to about 1 mm. A turn
    is not undone: up to about 20 degrees the shift found is still that of the bodies.

    References
    ----------
    Kuglin and Hines (1975), The phase correlation image alignment method.
    """
    canvas = make_canvas(fixed, moving, SHIFT_SIZE.get(fixed.GetDimension(), 0), fixed_mask, moving_mask)
    upright = np.eye(canvas.dimension)
    shift, _ = _best_shift(canvas, upright, UPSAMPLING)
    return sitk.TranslationTransform(canvas.dimension, canvas.matrix(upright, shift)[:-1, -1].tolist())


def fourier_mellin_transform(
    fixed: sitk.Image,
    moving: sitk.Image,
    fixed_mask: sitk.Image | None = None,
    moving_mask: sitk.Image | None = None,
    *,
    model: Literal["rigid", "similarity"] = "rigid",
) -> sitk.Transform:
    """Return the turn (and scale) at which the magnitudes of both spectra agree best, and the shift that goes with it.

    In 2-D the spectra are correlated in log-polar coordinates; in 3-D their shells are, over all rotations at once. The
    best of some twenty turns is the one that has, after its own phase correlation, the highest normalized mutual
    information; that resolves the half turns that magnitudes leave open.

    Parameters
    ----------
    fixed, moving : SimpleITK.Image
        Scalar images, both 2-D or both 3-D, on any grids.
    fixed_mask, moving_mask : SimpleITK.Image, optional
        Only what they mark (not 0) is looked at; any grid.
    model : {"rigid", "similarity"}
        Whether to look for a scale as well: 0.5 to 2 in 2-D, 0.7 to 1.4 in 3-D.

    Returns
    -------
    SimpleITK.Transform
        Fixed -> moving, LPS mm, about the centre of the fixed body: Euler2D or VersorRigid3D, or a similarity.

    Raises
    ------
    GeometryError, VolumeError
        If an image or a mask cannot be used.
    RegistrationError
        If no turn lays the bodies on each other.

    Notes
    -----
    Any turn and any shift is found where both images show the same body. Of real heads (two people's T1; T1 and PD, CT
    and T2 of one) turned by up to 180 degrees and shifted by up to 100 mm, all came within 4 mm. A slab of a quarter of
    the same image was found as well; one of another person's head was up to 17 mm off. MR with PET fails. A scale in
    3-D is right to some 3 %, and is worth asking for only where it is known to differ.

    References
    ----------
    Reddy and Chatterji (1996), An FFT-based technique for translation, rotation, and scale-invariant image
    registration. In 3-D: Lucchese, Doretto and Cortelazzo (2002), A frequency domain technique for range data
    registration; Keller, Shkolnisky and Averbuch (2006), Volume registration using the 3-D pseudopolar Fourier
    transform.
    """
    return fourier_mellin_transforms(fixed, moving, fixed_mask, moving_mask, model=model, number=1)[0]


def fourier_mellin_transforms(
    fixed: sitk.Image,
    moving: sitk.Image,
    fixed_mask: sitk.Image | None = None,
    moving_mask: sitk.Image | None = None,
    *,
    model: Literal["rigid", "similarity"] = "rigid",
    number: int = 4,
) -> list[sitk.Transform]:
    """Return the first of the turns that `fourier_mellin_transform` chooses from, best first.

    For those who have a better judge: where one image shows only a part of the body, the right turn may be among them
    and not be the first.

    Parameters
    ----------
    fixed, moving, fixed_mask, moving_mask, model
        As there.
    number : int
        How many at most.

    Returns
    -------
    list of SimpleITK.Transform
        At least one.
    """
    canvas = make_canvas(fixed, moving, TURN_SIZE.get(fixed.GetDimension(), 0), fixed_mask, moving_mask)
    spectra = Spectra.of(canvas)
    ranked, is_clear = _ranked(canvas.halved(), spectra.turns(scales=model == "similarity"))
    finalists = [spectra.refined(turn) for turn in ranked[: max(number, FINALISTS[is_clear])]] + ranked[:1]
    if model == "similarity":
        finalists = [_rescaled(canvas.halved(), turn) for turn in finalists]
    shifts = [_best_shift(canvas, turn.linear, UPSAMPLING) for turn in finalists]
    if not shifts:
        raise RegistrationError(
            "no turn that the Fourier spectra agree on lays the two images on each other; start from the centres, or "
            "mark with masks what both show"
        )
    order = np.argsort([-likeness for _, likeness in shifts], kind="stable")
    best = distinct([finalists[index] for index in order])[:number]
    return [_as_transform(canvas, turn.linear, shifts[finalists.index(turn)][0], model) for turn in best]


def _ranked(canvas: Canvas, turns: list[Turn]) -> tuple[list[Turn], bool]:
    """Return turns that lay the bodies on each other, most alike ones first, and whether the first stands out.

    The first ones are looked at alone, if one of them stands out.
    """
    likenesses: list[float] = []
    for some in (turns[:LIKELY], turns[LIKELY:]):
        likenesses += [_best_shift(canvas, turn.linear)[1] for turn in some]
        ordered = sorted(likenesses, reverse=True)
        is_clear = len(ordered) > 1 and ordered[0] - 1 > CLEARLY * (ordered[1] - 1) > 0
        if is_clear:
            break
    order = np.argsort(likenesses, kind="stable")[::-1]
    return [turns[index] for index in order if likenesses[index] > 0], is_clear


def _rescaled(canvas: Canvas, turn: Turn) -> Turn:
    """Return the turn with the scale, near its own, under which the images are most alike."""
    tried = [replace(turn, scale=turn.scale * factor) for factor in SCALE_STEPS]
    return max(tried, key=lambda each: _best_shift(canvas, each.linear)[1])


def _best_shift(canvas: Canvas, linear: NDArray[np.float64], upsampling: int = 1) -> tuple[NDArray[np.float64], float]:
    """Return the shift after `linear` (canvas voxels) at which both images are most alike, and how alike, 0 to 2."""
    from skimage.registration import phase_cross_correlation  # noqa: PLC0415 - 0.2 s that few runs need

    shifts = [np.zeros(canvas.dimension)]
    window = _window(canvas.fixed.values.shape)
    for kind in ("values", "edges"):
        pictures = [
            window * getattr(canvas.fixed, kind),
            window * canvas.moved(getattr(canvas.moving, kind), linear, shifts[0]),
        ]
        if not all(picture.any() for picture in pictures):  # a volume of few slices has no inner edges
            continue
        spectra = [fft.fftn(picture) for picture in pictures]
        for normalization in ("phase", None):
            found, _, _ = phase_cross_correlation(
                spectra[0], spectra[1], space="fourier", normalization=normalization, upsample_factor=upsampling
            )
            shifts.append(-linear @ found)  # which takes the moved image onto the fixed one
    likenesses = [canvas.likeness(linear, shift) for shift in shifts]
    best = int(np.argmax(likenesses))
    return shifts[best], likenesses[best]


def _window(shape: tuple[int, ...]) -> NDArray[np.float32]:
    window = np.ones(shape, np.float32)
    for axis, size in enumerate(shape):
        edge = np.minimum(np.arange(size) + 0.5, size - np.arange(size) - 0.5) / (TAPER * size)
        ramp = 0.5 - 0.5 * np.cos(np.pi * np.clip(edge, 0, 1))
        window *= ramp.reshape([-1 if other == axis else 1 for other in range(len(shape))]).astype(np.float32)
    return window


def _as_transform(
    canvas: Canvas, linear: NDArray[np.float64], shift: NDArray[np.float64], model: str
) -> sitk.Transform:
    """Return a rigid or similarity transform about the centre of the fixed body."""
    if model == "rigid":
        return canvas.transform(linear, shift)
    n, centre = canvas.dimension, canvas.fixed.centre_lps
    matrix = canvas.matrix(linear, shift)
    transform: sitk.Transform = linear_identity("similarity", centre)
    transform.SetMatrix(matrix[:n, :n].ravel().tolist())
    transform.SetTranslation((matrix[:n, :n] @ centre + matrix[:n, n] - centre).tolist())
    return transform
