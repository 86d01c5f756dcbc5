"""What is seen while landmarks are set: oblique volumes straight, and one volume at a time where that is wanted."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import SimpleITK as sitk
from napari.layers import Image

from napari_coreg.plugin.hiding import hiding_of
from napari_coreg.plugin.landmarks.through import ThroughFit
from napari_coreg.plugin.landmarks.view import Spotlight
from napari_coreg.plugin.live import Resliced, is_upright, live_layer, look_again, source_of, view_grid
from napari_coreg.plugin.placement import PLACEMENT_EVENTS
from napari_coreg.plugin.quietly import add_quietly, remove_quietly

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_coreg.core.landmarks import LandmarkFit
    from napari_coreg.plugin.landmarks.layers import LandmarkLayers
    from napari_coreg.plugin.turns import Turns


class StraightViews:
    """Live layers in the place of oblique volumes, so that a click means the voxel that is seen under it.

    napari cuts volumes along their own axes only, and draws an oblique one without the part of its turn that leads out
    of the slice: centimetres off at the border. The volumes themselves are hidden as long as their views are there.

    Parameters
    ----------
    viewer : napari.Viewer or napari.components.ViewerModel
        Where the volumes are.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._views: dict[Any, tuple[Any, list[Callable[[], None]]]] = {}

    def needed(self, image: Any) -> bool:
        """Whether a volume is shown in a wrong place, and has no view yet."""
        return image.ndim == 3 and image not in self._views and not is_upright(image)

    def seen(self, image: Any) -> Any:
        """Return the layer by which a volume is seen: its view, or itself."""
        view = self._views.get(image)
        return image if view is None or view[0] not in self._viewer.layers else view[0]

    def add(self, image: Any) -> None:
        """Add the view of an oblique volume and hide the volume; does nothing where that is not needed."""
        if image not in self._viewer.layers or not self.needed(image):
            return
        source = source_of(image)
        look = Resliced(source, sitk.Transform(3, sitk.sitkIdentity))
        view = live_layer(
            look,
            view_grid(image),
            f"{image.name} (straight)",
            dtype=source.dtype,
            like=image,
            contrast_limits=image.contrast_limits,
            colormap=image.colormap,
            gamma=image.gamma,
            opacity=image.opacity,
            blending=image.blending,
            visible=image.visible,
        )
        follow_image = partial(self._on_moved, image, view, look)
        stops: list[Callable[[], None]] = []
        for name in PLACEMENT_EVENTS:
            event = getattr(image.events, name)
            event.connect(follow_image)
            stops.append(partial(event.disconnect, follow_image))
        self._views[image] = (view, stops)
        add_quietly(self._viewer, view)
        self._viewer.layers.move(len(self._viewer.layers) - 1, self._viewer.layers.index(image) + 1)
        hiding_of(self._viewer).hide(image, self)

    def give_back(self) -> None:
        """Remove the views, and show the volumes as they were."""
        for view, stops in self._views.values():
            for stop in stops:
                stop()
            remove_quietly(self._viewer, view)
        self._views = {}
        hiding_of(self._viewer).give_back(self)

    def _on_moved(self, image: Any, view: Any, look: Resliced, _event: Any) -> None:
        look.source = source_of(image)
        look_again(view)


class Scene:
    """Hides and shows the two volumes and their landmarks, and gives all back as it was.

    Attributes
    ----------
    alone : bool
        Whether only the volume is shown that is being worked in.
    straight : bool
        Whether oblique volumes are shown straight.
    through : ThroughFit
        The moving volume on the fixed one, while that is wanted.
    """

    def __init__(self, viewer: Any, turns: Turns) -> None:
        self._viewer = viewer
        self._turns = turns
        self._spotlight = Spotlight(viewer)
        self._views = StraightViews(viewer)
        self.through = ThroughFit(viewer, turns)
        self._is_on = False
        self.alone = True
        self.straight = True

    def set_up(self, marks: LandmarkLayers | None) -> str:
        """Show oblique volumes straight, each in its own turn, and return a sentence on it; empty where none is."""
        self._is_on = True
        images = [] if marks is None or not self.straight else list(marks.images.values())
        askew = [image for image in images if self._views.needed(image)]
        for image in askew:
            self._turns.add(partial(self._views.add, image))
        self._turns.add(partial(self.light, marks))
        if not askew:
            return ""
        names = " and ".join(repr(image.name) for image in askew)
        return (
            f"{names} {'lie' if len(askew) > 1 else 'lies'} askew, which napari's slices show in a wrong place. A "
            "straight view stands in here, so that a click means what is seen under it."
        )

    def light(self, marks: LandmarkLayers | None) -> None:
        """Show only the volume that is being worked in, where that is wanted; all where none is."""
        side = None if marks is None else marks.side_of(self._viewer.layers.selection.active)
        if marks is None or side is None or not self.alone or not self._is_on or self.through.is_on:
            self._spotlight.give_back()
        else:
            lit = self._views.seen(marks.images[side]), marks.layer(side)
            dark = [layer for layer in self._viewer.layers if isinstance(layer, Image) and layer not in lit]
            self._spotlight.show(lit, dark)  # no points among the dark: napari loses count of those it hides

    def see_fit(self, marks: LandmarkLayers | None, fit: LandmarkFit | None) -> None:
        """Show the moving volume through a fit in the place of it and its landmarks; as it lies where there is none."""
        if marks is None or fit is None:
            self.through.give_back()
        else:
            layers = (self._views.seen(marks.images["moving"]), marks.layer("moving"))
            self.through.show(marks, fit, *(layer for layer in layers if layer is not None))
        self.light(marks)

    def give_back(self) -> None:
        """Show everything as it was, until it is set up again."""
        self._is_on = False
        self.through.give_back()
        self._spotlight.give_back()
        self._views.give_back()
