"""Two layers of a viewer, compared: it begins at once, follows the layers, and gives everything back at its end."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakSet, ref

from psygnal import Signal

from napari_coreg.errors import GeometryError, VolumeError
from napari_coreg.per_viewer import unwrapped
from napari_coreg.plugin.compare.before import Before, before_of
from napari_coreg.plugin.compare.curtain import Curtain, is_mirrored
from napari_coreg.plugin.compare.inputs import check_pair, connect, disconnect, grid_over
from napari_coreg.plugin.compare.pictures import EXTRA_MODES, Pictures, Side, View
from napari_coreg.plugin.compare.scene import Scene
from napari_coreg.plugin.compare.settings import Settings, seen_in_words, short
from napari_coreg.plugin.compare.timers import Flicker, Pause
from napari_coreg.plugin.live import source_of
from napari_coreg.plugin.quietly import add_quietly, remove_quietly
from napari_coreg.session import session_of

if TYPE_CHECKING:
    from collections.abc import Callable

    Later = Callable[[Callable[[], None]], None]


_FADED = ("blend", "flicker", "overlay")  # where the two change roles by opacity and colour alone


class Comparison:
    """Two layers of a viewer, compared. Get it by `comparison_of`, or begin one with `compare_layers`.

    Attributes
    ----------
    settings : Settings
        How they are compared, also for the next time.
    first, second : layer or None
        Which two; None while nothing is compared.
    flipped : bool
        Whether the key was pressed: the registered volume is shown as it lay before, or the two have changed roles.
    before : Before or None
        What one of the two was before it was registered.
    """

    changed = Signal()  # the pair, a setting, what is flipped; also when it begins and ends

    def __init__(self, viewer: Any) -> None:
        self._viewer = ref(viewer)
        self.settings = Settings()
        self.first: Any = None
        self.second: Any = None
        self.flipped = False
        self.before: Before | None = None
        self._result = 1  # which of the two it is that has a before
        self._phase = 0
        self._run = 0
        self._scene: Scene | None = None
        self._pictures: Pictures | None = None
        self._later: Later = _at_once
        self._windows: WeakKeyDictionary[Any, tuple[float, float]] = WeakKeyDictionary()
        self._leaving: WeakSet[Any] = WeakSet()
        self._curtain = Curtain(self)
        self._flicker = Flicker(self.tick)
        self._settled = Pause(self._regrid)
        self._ending = Pause(self.end, 0)
        viewer.layers.events.removed.connect(self._on_removed)
        viewer.dims.events.order.connect(self._on_turned)
        viewer.dims.events.ndisplay.connect(self._on_turned)

    @property
    def is_on(self) -> bool:
        """Whether two layers are being compared."""
        return self.first is not None

    @property
    def pictures(self) -> Pictures | None:
        """The live layers, as soon as they are there."""
        return self._pictures

    @property
    def flickers(self) -> bool:
        """Whether the picture changes by itself just now."""
        return self._flicker.is_running

    @property
    def roles(self) -> tuple[int, int]:
        """Which of the two, 0 and 1, plays the first and which the second one now."""
        pictures = self._pictures
        if self.settings.mode == "contours" and pictures is not None:
            labels = [side.sight.is_labels for side in pictures.sides]
            if labels[0] != labels[1]:  # their edges are drawn over the image
                return (0, 1) if labels[0] else (1, 0)
        return (1, 0) if self.flipped and self.before is None else (0, 1)

    @property
    def view(self) -> View:
        """How the pictures are shown."""
        viewer, ndim = self._viewer(), 3 if self.first is None else self.first.ndim
        if viewer is None:
            return View(self.settings, self.roles, self._phase)
        order, ndisplay = viewer.dims.order, viewer.dims.ndisplay
        hidden = len(order) - ndim  # axes that only other layers have; the layers' axes are the viewer's last
        order = tuple(axis - hidden for axis in order if axis >= hidden)
        return View(self.settings, self.roles, self._phase, order, ndisplay)

    def begin(self, first: Any, second: Any, *, later: Later | None = None, **settings: Any) -> None:
        """Compare two layers, instead of those that are being compared.

        Parameters
        ----------
        first, second : layer
            Image or Labels layers of the viewer.
        later : callable, optional
            Calls what it is given in a later turn of the event loop; at once when it is not given.
        **settings
            As in `Settings`; those that are not given stay as they are.

        Raises
        ------
        CoregError
            One sentence on the layer, or the setting, that cannot be used.
        """
        new = replace(self.settings, **settings)
        first, second = (unwrapped(layer) for layer in (first, second))  # napari gives proxies
        check_pair(first, second)
        self.end(later=later)
        self.settings = new
        self._later = later or _at_once
        self.first, self.second = first, second
        session_of(self._viewer()).take_canvas(self, partial(self.end, later=self._later))
        self._find_before()
        self._run += 1
        for job in (self._make, self._add_layers, partial(self._add_layers, 1), self._take_over):
            self._later(partial(self._do, self._run, job))
        self.changed.emit()

    def change(self, **settings: Any) -> None:
        """Change how they are compared; what is seen follows at once.

        Raises
        ------
        CoregError
            One sentence on the setting that cannot be used.
        """
        new = replace(self.settings, **settings)
        if new == self.settings:
            return
        old, self.settings = self.settings, new
        is_other_mode = (new.mode, new.colours) != (old.mode, old.colours)
        only_faded = replace(old, balance=new.balance, rate_hz=new.rate_hz) == new
        self._show(dress=is_other_mode, anew=not only_faded)
        self.changed.emit()

    def flip(self) -> None:
        """Flip before and after, or the roles of the two layers."""
        if self._pictures is None:
            return
        self.flipped = not self.flipped
        if self.before is not None:
            self._place(self._result)
        same_pictures = self.before is None and self.settings.mode in _FADED
        self._show(dress=self.before is None, anew=not same_pictures)
        self.changed.emit()

    def tick(self) -> None:
        """Show the other one of the two while they flicker."""
        if self._pictures is not None:
            self._phase = 1 - self._phase
            self._pictures.fade(self.view)
            self._say()

    def pause(self, paused: bool) -> None:
        """Hold the flicker, or let it go on."""
        self._flicker.hold(paused)

    def end(self, *, later: Later | None = None) -> None:
        """Stop comparing, and give the viewer back as it was.

        Parameters
        ----------
        later : callable, optional
            As in `begin`, for the removal of the live layers, which are hidden at once.
        """
        if not self.is_on:
            return
        self._run += 1
        viewer, pictures = self._viewer(), self._pictures
        self._flicker.stop()
        self._settled.stop()
        self._ending.stop()
        disconnect(self._inputs(), self._on_layer, self._on_renamed)
        self._curtain.stop(viewer)
        self._remember_windows()
        stage, self._scene, self._pictures = self._scene, None, None
        self.first = self.second = self.before = None
        self.flipped, self._phase = False, 0
        if viewer is not None:
            session_of(viewer).leave_canvas(self)
            if stage is not None:
                stage.give_back()
            do = later or _at_once
            for layer in [] if pictures is None else pictures.own:
                self._leaving.add(layer)
                layer.visible = False
                do(partial(remove_quietly, viewer, layer))
            if stage is not None:
                do(stage.select_as_before)
        self.changed.emit()

    def words(self) -> str:
        """Return what is seen now, as the canvas says it."""
        if not self.is_on:
            return ""
        names = [self.first.name, self.second.name]
        state = ""
        if self.before is not None:
            state = "before - " if self.flipped else "after - "
            names[self._result] = self.before.name if self.flipped else names[self._result]
        names = [names[role] for role in self.roles]
        if self.settings.mode == "flicker":
            return state + short(names[self._phase])
        viewer = self._viewer()
        mirrored = viewer is not None and is_mirrored(viewer, self.settings.direction)
        return state + seen_in_words(self.settings, *names, mirrored=mirrored)

    def _do(self, run: int, job: Callable[[], None]) -> None:
        if run == self._run and self._viewer() is not None:
            job()

    def _make(self) -> None:
        sides = Side.of(self.first, self._windows.get(self.first)), Side.of(self.second, self._windows.get(self.second))
        self._pictures = Pictures(sides, grid_over(*self._inputs()))
        connect(self._inputs(), self._on_layer, self._on_renamed)

    def _add_layers(self, index: int = 0) -> None:
        viewer, pictures = self._viewer(), self._pictures
        if viewer is not None and pictures is not None:
            add_quietly(viewer, pictures.layers[index])

    def _take_over(self) -> None:
        viewer, pictures = self._viewer(), self._pictures
        if viewer is None or pictures is None:
            return
        self._scene = Scene(viewer)
        self._scene.clear(pictures.own, self.flip)
        self._curtain.start(viewer)
        self._show(dress=True)
        self.changed.emit()

    def _add_extra(self) -> None:
        viewer, pictures = self._viewer(), self._pictures
        if viewer is not None and pictures is not None and pictures.extra is None:
            add_quietly(viewer, pictures.make_extra())

    def _show(self, *, dress: bool, anew: bool = True) -> None:
        """Show what settings and roles say."""
        viewer, pictures = self._viewer(), self._pictures
        if viewer is None or pictures is None or self._scene is None:
            return
        if any(layer not in viewer.layers for layer in pictures.own):  # it is about to end
            return
        mode = self.settings.mode
        if mode in EXTRA_MODES and pictures.extra is None:
            for job in (self._add_extra, partial(self._show, dress=True)):
                self._later(partial(self._do, self._run, job))
            return
        view = self.view
        pictures.mask(view)
        if mode in EXTRA_MODES:
            pictures.show_extra(view)
        if dress:
            pictures.dress(view)
        pictures.fade(view)
        pictures.reveal(view, anew=anew)
        if dress:
            viewer.layers.selection.active = pictures.visible(view)[-1]
        self._say()
        self._flicker.run(self.settings.rate_hz if mode == "flicker" else 0.0)

    def _say(self) -> None:
        if self._scene is not None:
            self._scene.say(self.words())

    def _find_before(self) -> None:
        viewer = self._viewer()
        layers = () if viewer is None else viewer.layers
        for index, layer in ((1, self.second), (0, self.first)):
            self._result, self.before = index, before_of(layer, layers)
            if self.before is not None:
                return

    def _inputs(self) -> list[Any]:
        before = None if self.before is None else self.before.layer
        return [layer for layer in (self.first, self.second, before) if layer is not None]

    def _place(self, index: int) -> None:
        """Let a side look at its layer where that lies now, or at what it was before."""
        if self._pictures is None:
            return
        if self.before is not None and self.flipped and index == self._result:
            source = self.before.source if self.before.layer is None else source_of(self.before.layer)
        else:
            source = source_of((self.first, self.second)[index])
        self._pictures.set_source(index, source)

    def _on_layer(self, event: Any) -> None:
        """Follow a layer that was moved, or whose voxels have changed."""
        moving = None if self.before is None else self.before.layer
        try:
            check_pair(self.first, self.second)
            for index, layer in enumerate((self.first, self.second)):
                if event.source is layer or (event.source is moving and index == self._result):
                    self._place(index)
        except (GeometryError, VolumeError):
            self._ending.begin()
            return
        if self._pictures is not None:
            self._pictures.look_again()
            self._settled.begin()

    def _on_renamed(self, _event: Any = None) -> None:
        self._say()
        self.changed.emit()

    def _on_turned(self, _event: Any = None) -> None:
        """Follow the viewer to other axes, and from 2-D to 3-D view."""
        self._show(dress=True)

    def _on_removed(self, event: Any) -> None:
        """End with a layer that is compared, or with one of our own; when napari is done with removing it."""
        layer = event.value
        if layer in self._leaving or not self.is_on:
            return
        own = [] if self._pictures is None else self._pictures.own
        if layer in own or layer in self._inputs():
            self._ending.begin()

    def _regrid(self) -> None:
        """Make the live layers anew where what is compared has left their grid."""
        if self._pictures is None or self._scene is None or grid_over(*self._inputs()) == self._pictures.grid:
            return
        pair, flipped = (self.first, self.second), self.flipped
        self.begin(*pair, later=self._later)
        if flipped:
            self._later(partial(self._do, self._run, self.flip))

    def _remember_windows(self) -> None:
        pictures = self._pictures
        if pictures is None:
            return
        for index, side in enumerate(pictures.sides):
            if not side.sight.is_labels and pictures.window(index) != side.window:
                self._windows[side.layer] = pictures.window(index)


def _at_once(job: Callable[[], None]) -> None:
    job()
