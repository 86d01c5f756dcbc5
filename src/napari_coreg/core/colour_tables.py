"""Colours of numbers in a report: scales from a value to a colour, readable to the colour-blind."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from skimage.color import lab2rgb

if TYPE_CHECKING:
    from numpy.typing import NDArray

ON_FIXED = (0.34, 0.78, 1.0)  # light blue and orange: apart for all kinds of colour blindness
ON_MOVED = (1.0, 0.55, 0.0)
ON_BOTH = (1.0, 1.0, 1.0)

# Lightness rises evenly; the hue goes from blue over green to yellow. CIELAB: L, a, b.
_RISING_LAB = ((12, 18, -32), (30, 12, -38), (48, -22, -14), (66, -40, 22), (80, -26, 58), (93, -8, 62))
# As light on both sides of one; blue shrinks, red grows.
_AROUND_ONE_LAB = ((34, 12, -52), (60, -4, -36), (94, 0, 0), (60, 36, 26), (38, 56, 40))


@dataclass(frozen=True)
class Scale:
    """Which value has which colour.

    Attributes
    ----------
    low, high : float
        Values at the ends; what is beyond has the colour of the end.
    around_one : bool
        Whether the values are factors: half and double are then as far from 1, which is white.
    """

    low: float
    high: float
    around_one: bool = False

    def colours(self, values: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return RGB from 0 to 1, shape (..., 3); NaN has the colour of the low end."""
        part = np.asarray(values, float)
        low, high = self.low, self.high
        if self.around_one:
            part = np.log(np.maximum(part, low, where=np.isfinite(part), out=np.full(part.shape, low)))
            low, high = math.log(low), math.log(high)
        part = np.nan_to_num(np.clip((part - low) / (high - low), 0, 1))
        table = _table(_AROUND_ONE_LAB if self.around_one else _RISING_LAB)
        return np.asarray(table[np.rint(part * (len(table) - 1)).astype(int)])

    def bar(self, wide: int = 256, high: int = 14) -> NDArray[np.uint8]:
        """Return a picture of the scale, low to the left: RGB, shape (high, wide, 3)."""
        part = np.linspace(0, 1, wide)
        values = (
            self.low * (self.high / self.low) ** part if self.around_one else self.low + (self.high - self.low) * part
        )
        row = np.rint(self.colours(values) * 255).astype(np.uint8)
        return np.repeat(row[None], high, axis=0)


def scale_around_one(determinants: NDArray[np.floating]) -> Scale:
    """Return a scale for Jacobian determinants, from 1/f to f, beyond which at most 1 voxel in 500 swells or shrinks.

    Examples
    --------
    >>> scale_around_one(np.array([0.8, 1.0, 1.25]))
    Scale(low=0.769..., high=1.3, around_one=True)
    """
    found = np.asarray(determinants, float)
    found = found[np.isfinite(found) & (found > 0)]
    factor = math.exp(float(np.percentile(np.abs(np.log(found)), 99.8))) if found.size else 1.0
    factor = min(max(math.ceil(round(10 * factor, 6)) / 10, 1.1), 10.0)
    return Scale(1 / factor, factor, around_one=True)


def _table(controls_lab: tuple[tuple[int, int, int], ...], steps: int = 256) -> NDArray[np.float32]:
    controls = np.array(controls_lab, float)
    at = np.linspace(0, len(controls) - 1, steps)
    lab = np.stack([np.interp(at, np.arange(len(controls)), channel) for channel in controls.T], axis=-1)
    return np.asarray(lab2rgb(lab[None])[0], np.float32)
