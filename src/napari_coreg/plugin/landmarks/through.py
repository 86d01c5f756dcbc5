"""Shows the moving volume as the fit to the landmarks brings it onto the fixed one, while they are being set."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from napari_coreg.core.slabs import coarser
from napari_coreg.plugin.hiding import hiding_of
from napari_coreg.plugin.keep import kept_layer_data
from napari_coreg.plugin.landmarks.fit import fit_to, titles
from napari_coreg.plugin.live import (
    Resliced,
    from_world,
    live_layer,
    look_again,
    source_of,
    view_grid,
)
from napari_coreg.plugin.quietly import add_quietly, remove_quietly

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import SimpleITK as sitk

    from napari_coreg.core.geometry import Grid
    from napari_coreg.core.landmarks import LandmarkFit
    from napari_coreg.plugin.landmarks.layers import LandmarkLayers
    from napari_coreg.plugin.landmarks.values import Landmark
    from napari_coreg.plugin.layers import LayerData
    from napari_coreg.plugin.turns import Turns

_NODES = 20_000  # of a thin-plate spline that is looked through: it is to follow the hand


class ThroughFit:
    """A live layer in the place of the moving volume and its landmarks, which are hidden meanwhile.

    Attributes
    ----------
    layer : napari.layers.Image or None
        The live layer; None while there is none.
    """

    def __init__(self, viewer: Any, turns: Turns) -> None:
        self._viewer = viewer
        self._turns = turns
        self._look: Resliced | None = None
        self._fit: LandmarkFit | None = None
        self.layer: Any = None

    @property
    def is_on(self) -> bool:
        """Whether it is shown, or will be in a moment."""
        return self._look is not None

    def show(self, marks: LandmarkLayers, fit: LandmarkFit, *instead_of: Any) -> None:
        """Show the moving volume through a fit; `instead_of` are the layers that it stands in for."""
        if self.layer is not None and self.layer not in self._viewer.layers:  # the user has removed it
            self.give_back()
        if fit is self._fit:
            return
        self._fit = fit
        fixed = marks.volume("fixed")
        landmarks = marks.pairs.complete, titles(marks.pairs)
        transform = from_world(fixed, _sampled(fit, *landmarks, coarser(fixed.geometry, _NODES)))
        if self._look is not None:
            self._look.transform = transform
            if self.layer is not None:
                look_again(self.layer)
            return
        self._look = Resliced(source_of(marks.images["moving"], marks.volume("moving")), transform)
        self._turns.add(partial(self._add, marks, self._look, instead_of))

    def keeping(self, marks: LandmarkLayers, fit: LandmarkFit) -> Callable[[], LayerData]:
        """Return what makes an ordinary layer of what is seen, a thin-plate spline sampled on every voxel.

        Landmarks and layers are read now, so that any thread may call it, whatever is changed meanwhile.

        Raises
        ------
        CoregError
            As `read_layer`.
        """
        fixed, moving = marks.volume("fixed"), marks.volume("moving")
        layer, source = self.layer, source_of(marks.images["moving"], moving)
        landmarks, names = marks.pairs.complete, titles(marks.pairs)
        name = f"{moving.name} on {fixed.name} by {len(landmarks)} landmarks"

        def keep() -> LayerData:
            transform = from_world(fixed, _sampled(fit, landmarks, names, fixed.geometry))
            return kept_layer_data(layer, name, Resliced(source, transform))

        return keep

    def give_back(self) -> None:
        """Take the layer away, and show what it stood in for."""
        layer, self.layer, self._look, self._fit = self.layer, None, None, None
        if layer is not None:
            remove_quietly(self._viewer, layer)
        hiding_of(self._viewer).give_back(self)

    def _add(self, marks: LandmarkLayers, look: Resliced, instead_of: tuple[Any, ...]) -> None:
        if look is not self._look:  # no longer wanted
            return
        fixed, moving = marks.images["fixed"], marks.images["moving"]
        self.layer = live_layer(
            look,
            view_grid(fixed),
            f"{moving.name} through the fit (live)",
            dtype=look.source.dtype,
            like=fixed,
            contrast_limits=moving.contrast_limits,
            colormap=moving.colormap,
            gamma=moving.gamma,
            opacity=moving.opacity,
            blending=moving.blending,
            metadata={"fixed": marks.volume("fixed")},
        )
        add_quietly(self._viewer, self.layer)
        for layer in instead_of:
            hiding_of(self._viewer).hide(layer, self)


def _sampled(fit: LandmarkFit, landmarks: Sequence[Landmark], names: Sequence[str], grid: Grid) -> sitk.Transform:
    """Return a fit's transform; that of a thin-plate spline through `landmarks` sampled on a grid."""
    return fit.transform if fit.model != "thin_plate" else fit_to(landmarks, names, fit.model, grid).transform
