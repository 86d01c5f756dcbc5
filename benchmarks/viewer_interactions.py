"""What a person does with the dock widgets, one function each, for viewer.py to watch the GUI's thread meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def run_rigid(desk: Any) -> None:
    """Register by a rigid recipe, with preview, and show the result."""
    _run(desk, "rigid")


def run_bspline(desk: Any) -> None:
    """Register by a B-spline recipe, with preview, and show the result."""
    _run(desk, "fast-bspline")


def scroll(desk: Any) -> None:
    """Scroll through the slices of napari's own two layers: what there is without us."""
    for index in range(30):
        desk.viewer.dims.set_point(0, 50 + index)
        desk.spin(0.05)


def _run(desk: Any, recipe: str) -> None:
    from napari_coreg import load_preset  # noqa: PLC0415 - napari first

    widget = desk.open("Register volumes")
    widget.recipe.set_recipe(load_preset(recipe))
    desk.spin(0.5)
    widget.run()
    desk.wait(lambda: not widget.is_running())
    desk.spin(1)


INTERACTIONS: dict[str, Callable[[Any], None]] = {
    "scroll through two layers of napari's": scroll,
    "a rigid run, with preview": run_rigid,
    "a B-spline run, with preview": run_bspline,
}
