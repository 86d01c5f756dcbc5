"""The sample volumes that ship: which pairs there are, where their files lie, and the true transform of each."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from napari_coreg.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import SimpleITK as sitk


@dataclass(frozen=True, slots=True)
class Sample:
    """A pair of volumes to register, and the transform that made it.

    Attributes
    ----------
    key : str
        Short name, for the command line.
    display_name : str
        Name for menus.
    files : tuple of str
        File names, the fixed volume first, then the moving one.
    truth : str or None
        File name of the true transform: fixed points -> moving points, LPS mm.
    description : str
        What the pair is and what is hard about it.
    recipe : str
        Name of the recipe made for such a pair.
    """

    key: str
    display_name: str
    files: tuple[str, ...]
    truth: str | None
    description: str
    recipe: str


def _pair(key: str, display_name: str, fixed: str, moving: str, recipe: str, description: str) -> Sample:
    names = (f"{fixed}.nii.gz", f"{moving}.nii.gz")
    return Sample(key, display_name, names, f"truth_{fixed}_to_{moving}.tfm", description, recipe)


_PAIRS = (
    _pair(
        "ct-mr",
        "Head: CT and MR T1",
        "ct",
        "mr_t1",
        "ct-mr-head",
        "One head in two scanners: an axial CT and an oblique sagittal MR T1, 11 degrees and 13 mm apart.",
    ),
    _pair(
        "ct-t2",
        "Head: CT and MR T2",
        "ct",
        "mr_t2",
        "ct-mr-head",
        "One head in two scanners: an axial CT and an oblique MR T2 of thick slices on a left-handed grid.",
    ),
    _pair(
        "ct-pet",
        "Head: CT and PET",
        "ct",
        "pet",
        "rigid",
        "One head in two scanners: an axial CT and a coarse FDG-like PET that ends above the mouth.",
    ),
    _pair(
        "mr-pet",
        "Head: MR T1 and PET",
        "mr_t1",
        "pet",
        "pet-mr-head",
        "One head in two scanners: an oblique MR T1 and a coarse FDG-like PET that ends above the mouth.",
    ),
    _pair(
        "t1-t2",
        "Head: MR T1 and MR T2",
        "mr_t1",
        "mr_t2",
        "mr-mr-same-person",
        "One head, two MR series: sagittal T1 and thick axial slices of T2, both oblique.",
    ),
    _pair(
        "deformed",
        "Head: deformed MR T1 and MR T1",
        "mr_t1_deformed",
        "mr_t1",
        "brain-to-atlas",
        "Two heads, as if of two people: the fixed one is bent by up to 8 mm, stretched, and lies upright.",
    ),
)

#: All samples by key, in the order in which menus show them.
SAMPLES: Mapping[str, Sample] = MappingProxyType({sample.key: sample for sample in _PAIRS})


def sample_path(name: str) -> Path:
    """Find a file of the sample volumes.

    Parameters
    ----------
    name : str
        File name, for example ``"ct.nii.gz"``.

    Returns
    -------
    pathlib.Path
        The file, in the installed package.

    Raises
    ------
    FileError
        If there is no such file.

    Examples
    --------
    >>> sample_path("ct.nii.gz").name
    'ct.nii.gz'
    """
    folder = Path(str(files("napari_coreg"))) / "sample_volumes"
    path = folder / name
    if path.parent != folder or not path.is_file():
        there = ", ".join(sorted(entry.name for entry in folder.glob("*.*") if entry.suffix in {".gz", ".tfm", ".csv"}))
        raise FileError(
            f"No sample file {name!r} in {folder}; there are: {there or 'none, so reinstall napari-coreg'}."
        )
    return path


def read_truth(key: str) -> sitk.Transform:
    """Read the transform that a perfect registration of a sample would find.

    Parameters
    ----------
    key : str
        Key of `SAMPLES`.

    Returns
    -------
    SimpleITK.Transform
        Maps fixed points to moving points, LPS mm.

    Raises
    ------
    FileError
        If there is no such sample, or its truth is not known.

    Examples
    --------
    >>> truth = read_truth("ct-mr")
    >>> [round(value, 1) for value in truth.TransformPoint((3.0, -14.0, 22.0))]
    [12.0, -21.0, 28.0]
    """
    import SimpleITK as sitk  # noqa: PLC0415 - listing the samples must not cost loading it

    sample = SAMPLES.get(key)
    if sample is None or sample.truth is None:
        known = ", ".join(name for name, each in SAMPLES.items() if each.truth is not None)
        raise FileError(f"No known truth for the sample {key!r}; there is one for: {known}.")
    return sitk.ReadTransform(str(sample_path(sample.truth)))
