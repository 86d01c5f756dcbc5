"""The scanners: where the patient lies in each, on which grid, and what each sees of a tissue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk

from napari_coreg.sample_volumes.canvas import Tissue
from napari_coreg.sample_volumes.phantom import paint_head
from napari_coreg.sample_volumes.shapes import Waves

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from napari_coreg.sample_volumes.canvas import Canvas
    from napari_coreg.sample_volumes.shapes import Array, Triple

# One row a tissue, in the order of Tissue: CT (HU), T1, T2, PET (arbitrary units), label.
TABLE = {
    Tissue.AIR: (-1000, 2, 2, 0, 0),
    Tissue.SKIN: (40, 110, 70, 9, 1),
    Tissue.FAT: (-95, 255, 150, 4, 1),
    Tissue.MUSCLE: (55, 85, 45, 14, 1),
    Tissue.MUCOSA: (40, 95, 170, 16, 1),
    Tissue.CARTILAGE: (120, 60, 60, 6, 1),
    Tissue.BONE: (1250, 12, 8, 4, 2),
    Tissue.MARROW: (480, 140, 85, 10, 2),
    Tissue.ENAMEL: (2200, 5, 4, 2, 2),
    Tissue.DURA: (70, 80, 60, 8, 3),
    Tissue.VESSEL: (58, 55, 20, 16, 3),
    Tissue.CSF: (6, 38, 245, 4, 3),
    Tissue.VENTRICLE: (6, 36, 250, 4, 4),
    Tissue.CORTEX: (40, 120, 135, 100, 5),
    Tissue.WHITE: (27, 180, 90, 30, 6),
    Tissue.DEEP_GREY: (42, 142, 112, 108, 7),
    Tissue.CEREBELLAR_GREY: (40, 118, 132, 86, 8),
    Tissue.CEREBELLAR_WHITE: (28, 172, 92, 34, 8),
    Tissue.BRAINSTEM: (30, 162, 100, 44, 9),
    Tissue.OEDEMA: (20, 120, 190, 22, 10),
    Tissue.LESION: (62, 75, 150, 190, 10),
    Tissue.VITREOUS: (8, 40, 250, 6, 11),
    Tissue.LENS: (80, 85, 35, 6, 11),
}
LABEL_NAMES = (
    "background",
    "soft tissue",
    "bone",
    "cerebrospinal fluid",
    "ventricles",
    "cortex",
    "white matter",
    "deep grey nuclei",
    "cerebellum",
    "brainstem",
    "lesion",
    "eyes",
)
CT, T1, T2, PET, LABEL = (np.array(row, dtype=np.float64) for row in zip(*TABLE.values(), strict=True))


def euler(degrees: Triple, shift: Triple, centre: Triple = (0, 0, 0)) -> sitk.Euler3DTransform:
    """Rigid transform: rotation about x, y, z through `centre`, then `shift` (mm)."""
    return sitk.Euler3DTransform(centre, *(float(np.deg2rad(angle)) for angle in degrees), shift)


# Where the patient lies: head frame -> CT, then CT -> the others. Everything else follows from these lines.
HEAD_TO_CT = euler((5, -2, 3), (3, -14, 22))
MIDDLE = (3, -14, 22)
CT_TO = {
    "mr_t1": euler((8, -4, 6), (9, -7, 6), MIDDLE),
    "mr_t2": euler((-5, 4, -8), (-8, 6, 7), MIDDLE),
    "pet": euler((4, 7, 5), (6, 9, -8), MIDDLE),
}


def matrix_of(rigid: sitk.Euler3DTransform) -> Array:
    """Return the 4 x 4 matrix of a rigid transform, its centre worked in."""
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(rigid.GetMatrix(), (3, 3))
    matrix[:3, 3] = rigid.TransformPoint((0, 0, 0))
    return matrix


def rigid_of(matrix: Array) -> sitk.Euler3DTransform:
    """Return the rigid transform of a 4 x 4 matrix."""
    rigid = sitk.Euler3DTransform()
    rigid.SetMatrix(matrix[:3, :3].ravel().tolist(), 1e-9)
    rigid.SetTranslation(matrix[:3, 3].tolist())
    return rigid


def head_to(name: str) -> Array:
    """Return the 4 x 4 matrix from the head's frame to the frame of a scanner."""
    base = matrix_of(HEAD_TO_CT)
    return base if name == "ct" else matrix_of(CT_TO[name]) @ base


def deformation() -> sitk.Transform:
    """Smooth truth: points of mr_t1_deformed -> points of mr_t1 (a B-spline, then an affine)."""
    spacing, mesh = 40.0, 8
    spline = sitk.BSplineTransform(3, 3)
    spline.SetTransformDomainOrigin([-160.0] * 3)
    spline.SetTransformDomainPhysicalDimensions([spacing * mesh] * 3)
    spline.SetTransformDomainMeshSize([mesh] * 3)
    coefficients = np.zeros((3, mesh + 3, mesh + 3, mesh + 3))
    inner = slice(3, mesh)  # three rows of zeros at each face: the field ends without a step
    coefficients[:, inner, inner, inner] = np.random.default_rng(21).uniform(-12, 12, (3, mesh - 3, mesh - 3, mesh - 3))
    spline.SetParameters(np.round(coefficients, 3).ravel().tolist())
    affine = sitk.AffineTransform(3)
    stretch = np.eye(4)
    stretch[:3] = [[1.05, 0.03, -0.02, 0.0], [-0.02, 0.96, 0.03, 0.0], [0.02, -0.03, 1.04, 0.0]]
    matrix = np.round(head_to("mr_t1") @ stretch, 6)
    affine.SetMatrix(matrix[:3, :3].ravel().tolist())
    affine.SetTranslation(matrix[:3, 3].tolist())
    return sitk.CompositeTransform([affine, spline])  # ITK applies the last one first


@dataclass(frozen=True)
class Grid:
    """Where the voxels of a volume are: size and spacing (xyz), direction (columns are axes), middle (LPS mm)."""

    size: tuple[int, int, int]
    spacing: Triple
    direction: Array
    middle: Triple

    @property
    def origin(self) -> Array:
        """Position of the first voxel, LPS mm."""
        half = (np.array(self.size) - 1) / 2 * np.array(self.spacing)
        origin: Array = np.round(np.array(self.middle) - self.direction @ half, 3)
        return origin

    @property
    def matrix(self) -> Array:
        """The 4 x 4 matrix from voxel indices (i, j, k) to LPS mm."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.direction * np.array(self.spacing)
        matrix[:3, 3] = self.origin
        return matrix


def axes(columns: tuple[Triple, Triple, Triple], tilt: Triple = (0, 0, 0)) -> Array:
    """Direction matrix: three axes, then tilted by angles about x, y, z (degrees)."""
    turned: Array = np.round(np.reshape(euler(tilt, (0, 0, 0)).GetMatrix(), (3, 3)) @ np.array(columns, float).T, 9)
    return turned


LPS, RAS, DOWN = (
    ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    ((-1, 0, 0), (0, -1, 0), (0, 0, 1)),
    ((1, 0, 0), (0, 1, 0), (0, 0, -1)),
)
SAGITTAL = ((0, 1, 0), (0, 0, -1), (-1, 0, 0))
GRIDS = {
    "ct": Grid((128, 166, 106), (1.5, 1.5, 2.0), axes(LPS), (3, -15, 4)),
    "mr_t1": Grid((142, 130, 120), (1.6, 1.6, 1.6), axes(SAGITTAL, (7, -3, 5)), (13.5, -27, 8)),
    "mr_t2": Grid((184, 222, 46), (1.0, 1.0, 4.0), axes(DOWN, (-9, 2, -6)), (-5, -11, 30)),
    "pet": Grid((60, 68, 46), (3.5, 3.5, 3.5), axes(LPS), (9, -5, 26)),
    "mr_t1_deformed": Grid((106, 142, 118), (1.7, 1.7, 1.7), axes(RAS), (0, -10, -12)),
}


def indices(grid: Grid, parts: Triple) -> Iterator[tuple[int, Array]]:
    """Yield indices (i, j, k) slice by slice: (slice number, (3, N) array), N running i fastest, then j.

    Each voxel is divided into `parts` along its axes; the points are the middles of the parts.
    """
    i, j, k = ((np.arange(size * int(part)) + 0.5) / part - 0.5 for size, part in zip(grid.size, parts, strict=True))
    plane_i, plane_j = np.tile(i, j.size), np.repeat(j, i.size)
    for number, level in enumerate(k):
        yield number, np.stack([plane_i, plane_j, np.full(plane_i.size, level)])


def apply(matrix: Array, points: Array) -> Array:
    """Map (3, N) points by a 4 x 4 matrix, adding in a fixed order."""
    x, y, z = points
    return np.stack([row[0] * x + row[1] * y + row[2] * z + row[3] for row in matrix[:3]])


def look(name: str, softness: float, read: Callable[[Canvas], Any], parts: Triple = (1, 1, 1)) -> NDArray[Any]:
    """Values that `read` finds in the head at each voxel (or part of a voxel) of a grid, shape (k, j, i)."""
    grid = GRIDS[name]
    width, height = grid.size[0] * int(parts[0]), grid.size[1] * int(parts[1])
    shifts = None
    to_head = np.asarray(np.linalg.inv(head_to("mr_t1" if name == "mr_t1_deformed" else name)), np.float64)
    if name == "mr_t1_deformed":
        geometry = (grid.size, grid.origin.tolist(), grid.spacing, grid.direction.ravel().tolist())
        field = sitk.TransformToDisplacementField(deformation(), sitk.sitkVectorFloat64, *geometry)
        shifts = sitk.GetArrayViewFromImage(field)
    slices = []
    for number, index in indices(grid, parts):
        points = apply(grid.matrix, index)
        if shifts is not None:
            points = points + shifts[number].reshape(-1, 3).T
        slices.append(read(paint_head(apply(to_head, points), softness)).reshape(height, width))
    return np.stack(slices)


def smooth(volume: Array, sigmas: Triple) -> Array:
    """Gaussian blur along (k, j, i), sigmas in voxels, edges repeated."""
    for axis, sigma in enumerate(sigmas):
        reach = int(np.ceil(3.5 * sigma))
        weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
        padded = np.pad(volume, [(reach, reach) if other == axis else (0, 0) for other in range(3)], mode="edge")
        total = np.zeros_like(volume)
        for start, weight in enumerate(weights / weights.sum()):
            total += weight * np.take(padded, range(start, start + volume.shape[axis]), axis=axis)
        volume = total
    return volume


def make_ct() -> NDArray[np.int16]:
    """CT in HU, in steps of 4: noise that grows inwards, and the table under the head."""
    clean = look("ct", 1.6, lambda canvas: canvas.mixed(CT))
    grid = GRIDS["ct"]
    for number, index in indices(grid, (1, 1, 1)):
        x, y, _ = apply(grid.matrix, index).reshape(3, *clean.shape[1:])
        depth = np.abs(y - 96.5 + (x - 3) ** 2 / 420)
        table = 160 * np.clip(2.4 - depth, 0, 1) * (np.abs(x - 3) < 85)
        clean[number] = np.maximum(clean[number], -1000 + 5 * table)
    sigma = smooth(np.where(clean > -500, 8.0, 2.5), (2, 4, 4))
    noisy = clean + sigma * np.random.default_rng(31).standard_normal(clean.shape)
    return (np.clip(np.round(noisy / 4), -256, 767) * 4).astype(np.int16)


def make_mr(name: str, row: Array, seed: int, noise: float, softness: float, parts: int = 1) -> NDArray[np.int16]:
    """MR in steps of 4 (arbitrary units): slice profile of `parts` samples, smooth bias field, Rician noise."""
    clean = look(name, softness, lambda canvas: canvas.mixed(row), (1, 1, parts))
    clean = clean.reshape(-1, parts, *clean.shape[1:])
    signal: Array = np.zeros_like(clean[:, 0])
    for part in range(parts):
        signal += clean[:, part] / parts
    bias = Waves(wavelength=420, count=10, seed=seed)
    for number, index in indices(GRIDS[name], (1, 1, 1)):
        signal[number] *= np.exp(0.12 * bias.value(apply(GRIDS[name].matrix, index))).reshape(signal.shape[1:])
    rng = np.random.default_rng(seed)
    real = signal + noise * rng.standard_normal(signal.shape)
    imaginary = noise * rng.standard_normal(signal.shape)
    return (np.round(np.sqrt(real * real + imaginary * imaginary) / 4) * 4).astype(np.int16)


def make_pet() -> NDArray[np.int16]:
    """PET, FDG-like: activity on half voxels, count noise, blur of 6 mm, then whole voxels."""
    active = look("pet", 2.0, lambda canvas: canvas.mixed(PET), (2, 2, 2))
    noise = np.random.default_rng(41).standard_normal(active.shape)
    blurred = smooth(active + 6.0 * np.sqrt(active) * noise, (1.45, 1.45, 1.45))
    k, j, i = (size // 2 for size in blurred.shape)
    halves = blurred.reshape(k, 2, j, 2, i, 2)
    total = sum(halves[:, a, :, b, :, c] for a in (0, 1) for b in (0, 1) for c in (0, 1))
    return np.round(np.maximum(total / 8, 0) * 20).astype(np.int16)


def make_labels(name: str) -> NDArray[np.uint8]:
    """Label of the topmost tissue at the middle of each voxel."""
    labels: NDArray[np.uint8] = LABEL.astype(np.uint8)[look(name, 1.0, lambda canvas: canvas.tissues())]
    return labels
