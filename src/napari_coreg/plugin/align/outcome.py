"""What becomes of a pose found by hand: the place of the layer, an ordinary layer, the start of a run."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_coreg.core.geometry import Grid
from napari_coreg.core.result import RegistrationResult
from napari_coreg.core.transforms import is_linear, to_matrix
from napari_coreg.errors import GeometryError
from napari_coreg.plugin.keep import kept_layer_data
from napari_coreg.plugin.layers import read_layer
from napari_coreg.plugin.live import live_volume
from napari_coreg.plugin.placement import displayed_matrix, mm_per_unit, reversed_axes
from napari_coreg.session import session_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    import SimpleITK as sitk

    from napari_coreg.plugin.align.hand import HandAlignment
    from napari_coreg.plugin.layers import LayerData

    FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Place:
    """A place to begin at, with words for it; `transform` is fixed -> moving, None for where the layers lie."""

    words: str
    transform: sitk.Transform | None


@dataclass(frozen=True, eq=False)
class Left:
    """Where somebody stopped aligning two layers; it holds as long as neither is moved."""

    transform: sitk.Transform
    fixed: Any
    moving: Any
    lay: tuple[FloatArray, FloatArray]

    @classmethod
    def by(cls, hand: HandAlignment) -> Left:
        """Return where an alignment stands."""
        lay = displayed_matrix(hand.fixed), displayed_matrix(hand.moving)
        return cls(hand.transform, hand.fixed, hand.moving, lay)

    def holds_for(self, fixed: Any, moving: Any) -> bool:
        """Whether it is about these layers, and they lie where they lay."""
        if (self.fixed, self.moving) != (fixed, moving):
            return False
        pairs = zip(self.lay, (fixed, moving), strict=True)
        return all(np.array_equal(before, displayed_matrix(layer)) for before, layer in pairs)


def places(viewer: Any, fixed: Any, moving: Any, left: Left | None = None) -> list[Place]:
    """Return where an alignment of two layers may begin, the most likely wish first."""
    session = session_of(viewer)
    found = []
    if left is not None and left.holds_for(fixed, moving):
        found.append(Place("where you left off", left.transform))
    grids = read_layer(fixed).geometry, read_layer(moving).geometry
    if session.start is not None and session.start.holds_for(fixed, moving, grids):
        found.append(Place(f"the start: {session.start.source}", session.start.transform))
    found.append(Place("where the layers lie", None))
    for attempt in session.attempts:
        result = attempt.result
        if isinstance(result, RegistrationResult) and (Grid.of(result.fixed), Grid.of(result.moving)) == grids:
            found.append(Place(f"the result of {attempt.name}", result.transform))
    return found


def affine_in_place(hand: HandAlignment) -> FloatArray:
    """Return the ``layer.affine`` (zyx, in the layer's units) that shows the moving layer where the pose has it.

    Raises
    ------
    GeometryError
        The alignment began from a deformation, which no affine can show.
    """
    if not is_linear(hand.transform):
        raise GeometryError("A deformation cannot be written into a layer's affine: keep the volume as a layer.")
    layer, volume = hand.moving, hand.moving_volume
    n = hand.dimension
    onto = np.eye(n + 1) if hand.fixed_volume.moved is None else to_matrix(hand.fixed_volume.moved)
    there = onto @ np.linalg.inv(to_matrix(hand.transform)) @ volume.geometry.index_to_lps
    move = there @ np.linalg.inv(displayed_matrix(layer))  # world -> world, LPS mm
    units = np.diag([*mm_per_unit(tuple(layer.units)), 1.0])
    return np.asarray(np.linalg.inv(units) @ reversed_axes(move) @ units @ layer.affine.affine_matrix)


def keeping(hand: HandAlignment) -> Callable[[], LayerData]:
    """Return what makes an ordinary layer on the fixed layer's grid, that looks like the moving one, at this pose.

    Any thread may call it, while the volume is moved on.
    """
    moving, live = hand.moving, hand.layers.live
    name = f"{moving.name} aligned to {hand.fixed.name}"
    looks = {look: getattr(moving, look) for look in ("colormap", "contrast_limits", "gamma", "opacity", "blending")}
    look = copy(live_volume(live).look)  # its transform is replaced when the volume is moved

    def keep() -> LayerData:
        data, arguments, kind = kept_layer_data(live, name, look)
        return data, {**arguments, **looks}, kind

    return keep
