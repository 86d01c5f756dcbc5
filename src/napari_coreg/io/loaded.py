"""What a reader hands over: volumes with their names and notes, and volumes that can be loaded."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from napari_coreg.core.upright import upright

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    import SimpleITK as sitk
    from numpy.typing import NDArray

Whole = TypeVar("Whole")
Part = TypeVar("Part")


@dataclass(frozen=True)
class LoadedVolume:
    """A volume read from a file or folder.

    Attributes
    ----------
    image : SimpleITK.Image
        One number a voxel, 2-D or 3-D, LPS mm; its axes are at right angles (left-handed ones are kept).
    name : str
        Unique among the volumes of `path`.
    path : Path
        The file or folder it was read from.
    modality : str or None
        DICOM's code, such as "CT", "MR", "PT"; None where the file does not tell.
    unit : str or None
        What the values are, such as "HU" or "SUVbw"; None where the file does not tell.
    notes : tuple of str
        All that was done to the data or seen in it and that a user may want to know, in plain sentences.
    frame : int or None
        Number (from 0) of the frame in a file of several, else None.
    frame_count : int
        Frames in the file, 1 for a plain volume.
    number, count : int
        Which of the volumes of `path` it is, from 0, and how many there are.
    is_upright : bool
        Whether its axes were brought into the order of the world's.
    """

    image: sitk.Image
    name: str
    path: Path
    modality: str | None = None
    unit: str | None = None
    notes: tuple[str, ...] = ()
    frame: int | None = None
    frame_count: int = 1
    number: int = 0
    count: int = 1
    is_upright: bool = False

    def upright(self) -> LoadedVolume:
        """Return the same volume with its axes in the order z, y, x of the world, as napari's layers have them."""
        return replace(self, image=upright(self.image), is_upright=True)

    def origin(self) -> dict[str, Any]:
        """Return where it came from, as plain data for the record of a registration."""
        return {
            "path": str(self.path.expanduser().absolute()),
            "name": self.name,
            "number": self.number,
            "count": self.count,
            "upright": self.is_upright,
            "modality": self.modality,
            "unit": self.unit,
            "frame": self.frame,
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class Source:
    """A volume that can be loaded.

    Attributes
    ----------
    name : str
        Unique among the volumes of one path.
    summary : str
        Its size in words, for a list to choose from.
    load : callable
        Reads the values and returns the LoadedVolume.
    is_frame : bool
        Whether it is a frame of a file of several.
    """

    name: str
    summary: str
    load: Callable[[], LoadedVolume]
    is_frame: bool = False


@dataclass
class FrameStore(Generic[Whole, Part]):
    """Frames of a file: the first asked for is read alone; when a second is, the file is read whole and kept.

    So one frame of many costs little, and all frames of a compressed file do not unpack it again for each.

    Attributes
    ----------
    read_one : callable
        Frame number -> that frame, read alone.
    read_whole : callable
        Everything in the file.
    pick : callable
        Everything and a frame number -> that frame.
    """

    read_one: Callable[[int], Part]
    read_whole: Callable[[], Whole]
    pick: Callable[[Whole, int], Part]
    _asked: bool = False
    _whole: list[Whole] = field(default_factory=list)

    def frame(self, number: int) -> Part:
        """Return one frame."""
        if not self._asked:
            self._asked = True
            return self.read_one(number)
        if not self._whole:
            self._whole.append(self.read_whole())
        return self.pick(self._whole[0], number)


def unique_names(names: Iterable[str]) -> list[str]:
    """Return the names with a number added to those that come twice.

    Examples
    --------
    >>> unique_names(["a", "b", "a"])
    ['a', 'b', 'a (2)']
    """
    seen: Counter[str] = Counter()
    unique: list[str] = []
    for name in names:
        seen[name] += 1
        unique.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return unique


def value_notes(values: NDArray[Any]) -> tuple[str, ...]:
    """Return a note with the number of NaN and infinite values, if there are any."""
    if values.dtype.kind != "f":
        return ()
    finite = int(np.count_nonzero(np.isfinite(values)))
    if finite == values.size:
        return ()
    nan = int(np.count_nonzero(np.isnan(values)))
    return (f"{nan} voxels are NaN and {values.size - finite - nan} are infinite; they were kept as they are.",)


def plural(number: int, noun: str) -> str:
    """Return the number and the noun, with an s where there is not exactly one.

    Examples
    --------
    >>> plural(1, "slice"), plural(3, "slice")
    ('1 slice', '3 slices')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
