"""Known-truth pairs made from a real 1 mm head: a rigid move, a non-monotonic change of contrast, and noise."""

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
    path = HEADS[name]
    if not path.is_file():
        raise SystemExit(f"{path} is not there: the benchmarks need the real volumes (see benchmarks/README.md)")
    image = sitk.ReadImage(str(path), sitk.sitkFloat32)
    return image * (255.0 / float(sitk.GetArrayViewFromImage(image).max()))


def rigid_case(head: sitk.Image, seed: int, *, degrees: float = 15.0, shift_mm: float = 20.0) -> Case:
    """Return the head against itself turned about a random axis, shifted, remapped and with noise."""
    rng = np.random.default_rng(seed)
    points = _points(head, rng)
    truth = sitk.VersorRigid3DTransform()
    truth.SetCenter(points.mean(axis=0).tolist())
    truth.SetRotation(_unit(rng).tolist(), float(np.deg2rad(degrees)))
    truth.SetTranslation((_unit(rng) * shift_mm).tolist())
    moved = sitk.Resample(head, head, truth.GetInverse(), sitk.sitkLinear, 0.0)
    moving = sitk.GetImageFromArray(_remapped(sitk.GetArrayFromImage(moved), rng))
    moving.CopyInformation(head)
    return Case(head, moving, points, np.array([truth.TransformPoint(point) for point in points.tolist()]))


def _remapped(values: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return a contrast like that of T2 for a T1: no monotonic curve leads from one to the other."""
    remapped = np.interp(values, [0, 8, 36, 70, 110, 180, 255], [0, 10, 240, 150, 90, 120, 60])
    return (remapped + rng.normal(0, 4, values.shape)).astype(np.float32)


def _points(head: sitk.Image, rng: np.random.Generator, number: int = 4000) -> NDArray[np.float64]:
    inside_zyx = np.argwhere(sitk.GetArrayViewFromImage(head) > 40)
    chosen_xyz = inside_zyx[rng.choice(len(inside_zyx), number, replace=False)][:, ::-1]
    return np.array([head.TransformIndexToPhysicalPoint([int(i) for i in index]) for index in chosen_xyz])


def _unit(rng: np.random.Generator) -> NDArray[np.float64]:
    vector = rng.normal(size=3)
    return vector / np.linalg.norm(vector)
