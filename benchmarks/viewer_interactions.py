"""What a person does with the dock widgets, one function each, for viewer.py to watch the GUI's thread meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAUSE = 0.2


def scroll(desk: Any) -> None:
    """Scroll through the slices of napari's own two layers: what there is without us."""
    desk.viewer.layers["moving"].visible = True
    for index in range(30):
        desk.viewer.dims.set_point(0, 50 + index)
        desk.spin(0.05)


def open_docks(desk: Any) -> None:
    """Open each dock widget."""
    for name in ("Register volumes", "Align by hand", "Landmarks", "Compare", "Deformation", "Orthogonal views"):
        desk.open(name)


def add_two_images(desk: Any) -> None:
    """Add two more images as napari does, and remove them again: what there is without us."""
    for name in ("one", "other"):
        desk.viewer.add_image(desk.viewer.layers["fixed"].data, name=name, contrast_limits=(0, 1000))
        desk.spin(PAUSE)
    for name in ("one", "other"):
        desk.viewer.layers.remove(name)
        desk.spin(PAUSE)


def run_rigid(desk: Any) -> None:
    """Register by a rigid recipe, with preview, and show the result."""
    _run(desk, "rigid")


def run_bspline(desk: Any) -> None:
    """Register by a B-spline recipe, with preview, and show the result."""
    _run(desk, "fast-bspline")


def align(desk: Any) -> None:
    """Begin to align by hand, drag, and end."""
    for change in aligning(desk):
        for step in range(20):
            change(step)
            desk.spin(0.02)


def aligning(desk: Any) -> Iterator[Callable[[int], None]]:
    """Begin to align by hand, give what one update of a drag does, and end."""
    widget = desk.open("Align by hand")
    desk.begin_to_watch()
    widget.begin()
    desk.spin(1)
    hand = widget.hand
    yield lambda step: hand.translate((0.5, 0.1 * step, 0.0), step="drag")
    yield lambda _step: hand.rotate((0, 0, 1), 0.5, step="turn")
    widget.end()
    desk.spin(1)


def compare(desk: Any) -> None:
    """Compare in five modes, drag the slider of each, and end."""
    for change in comparing(desk):
        for step in range(10):
            change(step)
            desk.spin(0.02)


def comparing(desk: Any) -> Iterator[Callable[[int], None]]:
    """Compare, give for five modes what one update of the slider does, and end."""
    from napari_coreg import compare_layers  # noqa: PLC0415 - napari first

    comparison = compare_layers(desk.viewer, "fixed", "moving", "checkerboard")
    desk.spin(1)
    yield lambda step: comparison.change(cell_mm=20.0 + step)
    comparison.change(mode="wipe")
    desk.spin(1)
    yield lambda step: comparison.change(position=0.3 + 0.01 * step)
    comparison.change(mode="blend")
    desk.spin(1)
    yield lambda step: comparison.change(balance=0.3 + 0.01 * step)
    comparison.change(mode="contours")
    desk.spin(1)
    yield lambda step: comparison.change(level=0.3 + 0.01 * step)
    comparison.change(mode="difference")
    desk.spin(1)
    yield lambda _step: comparison.flip()
    comparison.end()
    desk.spin(1)


def landmarks(desk: Any) -> None:
    """Set five landmarks in each volume, and look at each."""
    widget = desk.open("Landmarks")
    desk.begin_to_watch()
    for point in np.random.default_rng(0).uniform(0.3, 0.7, (5, 3)) * desk.size_xyz[::-1]:
        for side in ("fixed", "moving"):
            widget.desk.add_in(side)
            desk.wait(lambda side=side: desk.viewer.layers.selection.active.name == f"{side} landmarks")
            desk.spin(PAUSE)
            desk.viewer.layers.selection.active.add(point)
            desk.spin(PAUSE)
    for row in range(5):
        widget.controls.table.selectRow(row)
        desk.spin(PAUSE)


def deformation(desk: Any) -> None:
    """Register by B-splines and show each view of the deformation."""
    run_bspline(desk)
    widget = desk.open("Deformation")
    desk.begin_to_watch()
    for view in ("vectors", "grid", "magnitude", "jacobian"):
        widget.views.tick(view)
        desk.spin(0.5)
        desk.wait(lambda: not widget.is_busy())
        desk.spin(0.5)


def attempts(desk: Any) -> None:
    """Register twice, flip between the two attempts, delete one and bring it back."""
    _run(desk, "translation")
    widget = _run(desk, "rigid", desk.widget)
    for _ in range(4):
        widget.attempts.flip.click()
        desk.spin(0.5)
    widget.attempts.delete.click()
    desk.spin(1)
    widget.attempts.undo.click()
    desk.spin(1)


def orthogonal(desk: Any) -> None:
    """Open orthogonal views and go through slices and places."""
    widget = desk.open("Orthogonal views")
    desk.begin_to_watch()
    scroll(desk)
    for at in np.linspace(0.3, 0.7, 10):
        widget.jump_to(at * np.array(desk.size_xyz[::-1], float))
        desk.spin(0.1)


def _run(desk: Any, recipe: str, widget: Any = None) -> Any:
    from napari_coreg import load_preset  # noqa: PLC0415 - napari first

    if widget is None:
        widget = desk.widget = desk.open("Register volumes")
        desk.begin_to_watch()  # opening a dock has a row of its own
    widget.recipe.set_recipe(load_preset(recipe))
    desk.spin(0.5)
    widget.run()
    desk.wait(lambda: not widget.is_running())
    desk.spin(1)
    return widget


INTERACTIONS: dict[str, Callable[[Any], None]] = {
    "napari: scroll through two layers": scroll,
    "napari: add and remove two images": add_two_images,
    "open all dock widgets, one by one": open_docks,
    "a rigid run, with preview": run_rigid,
    "a B-spline run, with preview": run_bspline,
    "align by hand: begin, drag, end": align,
    "compare: five modes, sliders, end": compare,
    "landmarks: set five pairs, look at each": landmarks,
    "deformation: a run, then four views": deformation,
    "attempts: two runs, flip, delete, undo": attempts,
    "orthogonal views: open, scroll, jump": orthogonal,
}
HANDS: dict[str, tuple[Callable[[Any], Iterator[Callable[[int], None]]], tuple[str, ...]]] = {
    "align by hand": (aligning, ("move", "turn")),
    "compare": (comparing, ("checkerboard", "wipe", "blend", "contours", "flip of a difference")),
}
