"""The last few measurements of a viewer, so that going back to one costs nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_coreg.plugin.quality.measuring import Measured
    from napari_coreg.plugin.quality.subjects import Known, Role

#: What was chosen, by identity: transform, volumes, and the other layers with their roles.
Choice = tuple[Any, ...]

_MOST = 3


class Kept:
    """What was measured last.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Whose layers; what was measured with one that is deleted is forgotten, as its voxels are held until then.
    """

    def __init__(self, viewer: Any) -> None:
        self._kept: list[tuple[Choice, Measured]] = []
        viewer.layers.events.removed.connect(self._on_removed)  # which napari holds weakly

    def of(self, choice: Choice) -> Measured | None:
        """Return what was measured of a choice, or None."""
        return next((measured for each, measured in self._kept if each == choice), None)

    def keep(self, choice: Choice, measured: Measured) -> None:
        """Keep it, and forget the oldest."""
        others = [(each, old) for each, old in self._kept if each != choice]
        self._kept = [*others, (choice, measured)][-_MOST:]

    def _on_removed(self, event: Any) -> None:
        self._kept = [(choice, measured) for choice, measured in self._kept if id(event.value) not in _layers(choice)]


def choice_of(known: Known | None, extras: Mapping[Role, Any]) -> Choice | None:
    """Return what is chosen, so that two choices of the same things are equal."""
    if known is None:
        return None
    is_file = known.result is None
    volumes = tuple(id(layer) for layer in known.layers) if is_file else ()  # a result holds its volumes itself
    whole = id(known.transform if is_file else known.result)
    return whole, volumes, *((role, id(layer)) for role, layer in extras.items())


def _layers(choice: Choice) -> set[int]:
    _, volumes, *extras = choice
    return {*volumes, *(each for _, each in extras)}
