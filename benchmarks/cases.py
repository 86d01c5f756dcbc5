"""Known-truth pairs made from a real 1 mm head: rigid moves and smooth deformations, changes of contrast, and noise."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

if TYPE_CHECKING:
    from numpy.typing import NDArray

DATA = Path(__file__).parents[2] / "shared" / "data"
HEADS = {
    "mni152": DATA / "mni152" / "mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz",
    "colin27": DATA / "colin27" / "ch2.nii.gz",
}
BORDER_MM = 30.0  # over which a deformation fades out around the head
SQUARINGS = 7


@dataclass(frozen=True)
class Case:
    """A pair whose true transform (fixed -> moving, LPS mm) is known.

    Attributes
    ----------
    fixed, moving : SimpleITK.Image
        32-bit floats.
    points_lps : array, shape (N, 3)
        Points of the head in the fixed image, LPS mm.
    truth_lps : array, shape (N, 3)
        Where they are in the moving image, LPS mm.
    """

    fixed: sitk.Image
    moving: sitk.Image
    points_lps: NDArray[np.float64]
    truth_lps: NDArray[np.float64]

    def error_mm(self, transform: sitk.Transform) -> NDArray[np.float64]:
        """Return the target registration error at every point, mm."""
        mapped = np.array([transform.TransformPoint(point) for point in self.points_lps.tolist()])
        return np.linalg.norm(mapped - self.truth_lps, axis=1)


def read_head(name: str) -> sitk.Image:
    """Return a head as 32-bit floats, scaled to 0..255."""
    image = sitk.ReadImage(str(found(HEADS[name])), sitk.sitkFloat32)
    return image * (255.0 / float(sitk.GetArrayViewFromImage(image).max()))


def found(path: Path) -> Path:
    """Return `path`, or end the program if the real volume is not there."""
    if not path.is_file():
        raise SystemExit(f"{path} is not there: the benchmarks need the real volumes (see benchmarks/README.md)")
    return path


def inside_of(head: sitk.Image) -> sitk.Image:
    """Return the head without the air around it: 1 inside, cavities included, 0 elsewhere."""
    tissue = sitk.OtsuThreshold(sitk.SmoothingRecursiveGaussian(head, 1.5), 0, 1)
    return sitk.BinaryFillhole(sitk.BinaryMorphologicalClosing(tissue, [6, 6, 6]))


def rigid_case(head: sitk.Image, seed: int, *, degrees: float = 15.0, shift_mm: float = 20.0) -> Case:
    """Return the head against itself turned about a random axis, shifted, remapped and with noise."""
    rng = np.random.default_rng(seed)
    points = points_of(head > 40, rng)
    truth = sitk.VersorRigid3DTransform()
    truth.SetCenter(points.mean(axis=0).tolist())
    truth.SetRotation(unit(rng).tolist(), float(np.deg2rad(degrees)))
    truth.SetTranslation((unit(rng) * shift_mm).tolist())
    moved = sitk.Resample(head, head, truth.GetInverse(), sitk.sitkLinear, 0.0)
    moving = like(moved, other_contrast(sitk.GetArrayFromImage(moved)) + rng.normal(0, 4, moved.GetSize()[::-1]))
    return Case(head, moving, points, np.array([truth.TransformPoint(point) for point in points.tolist()]))


def deformable_case(
    head: sitk.Image, seed: int, *, remapped: bool, largest_mm: float = 10.0, smoothness_mm: float = 18.0
) -> Case:
    """Return the head against itself bent by the flow of a random smooth velocity field.

    The moving image has another grid (0.9 x 1.1 x 1.3 mm, turned by 6 degrees) and both have noise. The points are
    drawn from all of the head, cavities included; the same seed gives the same field and points for either contrast.

    Parameters
    ----------
    head : SimpleITK.Image
        From `read_head`.
    seed : int
        Of the field, the points and the noise.
    remapped : bool
        Give the moving image another contrast, which no monotonic curve makes of the first.
    largest_mm : float
        Length of the longest displacement.
    smoothness_mm : float
        Sigma of the Gaussian that smoothed the field.
    """
    rng = np.random.default_rng(seed)
    points = points_of(inside_of(head), rng)
    back = sitk.DisplacementFieldTransform(_flow(_velocity(points, rng, smoothness_mm), largest_mm))
    bent = sitk.Resample(head, turned_grid(head), back, sitk.sitkBSpline, 0.0)
    values = np.clip(sitk.GetArrayFromImage(bent), 0, None)
    values = other_contrast(values) if remapped else values
    noisy = np.clip(values + rng.normal(0, 4, values.shape), 0, None)
    still = np.clip(sitk.GetArrayFromImage(head) + rng.normal(0, 2, head.GetSize()[::-1]), 0, None)
    return Case(like(head, still), like(bent, noisy), points, _sources(back, points))


def _velocity(points: NDArray[np.float64], rng: np.random.Generator, smoothness_mm: float) -> sitk.Image:
    """Return smoothed noise on a 2 mm grid around the points, LPS vectors, which fades out at the border."""
    low, high, spacing = points.min(axis=0) - BORDER_MM, points.max(axis=0) + BORDER_MM, 2.0
    size_xyz = np.ceil((high - low) / spacing).astype(int) + 1
    ramps = [np.clip(spacing * np.minimum(np.arange(n), np.arange(n)[::-1]) / BORDER_MM, 0, 1) for n in size_xyz]
    x, y, z = (ramp**2 * (3 - 2 * ramp) for ramp in ramps)
    noise = sitk.GetImageFromArray(rng.normal(size=(*size_xyz[::-1], 3)), isVector=True)
    noise.SetOrigin(low.tolist())
    noise.SetSpacing([spacing] * 3)
    smooth = sitk.SmoothingRecursiveGaussian(noise, smoothness_mm)
    fading = z[:, None, None, None] * y[:, None, None] * x[:, None]
    return like(noise, sitk.GetArrayViewFromImage(smooth) * fading)


def _flow(velocity: sitk.Image, largest_mm: float) -> sitk.Image:
    """Return the displacement of a velocity field's flow, which folds nothing, after scaling it to `largest_mm`."""
    field = velocity
    for _ in range(4):  # the flow's largest displacement is nearly, but not quite, proportional to the velocity
        longest = float(np.linalg.norm(sitk.GetArrayViewFromImage(field), axis=-1).max())
        velocity = like(velocity, sitk.GetArrayViewFromImage(velocity) * (largest_mm / longest))
        field = like(velocity, sitk.GetArrayViewFromImage(velocity) / 2**SQUARINGS)
        for _ in range(SQUARINGS):
            field = field + sitk.Resample(field, field, sitk.DisplacementFieldTransform(sitk.Image(field)))
    return field


def _sources(back: sitk.Transform, points: NDArray[np.float64], steps: int = 60) -> NDArray[np.float64]:
    """Return what `back` takes to the points, by fixed-point iteration: the exact truth for images made with `back`."""
    sources = points.copy()
    for _ in range(steps):
        missed = points - np.array([back.TransformPoint(point) for point in sources.tolist()])
        sources += missed
        if np.abs(missed).max() < 1e-6:
            return sources
    raise SystemExit(f"the deformation could not be inverted: {np.abs(missed).max():.3g} mm were left")


def turned_grid(head: sitk.Image) -> sitk.Image:
    """Return an empty image of other voxels around the head, turned by 6 degrees."""
    size_xyz, spacing_xyz = np.array([220, 240, 190]), np.array([0.9, 1.1, 1.3])
    turn = sitk.VersorRigid3DTransform()
    turn.SetRotation([1.0, 2.0, 3.0], float(np.deg2rad(6.0)))
    axes = np.reshape(turn.GetMatrix(), (3, 3))
    centre = head.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in head.GetSize()])
    grid = sitk.Image(size_xyz.tolist(), sitk.sitkUInt8)
    grid.SetSpacing(spacing_xyz.tolist())
    grid.SetDirection(axes.ravel().tolist())
    grid.SetOrigin((np.array(centre) - axes @ ((size_xyz - 1) / 2 * spacing_xyz)).tolist())
    return grid


def other_contrast(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return a contrast like that of T2 for a T1: no monotonic curve leads from one to the other."""
    return np.interp(values, [0, 8, 36, 70, 110, 180, 255], [0, 10, 240, 150, 90, 120, 60])


def like(image: sitk.Image, values: NDArray[np.floating]) -> sitk.Image:
    """Return `values` on the grid of `image`: 32-bit scalars, or 64-bit vectors where the image has them."""
    is_vector = image.GetNumberOfComponentsPerPixel() > 1
    made = sitk.GetImageFromArray(values.astype(np.float64 if is_vector else np.float32), isVector=is_vector)
    made.CopyInformation(image)
    return made


def points_of(inside: sitk.Image, rng: np.random.Generator, number: int = 4000) -> NDArray[np.float64]:
    inside_zyx = np.argwhere(sitk.GetArrayViewFromImage(inside) > 0)
    chosen_xyz = inside_zyx[rng.choice(len(inside_zyx), number, replace=False)][:, ::-1]
    return np.array([inside.TransformIndexToPhysicalPoint([int(i) for i in index]) for index in chosen_xyz])


def unit(rng: np.random.Generator) -> NDArray[np.float64]:
    vector = rng.normal(size=3)
    return vector / np.linalg.norm(vector)
