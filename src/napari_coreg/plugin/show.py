"""Opens napari on a finished registration: python -m napari_coreg.plugin.show FIXED MOVING REGISTERED."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from napari_coreg.plugin.contributions import read_layers

if TYPE_CHECKING:
    from collections.abc import Sequence

    import napari

_ORANGE = {"colormap": "bop orange", "blending": "additive"}
_ROLES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("fixed", {"colormap": "gray"}),
    ("before", {**_ORANGE, "visible": False}),
    ("after", _ORANGE),
)


def add_result(viewer: napari.Viewer, paths: Sequence[str]) -> None:
    """Add the fixed volume in grey, and in orange above it the moving one as it was (hidden) and as it is now.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to.
    paths : sequence of str
        The files of the fixed, the moving and the registered volume.
    """
    from napari.layers import Layer  # noqa: PLC0415 - only where there is a viewer

    for path, (role, looks) in zip(paths, _ROLES, strict=True):
        for data, attributes, kind in read_layers(path):
            name = f"{attributes['name']} ({role})"
            viewer.add_layer(Layer.create(data, {**attributes, **looks, "name": name}, kind))


def main(paths: Sequence[str]) -> None:
    """Open napari with the three volumes, until its window is closed."""
    import napari  # noqa: PLC0415 - it takes seconds

    add_result(napari.Viewer(title="napari-coreg"), paths)
    napari.run()


if __name__ == "__main__":
    main(sys.argv[1:])
