"""Coats of tissue on points of space: what the phantom is painted with, and what is read off it."""

from __future__ import annotations

from enum import IntEnum, auto
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_coreg.sample_volumes.shapes import Array, Triple


class Tissue(IntEnum):
    """What the head is made of."""

    AIR = 0
    SKIN = auto()
    FAT = auto()
    MUSCLE = auto()
    MUCOSA = auto()
    CARTILAGE = auto()
    BONE = auto()
    MARROW = auto()
    ENAMEL = auto()
    DURA = auto()
    VESSEL = auto()
    CSF = auto()
    VENTRICLE = auto()
    CORTEX = auto()
    WHITE = auto()
    DEEP_GREY = auto()
    CEREBELLAR_GREY = auto()
    CEREBELLAR_WHITE = auto()
    BRAINSTEM = auto()
    OEDEMA = auto()
    LESION = auto()
    VITREOUS = auto()
    LENS = auto()


class Canvas:
    """Points of the head and the coats painted on them so far.

    Parameters
    ----------
    points : ndarray of float, shape (3, N)
        Points in the head's frame, mm.
    softness : float
        Width of every edge, mm: about the size of the voxel.
    """

    def __init__(self, points: Array, softness: float) -> None:
        self.points, self.softness = points, softness
        self.coats: list[tuple[Tissue, NDArray[np.intp], Array]] = []

    def near(self, low: Triple, high: Triple) -> tuple[NDArray[np.intp], Array, Array]:
        """Points in the box, mirrored to both sides: their indices, themselves, and themselves with |x|."""
        x, y, z = self.points
        side = np.abs(x)
        inside = (side >= low[0]) & (side <= high[0]) & (y >= low[1]) & (y <= high[1])
        index = np.flatnonzero(inside & (z >= low[2]) & (z <= high[2]))
        here = self.points[:, index]
        return index, here, np.stack([np.abs(here[0]), here[1], here[2]])

    def paint(self, tissue: Tissue, distance: Array, index: NDArray[np.intp]) -> None:
        """Cover the points at `index` with `tissue` where `distance` is negative."""
        cover = np.clip(0.5 - distance / self.softness, 0, 1)
        touched = np.flatnonzero(cover)
        self.coats.append((tissue, index[touched], cover[touched]))

    def mixed(self, value_of: Array) -> Array:
        """Value of each point, shape (N,), from the value of each Tissue, mixed where edges are soft."""
        values = np.full(self.points.shape[1], value_of[Tissue.AIR])
        for tissue, index, cover in self.coats:
            values[index] += cover * (value_of[tissue] - values[index])
        return values

    def tissues(self) -> NDArray[np.uint8]:
        """Tell the topmost Tissue of each point, shape (N,): the last coat that covers half of it or more."""
        top = np.zeros(self.points.shape[1], np.uint8)
        for tissue, index, cover in self.coats:
            top[index[cover >= 0.5]] = tissue
        return top
