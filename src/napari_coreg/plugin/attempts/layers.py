"""Keeps the layers of a viewer in step with its attempts: shows, hides, makes again, removes and brings back."""

from __future__ import annotations

import logging
import weakref
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from napari_coreg.core.result import RegistrationResult
from napari_coreg.errors import CoregError
from napari_coreg.per_viewer import PerViewer
from napari_coreg.plugin.attempts.pair_volumes import Found, candidates, find_volume, rebuilt
from napari_coreg.plugin.contributions import MOVING_LOOKS
from napari_coreg.plugin.hiding import hiding_of
from napari_coreg.plugin.layer_run import request_from_layers
from napari_coreg.plugin.layers import METADATA_KEY
from napari_coreg.plugin.quietly import add_beside, remove_quietly
from napari_coreg.plugin.result_layers import layers_of
from napari_coreg.session import session_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_coreg.attempts import Attempt, Attempts
    from napari_coreg.plugin.layer_run import Request
    from napari_coreg.plugin.layers import LayerVolume

FLIP_KEY = "Shift+F"  # neither napari nor one of its layers listens to it, nor do our other dock widgets
_log = logging.getLogger(__name__)


class Host(Protocol):
    """A dock widget that lends its turns of the event loop and its worker."""

    def later(self, job: Callable[[], None]) -> None:
        """Call `job` in a turn of its own, after those that wait."""

    def work(self, task: Callable[[], Any], done: Callable[[Any], None], failed: Callable[[str], None]) -> None:
        """Call `task` in a worker, and one of the other two in the GUI's thread."""

    def tell_busy(self, text: str) -> None:
        """Show what is on its way, until it has ended."""

    def complain(self, text: str) -> None:
        """Show a sentence about what went wrong, or may be."""


class AttemptLayers:
    """The layers of a viewer's attempts. Get it by `layers_of_attempts`.

    Without a host it does all at once, as a script wants it.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Whose layers; it is not kept alive.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = weakref.ref(viewer)
        self._attempts: Attempts = session_of(viewer).attempts
        self._hiding = hiding_of(viewer)
        self._visible: weakref.WeakKeyDictionary[Any, bool] = weakref.WeakKeyDictionary()
        self._host: Callable[[], Host | None] = lambda: None
        self._busy: set[str] = set()
        self._leaving: set[int] = set()
        self._has_key = False
        self._attempts.shown.connect(self._on_shown)
        self._attempts.deleted.connect(self._on_deleted)
        self._attempts.restored.connect(self._on_restored)
        self._attempts.changed.connect(self._bind_key)
        viewer.layers.events.removed.connect(self._on_removed)

    def set_host(self, host: Callable[[], Host | None]) -> None:
        """Let a dock widget do the work; `host` returns None when it is gone."""
        self._host = host
        self._busy.clear()  # what another one had begun is lost with it

    def _later(self, job: Callable[[], None]) -> None:
        host = self._host()
        if host is None:
            job()
        else:
            host.later(job)

    def _work(self, task: Callable[[], Any], done: Callable[[Any], None], failed: Callable[[str], None]) -> None:
        host = self._host()
        if host is not None:
            host.work(task, done, failed)
            return
        try:
            answer = task()
        except CoregError as error:
            failed(str(error))
        else:
            done(answer)

    def _tell_busy(self, text: str) -> None:
        host = self._host()
        if host is not None:
            host.tell_busy(text)

    def _complain(self, text: str) -> None:
        host = self._host()
        if host is None:
            _log.warning(text)
        else:
            host.complain(text)

    def _on_shown(self, attempt: Attempt | None) -> None:
        if attempt is None or attempt.key in self._busy:
            return
        if registered_layer(attempt) is not None:
            self.reveal(attempt)
        elif attempt.request is not None:
            self._make(attempt)
        else:
            self._find(attempt)

    def reveal(self, attempt: Attempt) -> None:
        """Show an attempt's layers first, and then hide those of the others, so that nothing flashes in between."""
        if self._attempts.current is not attempt:
            return
        registered, hiding = registered_layer(attempt), self._hiding
        if registered is not None and not hiding.is_shown(registered):
            for layer in attempt.layers:
                hiding.show(layer, layer is registered or self._visible.pop(layer, hiding.is_shown(layer)))
        for other in self._attempts:
            if other is not attempt:
                self._hide(other)

    def _hide(self, attempt: Attempt) -> None:
        hiding = self._hiding
        if any(hiding.is_shown(layer) for layer in attempt.layers):
            for layer in attempt.layers:
                self._visible[layer] = hiding.is_shown(layer)
                hiding.show(layer, False)

    def _make(self, attempt: Attempt) -> None:
        """Make the registered volume again, and the other layers only where none of them is left."""
        request, result = attempt.request, attempt.result
        if not isinstance(result, RegistrationResult):
            return
        if attempt.layers:
            request = replace(request, deformation=False, magnitude=False)
        self._tell_busy(f"Making the layers of {attempt.name!r} again...")
        self._busy.add(attempt.key)
        self._work(
            partial(layers_of, request, result), partial(self._on_made, attempt), partial(self._on_failed, attempt)
        )

    def _on_made(self, attempt: Attempt, layers: tuple[Any, ...]) -> None:
        self._busy.discard(attempt.key)
        if attempt not in tuple(self._attempts):  # deleted in the meantime
            return
        attempt.layers += layers
        for layer in layers:
            self._later(partial(self._add, layer))
        if self._attempts.current is not attempt:
            self._hide(attempt)
        self._later(partial(self._show_again, attempt))

    def _show_again(self, attempt: Attempt) -> None:
        """Tell once more that it is shown, now that its layers are there, and make the registered one active."""
        viewer, registered = self._viewer(), registered_layer(attempt)
        if self._attempts.current is attempt:
            self._attempts.show(attempt)
            if viewer is not None and registered in viewer.layers:
                viewer.layers.selection.active = registered

    def _on_failed(self, attempt: Attempt, text: str) -> None:
        self._busy.discard(attempt.key)
        self._complain(text)

    def _find(self, attempt: Attempt) -> None:
        """Look for the volumes of an attempt that was read from a project."""
        viewer = self._viewer()
        saved: Any = attempt.result
        if viewer is None or isinstance(saved, RegistrationResult):
            return
        there = candidates(viewer.layers)

        def task() -> tuple[RegistrationResult, Found, Found]:
            fixed = find_volume(attempt.fixed, saved.fixed_grid, there)
            moving = find_volume(attempt.moving, saved.moving_grid, there)
            return rebuilt(saved, fixed, moving), fixed, moving

        self._tell_busy(f"Looking for the volumes of {attempt.name!r}...")
        self._busy.add(attempt.key)
        self._work(task, partial(self._on_found, attempt), partial(self._on_failed, attempt))

    def _on_found(self, attempt: Attempt, answer: tuple[RegistrationResult, Found, Found]) -> None:
        result, fixed, moving = answer
        if moving.is_new and attempt.moving.kind == "image":
            for name, look in MOVING_LOOKS.items():  # as of a sample pair, so that it can be told from the fixed one
                setattr(moving.layer, name, look)
            moving.layer.visible = False  # what is to be seen is the registered volume, which it would cover
        try:
            request = request_from_layers(fixed.layer, moving.layer, result.recipe)
        except CoregError as error:
            self._on_failed(attempt, str(error))
            return
        self._busy.discard(attempt.key)
        for found in (fixed, moving):
            if found.is_new:
                self._later(partial(self._add, found.layer))
        self._attempts.complete(attempt, result, light(request))
        if self._attempts.current is attempt:
            self._make(attempt)
        warnings = " ".join(found.warning for found in (fixed, moving) if found.warning)
        if warnings:
            self._complain(warnings)

    def _add(self, layer: Any) -> None:
        viewer = self._viewer()
        if viewer is not None and layer not in viewer.layers:
            add_beside(viewer, layer)

    def _remove(self, layer: Any) -> None:
        viewer = self._viewer()
        if viewer is not None and layer in viewer.layers:
            self._leaving.add(id(layer))
            remove_quietly(viewer, layer)

    def _on_deleted(self, attempts: tuple[Attempt, ...]) -> None:
        for attempt in attempts:
            for layer in attempt.layers:
                self._later(partial(self._remove, layer))

    def _on_restored(self, attempts: tuple[Attempt, ...]) -> None:
        for attempt in attempts:
            for layer in attempt.layers:
                self._later(partial(self._add, layer))
            self._later(partial(self._show_again, attempt))

    def _on_removed(self, event: Any) -> None:
        """Let go of a layer that somebody removed from the viewer."""
        layer = event.value
        if id(layer) in self._leaving:
            self._leaving.discard(id(layer))
            return
        for attempt in self._attempts:
            if layer in attempt.layers:
                attempt.layers = tuple(item for item in attempt.layers if item is not layer)

    def _bind_key(self) -> None:
        """Let one key flip, from the first attempt on, unless somebody uses it already."""
        viewer = self._viewer()
        if self._has_key or viewer is None:
            return
        self._has_key = True
        weak = weakref.ref(self._attempts)

        def flip_attempts(_viewer: Any) -> None:
            """Flip between the two attempts that were shown last."""
            attempts = weak()
            if attempts is not None:
                attempts.flip()

        try:
            viewer.bind_key(FLIP_KEY, flip_attempts)
        except ValueError:
            _log.info("the key %s is taken, so it does not flip between attempts", FLIP_KEY)


_KEEPERS = PerViewer(AttemptLayers)


def layers_of_attempts(viewer: Any) -> AttemptLayers:
    """Return what keeps the layers of a viewer in step with its attempts; the same one as long as the viewer lives."""
    return _KEEPERS.of(viewer)


def registered_layer(attempt: Attempt) -> Any:
    """Return the layer with the registered volume of an attempt, or None where it was removed."""
    for layer in attempt.layers:
        if "result" in layer.metadata.get(METADATA_KEY, {}):
            return layer
    return None


def light(request: Request) -> Request:
    """Return a request without voxels: enough to make its layers again."""

    def emptied(volume: LayerVolume | None) -> Any:
        return None if volume is None else replace(volume, data=None)

    return replace(
        request,
        fixed=emptied(request.fixed),
        moving=emptied(request.moving),
        fixed_mask=emptied(request.fixed_mask),
        moving_mask=emptied(request.moving_mask),
    )
