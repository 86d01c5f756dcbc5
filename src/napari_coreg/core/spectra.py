"""Turns and scales that Fourier magnitudes tell of, which shifts leave as they are: in 2-D and in 3-D."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import fft, ndimage

from napari_coreg.core.rotations import harmonics, rotation_peaks, sphere_directions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_coreg.core.canvas import Canvas

    Pair = tuple[NDArray[np.float32], NDArray[np.float32]]

TAPER = 0.2  # of the radius of the canvas, over which an image fades out: a border is a cross in the spectrum
FINER = 2  # samples of the spectrum for each that the canvas gives
FAINTEST = 1e-6  # of the strongest frequency
INNERMOST, OUTERMOST = 2.5, {2: 60.0, 3: 18.0}  # radii of the spectrum that are looked at, periods a canvas
SHELLS, SHELLS_OF_SCALES = 24, 32
PEAKS = 16  # of each of the two kinds of picture
NEAR_PEAKS = 6  # among which a turn that is refined finds itself again
APART_DEGREES = 12.0  # between the peaks of one picture
SAME_DEGREES, SAME_SCALE = 6.0, 1.1  # turns nearer to each other than this are one
LARGEST_SCALE = {2: 2.0, 3: 1.4}  # and its inverse: beyond them the two have too little of the spectrum in common
HALF_DEGREES = 360  # of half a turn, after which a 2-D spectrum repeats itself
RADII = 180  # log-polar samples from the innermost to the outermost radius


@dataclass(frozen=True, eq=False)
class Turn:
    """A turn and scale under which two spectra agree.

    Attributes
    ----------
    rotation : array, shape (D, D)
        Of canvas coordinates, fixed -> moving.
    scale : float
        Length in the moving image of what is 1 long in the fixed one.
    correlation : float
        Of the spectra, -1 to 1.
    kind : {"values", "edges"}
        Which pictures were compared.
    """

    rotation: NDArray[np.float64]
    scale: float
    correlation: float
    kind: str

    @property
    def linear(self) -> NDArray[np.float64]:
        """Rotation and scale as one matrix, shape (D, D)."""
        return self.scale * self.rotation


def distinct(turns: list[Turn]) -> list[Turn]:
    """Return turns without those that are nearly an earlier one."""
    kept: list[Turn] = []
    for turn in turns:
        if all(_differ(turn, other) for other in kept):
            kept.append(turn)
    return kept


def _differ(one: Turn, other: Turn) -> bool:
    n = len(one.rotation)
    cosine = (np.trace(one.rotation.T @ other.rotation) - (n - 2)) / 2
    ratio = max(one.scale, other.scale) / min(one.scale, other.scale)
    return bool(cosine < np.cos(np.deg2rad(SAME_DEGREES)) or ratio > SAME_SCALE)


@dataclass(frozen=True)
class Spectra:
    """Logarithms of the Fourier magnitudes of a pair.

    Attributes
    ----------
    pairs : dict of (array, array)
        Fixed and moving one, zero frequency in the middle, by kind of picture, "values" and "edges", as far as there is
        something in both.
    """

    pairs: dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]

    @classmethod
    def of(cls, canvas: Canvas) -> Spectra:
        """Return those of both images, and of the magnitudes of their gradients."""
        fixed, moving = canvas.fixed, canvas.moving
        pictures = {"values": (fixed.values, moving.values), "edges": (fixed.edges, moving.edges)}
        return cls(
            {
                kind: (_spectrum(pair[0]), _spectrum(pair[1]))
                for kind, pair in pictures.items()
                if pair[0].any() and pair[1].any()  # a volume of few slices has no inner edges
            }
        )

    def turns(self, *, scales: bool) -> list[Turn]:
        """Return turns (and scales) by which the moving spectrum may have come from the fixed one, likely ones first.

        A 2-D spectrum repeats itself after half a turn, so both are returned. In 3-D it does not, but that of a body
        with a plane of symmetry, such as a head, does after half a turn about the normal of that plane.
        """
        found = [
            (_turns_in_2d if pair[0].ndim == 2 else _turns_in_3d)(pair, kind, scales)
            for kind, pair in self.pairs.items()
        ]
        return distinct([turn for rank in itertools.zip_longest(*found) for turn in rank if turn is not None])

    def refined(self, turn: Turn) -> Turn:
        """Return a 3-D turn nearer to the best agreement of the spectra; a 2-D one as it is.

        The moving spectrum is sampled again where the fixed one was, turned by a right angle: there the angles of the
        grid of rotations do not depend on each other, as they do near none.
        """
        fixed, moving = self.pairs[turn.kind]
        if fixed.ndim == 2:
            return turn
        aside = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])
        radii = np.linspace(INNERMOST, OUTERMOST[3], SHELLS)
        ours = _shells(fixed, radii, np.eye(3))
        theirs = _shells(moving, radii / turn.scale, turn.rotation @ aside.T)
        for _, found in rotation_peaks(ours, theirs, NEAR_PEAKS, APART_DEGREES):
            if np.trace(aside.T @ found) > 1 + 2 * np.cos(np.deg2rad(APART_DEGREES)):
                return replace(turn, rotation=turn.rotation @ aside.T @ found)
        return turn


def _turns_in_3d(spectra: Pair, kind: str, scales: bool) -> list[Turn]:
    """Correlate the shells of both spectra over all rotations; over scales by taking shells of other radii."""
    if not scales:
        radii = np.linspace(INNERMOST, OUTERMOST[3], SHELLS)
        shells = [_shells(spectrum, radii, np.eye(3)) for spectrum in spectra]
        return _peaks(shells[0], shells[1], 1.0, kind)
    radii = np.geomspace(INNERMOST, OUTERMOST[3], SHELLS_OF_SCALES)
    shells = [_shells(spectrum, radii, np.eye(3)) for spectrum in spectra]
    step = radii[1] / radii[0]
    most = int(np.log(LARGEST_SCALE[3]) / np.log(step))
    turns = []
    for offset in range(-most, most + 1):  # fixed shell k is moving shell k - offset
        ours = shells[0][max(0, offset) : SHELLS_OF_SCALES + min(0, offset)]
        theirs = shells[1][max(0, -offset) : SHELLS_OF_SCALES + min(0, -offset)]
        turns += _peaks(ours, theirs, float(step**offset), kind)
    return distinct(sorted(turns, key=lambda turn: -turn.correlation))[: 2 * PEAKS]


def _peaks(fixed: NDArray[np.complex128], moving: NDArray[np.complex128], scale: float, kind: str) -> list[Turn]:
    energy = np.sqrt((np.abs(fixed) ** 2).sum() * (np.abs(moving) ** 2).sum())
    peaks = rotation_peaks(fixed, moving, PEAKS, APART_DEGREES)
    return [Turn(rotation, scale, value / energy, kind) for value, rotation in peaks]


def _shells(
    spectrum: NDArray[np.float32], radii: NDArray[np.float64], rotation: NDArray[np.float64]
) -> NDArray[np.complex128]:
    """Return the harmonics of shells of a spectrum, each of mean 0 and deviation 1, weighted by the root of its radius.

    Those of the spectrum at `rotation` times the directions of the grid.
    """
    directions = sphere_directions() @ rotation.T
    middle = np.array(spectrum.shape) // 2
    at = middle[:, None, None, None] + FINER * radii[:, None, None] * np.moveaxis(directions, -1, 0)[:, None]
    values = ndimage.map_coordinates(spectrum, at, order=1, mode="nearest").astype(np.float64)
    area = np.sqrt(1 - sphere_directions()[..., 2] ** 2)
    area /= area.sum()
    values -= (values * area).sum(axis=(1, 2), keepdims=True)
    deviation = np.sqrt((values**2 * area).sum(axis=(1, 2), keepdims=True))
    weights = np.sqrt(radii)[:, None, None]
    return harmonics(weights * values / np.maximum(deviation, 1e-12))


def _turns_in_2d(spectra: Pair, kind: str, scales: bool) -> list[Turn]:
    """Correlate both spectra in log-polar coordinates, where a turn is a shift and so is a scale."""
    polar = [_log_polar(spectrum) for spectrum in spectra]
    step = np.log(OUTERMOST[2] / INNERMOST) / (RADII - 1)
    most = int(np.log(LARGEST_SCALE[2]) / step) if scales else 0
    padded = [fft.rfft2(part, (HALF_DEGREES, 2 * RADII)) for part in polar]
    correlation = fft.irfft2(padded[0] * padded[1].conj(), (HALF_DEGREES, 2 * RADII))
    offsets = np.arange(-most, most + 1)
    correlation = correlation[:, offsets] / (RADII - np.abs(offsets)) / HALF_DEGREES
    highest = ndimage.maximum_filter(correlation, size=(15, 5), mode=("wrap", "nearest"))
    tops = np.argwhere(correlation == highest)
    tops = tops[np.argsort(-correlation[tuple(tops.T)], kind="stable")][:PEAKS]
    turns = []
    for top in tops:  # the fixed spectrum at an angle is the moving one at that angle - the shift
        angle, offset = (_between(correlation, top, axis) for axis in (0, 1))
        scale = float(np.exp((offset - most) * step)) if scales else 1.0
        for turn in (0.0, np.pi):
            c, s = np.cos(turn - angle * np.pi / HALF_DEGREES), np.sin(turn - angle * np.pi / HALF_DEGREES)
            turns.append(Turn(np.array([[c, -s], [s, c]]), scale, float(correlation[tuple(top)]), kind))
    return turns


def _between(values: NDArray[np.float64], top: NDArray[np.intp], axis: int) -> float:
    """Return where a parabola through a maximum and its neighbours along an axis is highest."""
    line = np.take(values, top[1 - axis], axis=1 - axis)
    at, size = int(top[axis]), len(line)
    if axis == 1 and not 0 < at < size - 1:
        return float(at)
    low, middle, high = line[at - 1], line[at], line[(at + 1) % size]
    curvature = low - 2 * middle + high
    return at + (0.5 * float((low - high) / curvature) if curvature < 0 else 0.0)


def _log_polar(spectrum: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return a spectrum by angle (half a turn, rows) and logarithm of radius, each radius of mean 0 and deviation 1."""
    from skimage.transform import warp_polar  # noqa: PLC0415 - 0.1 s that few runs need

    middle = tuple(size // 2 for size in spectrum.shape)
    whole = warp_polar(
        spectrum.T,  # which takes rows for y
        center=middle,
        radius=FINER * OUTERMOST[2],
        output_shape=(2 * HALF_DEGREES, int(RADII * np.log(FINER * OUTERMOST[2]) / np.log(OUTERMOST[2] / INNERMOST))),
        scaling="log",
    )
    half = np.asarray(whole, np.float64)[:HALF_DEGREES, -RADII:]
    half -= half.mean(axis=0)
    normalized: NDArray[np.float64] = half / np.maximum(half.std(axis=0), 1e-12)
    return normalized


def _spectrum(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the logarithm of the Fourier magnitudes of an image that fades out, zero frequency in the middle."""
    steps = np.meshgrid(*[np.linspace(-1, 1, size) for size in values.shape], indexing="ij", sparse=True)
    window = np.clip((1 - np.sqrt(sum(step**2 for step in steps))) / TAPER, 0, 1).astype(np.float32)
    shape = [FINER * size for size in values.shape]
    magnitude = fft.fftshift(np.abs(fft.fftn(values * window, shape)))
    logarithm: NDArray[np.float32] = np.log(magnitude + FAINTEST * magnitude.max()).astype(np.float32)
    return logarithm
