"""Pairs for linear registration whose moving image was moved, by its header alone, from where it fits.

`case(pair, span, seed)` gives one: `error_mm(transform)` of what it returns tells how right a result is. Pairs are made
once and kept under a work folder; a start only changes a header, so every method sees the same voxels.
"""

from __future__ import annotations

import json
import tempfile
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from cases import DATA, Case, found, inside_of, like, other_contrast, points_of, read_head, turned_grid, unit
from napari_coreg import read_volumes
from napari_coreg.core.geometry import Grid
from napari_coreg.core.transforms import to_matrix
from pairs import made_once

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

WORK = Path(tempfile.gettempdir(), "coreg-benchmarks")
SILVER = Path(__file__).with_name("silver_truths.json")
HEAD = "colin27"
NUMBER_OF_POINTS = 1000
SLAB = 0.25  # of the head's height
LOWEST_SLAB, HIGHEST_SLAB = 0.1, 0.65  # where its lower face may be, of the head's height
SPANS = {"0/0": (0, 0), "15/30": (15, 30), "30/50": (30, 50), "90/100": (90, 100), "180/100": (180, 100)}
"""How far starts go: the largest angle about a random axis (degrees) and the longest shift (mm)."""

WIDE = ("30/50", "90/100", "180/100")


@dataclass(frozen=True)
class Base:
    """A pair as it fits.

    Attributes
    ----------
    fixed, moving : SimpleITK.Image
        32-bit floats.
    truth : array, shape (4, 4)
        Fixed -> moving, LPS mm.
    points_lps : array, shape (N, 3)
        Points of the head in the fixed image that both images show, LPS mm.
    """

    fixed: sitk.Image
    moving: sitk.Image
    truth: NDArray[np.float64]
    points_lps: NDArray[np.float64]

    @property
    def truth_lps(self) -> NDArray[np.float64]:
        """Where the points are in the moving image, LPS mm."""
        return moved(self.truth, self.points_lps)


@dataclass(frozen=True)
class Kind:
    """How a pair is made and what it is run with.

    Attributes
    ----------
    make : callable
        Gives the pair from a seed.
    spans : tuple of str
        The usual starts, keys of `SPANS`.
    recipe : str
        What a user would choose for it.
    remapped : bool
        Whether the two have different contrasts.
    is_hopeless : bool
        Whether there is nothing to be found: every result is wrong, and should say so.
    """

    make: Callable[[Path, int], Base]
    spans: tuple[str, ...] = WIDE
    recipe: str = "rigid"
    remapped: bool = True
    is_hopeless: bool = False


def case(pair: str, span: str, seed: int, *, work: Path = WORK) -> Case:
    """Return a pair with its moving image turned and shifted.

    The moving image's header is moved by a rotation about the middle of the head, about a random axis, by an angle
    uniform between 0 and the largest of the span, and a shift in a random direction, of a length uniform between 0 and
    the longest. The same arguments always give the same case.

    Parameters
    ----------
    pair : str
        Key of `PAIRS`.
    span : str
        Key of `SPANS`.
    seed : int
        Which start (and which slab).
    work : Path
        Where the pairs are kept.
    """
    base = PAIRS[pair].make(work, seed)
    middle = Grid.of(base.moving).centre_lps if pair == "strangers" else base.truth_lps.mean(axis=0)
    start = start_matrix(pair, span, seed, middle)
    return Case(base.fixed, with_header_moved(base.moving, start), base.points_lps, moved(start, base.truth_lps))


def start_matrix(pair: str, span: str, seed: int, centre_lps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return by what the moving image is moved, 4 x 4, LPS mm."""
    largest_degrees, longest_mm = SPANS[span]
    rng = np.random.default_rng([seed, zlib.crc32(f"{pair} {span}".encode())])
    turn = sitk.VersorRigid3DTransform()
    turn.SetCenter(centre_lps.tolist())
    turn.SetRotation(unit(rng).tolist(), float(np.deg2rad(rng.uniform(0, largest_degrees))))
    turn.SetTranslation((unit(rng) * rng.uniform(0, longest_mm)).tolist())
    return to_matrix(turn)


def with_header_moved(image: sitk.Image, matrix: NDArray[np.float64]) -> sitk.Image:
    """Return a copy of the image that lies where the rigid `matrix` (4 x 4, LPS mm) takes it."""
    copy = sitk.Image(image)
    axes = matrix[:3, :3] @ np.reshape(image.GetDirection(), (3, 3))
    copy.SetDirection(axes.ravel().tolist())
    copy.SetOrigin(moved(matrix, np.array([image.GetOrigin()]))[0].tolist())
    return copy


def moved(matrix: NDArray[np.float64], points_lps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return where a 4 x 4 matrix takes points, shape (N, 3)."""
    return points_lps @ matrix[:3, :3].T + matrix[:3, 3]


def silver(pair: str) -> NDArray[np.float64]:
    """Return what is taken for the truth of a real pair, 4 x 4, fixed -> moving, LPS mm."""
    return np.array(json.loads(SILVER.read_text())[pair]["matrix"])


def _kept(name: str, make: Callable[[], Base]) -> Callable[[Path, int], Base]:
    """Return a maker that keeps what it made, on disk and in memory; it is the same for all seeds."""

    @cache
    def kept(work: Path) -> Base:
        folder = work / f"linear-{name}"
        with made_once(folder) as new:
            if new:
                base = make()
                for side, image in (("fixed", base.fixed), ("moving", base.moving)):
                    sitk.WriteImage(_plain(image), str(new / f"{side}.mha"))
                np.savez(new / "truth.npz", truth=base.truth, points_lps=base.points_lps)
        fixed, moving = (sitk.ReadImage(str(folder / f"{side}.mha")) for side in ("fixed", "moving"))
        with np.load(folder / "truth.npz") as known:
            return Base(fixed, moving, known["truth"], known["points_lps"])

    return lambda work, _seed: kept(work)


def _plain(image: sitk.Image) -> sitk.Image:
    """Return the image without what its file said beside voxels and grid."""
    return like(image, sitk.GetArrayViewFromImage(image))


def _known(*, remapped: bool) -> Base:
    """Return a head against itself on another grid, perhaps in another contrast, with noise in both."""
    rng = np.random.default_rng(0)
    head = read_head(HEAD)
    points = points_of(inside_of(head), rng, NUMBER_OF_POINTS)
    other = sitk.Resample(head, turned_grid(head), sitk.Transform(), sitk.sitkBSpline, 0.0)
    values = np.clip(sitk.GetArrayFromImage(other), 0, None)
    values = other_contrast(values) if remapped else values
    noisy = np.clip(values + rng.normal(0, 4, values.shape), 0, None)
    still = np.clip(sitk.GetArrayFromImage(head) + rng.normal(0, 2, head.GetSize()[::-1]), 0, None)
    return Base(like(head, still), like(other, noisy), np.eye(4), points)


def _real(fixed: sitk.Image, moving: sitk.Image, inside: sitk.Image, truth: NDArray[np.float64]) -> Base:
    """Return a real pair; its points are those that the moving image shows, too."""
    points = points_of(inside, np.random.default_rng(0), 4 * NUMBER_OF_POINTS)
    points = points[_is_inside(Grid.of(moving), moved(truth, points))][:NUMBER_OF_POINTS]
    return Base(fixed, moving, truth, points)


def chris_images() -> tuple[sitk.Image, sitk.Image, sitk.Image]:
    """Return T1 and PD of one person, and the head in the T1."""
    fixed, moving = (_read(DATA / "chris" / f"chris_{name}.nii.gz") for name in ("t1", "PD"))
    return fixed, moving, inside_of(fixed)


def mridir_images() -> tuple[sitk.Image, sitk.Image, sitk.Image]:
    """Return CT and MR of one phantom, and the phantom in the CT."""
    fixed, moving = (_read(DATA / "mridir_head" / f"{name}.nii.gz") for name in ("ct", "mr_t2"))
    return fixed, moving, _body_of(fixed)


def _read(path: Path) -> sitk.Image:
    return sitk.ReadImage(str(found(path)), sitk.sitkFloat32)


def _chris() -> Base:
    return _real(*chris_images(), silver("chris"))


def _mridir() -> Base:
    return _real(*mridir_images(), silver("mridir"))


def _mridir_laid() -> Base:
    """Return the pair with the MR laid on the CT, so that a start is all that parts them."""
    base = _mridir()
    back = np.linalg.inv(base.truth)
    return Base(base.fixed, with_header_moved(base.moving, back), np.eye(4), base.points_lps)


def _dicom() -> Base:
    folder = DATA / "brain_t1_t2_dicom"
    volumes = (sitk.Cast(volume.image, sitk.sitkFloat32) for volume in read_volumes(folder))
    fixed, moving = sorted(volumes, key=lambda image: image.GetSpacing()[2])
    truth = to_matrix(sitk.ReadTransform(str(found(DATA / "brain_t1_t2_consensus.tfm"))))
    return _real(fixed, moving, inside_of(fixed), truth)


def _body_of(ct: sitk.Image) -> sitk.Image:
    """Return the largest thing in a CT that is not air, with its cavities, without the table."""
    solid = sitk.BinaryMorphologicalOpening(ct > -400, [3, 3, 2])
    return sitk.BinaryFillhole(sitk.RelabelComponent(sitk.ConnectedComponent(solid)) == 1)


def _slab(of: str) -> Callable[[Path, int], Base]:
    """Return a maker of a pair one of whose images is cut down to a slab, at another height for each seed."""

    def make(work: Path, seed: int) -> Base:
        base = PAIRS["remapped"].make(work, seed)
        lowest = np.random.default_rng([seed, zlib.crc32(b"slab")]).uniform(LOWEST_SLAB, HIGHEST_SLAB)
        if of == "fixed":
            slab, is_kept = _cut(base.fixed, base.points_lps, lowest)
            return Base(slab, base.moving, base.truth, base.points_lps[is_kept])
        slab, is_kept = _cut(base.moving, base.truth_lps, lowest)
        return Base(base.fixed, slab, base.truth, base.points_lps[is_kept])

    return make


def _cut(image: sitk.Image, head_lps: NDArray[np.float64], lowest: float) -> tuple[sitk.Image, NDArray[np.bool_]]:
    """Return a slab of the head whose lower face is `lowest` of its height up, and which points are in it."""
    height = np.array([image.TransformPhysicalPointToContinuousIndex(point)[2] for point in head_lps.tolist()])
    low, high = np.percentile(height, [0.5, 99.5])
    first, last = np.rint(low + (high - low) * np.array([lowest, lowest + SLAB])).astype(int).tolist()
    return image[:, :, first : last + 1], (height >= first) & (height <= last)


def _nothing_shared(work: Path, seed: int) -> Base:
    """Return a slab from the lower half of a head, and one from the upper half: neither shows what the other does."""
    base = PAIRS["remapped"].make(work, seed)
    fixed, is_kept = _cut(base.fixed, base.points_lps, 0.15)
    moving, _ = _cut(base.moving, base.truth_lps, 0.6)
    return Base(fixed, moving, base.truth, base.points_lps[is_kept])


def _strangers(work: Path, seed: int) -> Base:
    """Return the T1 of a person and the CT of a pig, and a truth that nothing comes near, as there is none."""
    base, pig = PAIRS["chris"].make(work, seed), PAIRS["mridir"].make(work, seed)
    middles = [Grid.of(image).centre_lps for image in (base.fixed, pig.fixed)]
    laid = np.eye(4)
    laid[:3, 3] = middles[0] - middles[1]
    nowhere = np.eye(4)
    nowhere[:3, 3] = 1000.0
    return Base(base.fixed, with_header_moved(pig.fixed, laid), nowhere, base.points_lps)


def _is_inside(grid: Grid, points_lps: NDArray[np.float64]) -> NDArray[np.bool_]:
    index = moved(np.linalg.inv(grid.index_to_lps), points_lps)
    return ((index >= 0) & (index <= np.array(grid.size_xyz) - 1)).all(axis=1)


PAIRS = {
    "same": Kind(_kept("same", lambda: _known(remapped=False)), remapped=False),
    "remapped": Kind(_kept("remapped", lambda: _known(remapped=True))),
    "chris": Kind(_kept("chris", _chris)),
    "mridir": Kind(_kept("mridir", _mridir_laid), recipe="ct-mr-head"),
    "mridir-as-it-lies": Kind(_kept("mridir-as-it-lies", _mridir), spans=("0/0",), recipe="ct-mr-head"),
    "dicom": Kind(_kept("dicom", _dicom)),
    "slab-moving": Kind(_slab("moving"), spans=("15/30",)),
    "slab-fixed": Kind(_slab("fixed"), spans=("15/30",)),
    "nothing-shared": Kind(_nothing_shared, spans=("15/30",), is_hopeless=True),
    "strangers": Kind(_strangers, spans=("30/50",), is_hopeless=True),
}
