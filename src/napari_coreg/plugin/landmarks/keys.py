"""The keys of the layers that show landmarks."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from qtpy.compat import isalive

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_coreg.plugin.landmarks.desk import LandmarkDesk


def bind_keys(layer: Any, desk: LandmarkDesk) -> None:
    """Give a Points layer our keys: N, Enter, Ctrl+Z and Ctrl+Shift+Z; they do nothing once the desk is gone."""
    owner = weakref.ref(desk)

    def bind(key: str, action: Callable[[LandmarkDesk], None]) -> None:
        def act(_layer: Any) -> None:  # a function, as napari looks for its name
            there = owner()
            if there is not None and isalive(there):
                action(there)

        layer.bind_key(key, act, overwrite=True)

    bind("n", lambda there: there.add_at_cursor())
    bind("Enter", lambda there: there.confirm(set()))
    bind("Control-Z", lambda there: there.undo())
    bind("Control-Shift-Z", lambda there: there.redo())
