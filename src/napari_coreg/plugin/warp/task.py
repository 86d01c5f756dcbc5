"""Warps layers one after the other, off the GUI's thread or in it, and sums up how near everything comes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal

from napari_coreg.errors import RegistrationCancelled
from napari_coreg.plugin.layers import make_layer
from napari_coreg.plugin.warp.carry import Accuracy, Carrier
from napari_coreg.plugin.warp.layers import Taken, warped
from napari_coreg.plugin.worker import TaskSignals, TaskWorker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_coreg.core.progress import IsCancelled
    from napari_coreg.core.recipe import Interpolator
    from napari_coreg.plugin.warp.way import Way


@dataclass(frozen=True, eq=False)
class Carried:
    """The layers on the other side, ready made, in the order in which they were given, and how near they come."""

    layers: tuple[Any, ...]
    accuracies: tuple[Accuracy, ...]
    way: Way


def carry(
    taken: Sequence[Taken],
    way: Way,
    *,
    interpolator: Interpolator = "linear",
    on_step: Callable[[str, float], None] | None = None,
    is_cancelled: IsCancelled | None = None,
) -> Carried:
    """Warp layers that were read by `take`; for any thread.

    Parameters
    ----------
    taken : sequence of Taken
        For this way.
    way : Way
        From where to where.
    interpolator : {"nearest", "linear", "bspline", "windowed_sinc"}
        For images.
    on_step : callable, optional
        Called with what is done now, in words, and the part of all that is done, 0 to 1.
    is_cancelled : callable, optional
        Asked between layers, and while an inverse is found.

    Raises
    ------
    CoregError
        As `warped`, RegistrationCancelled included.
    """
    carrier = Carrier(way)
    layers, accuracies = [], []
    for index, one in enumerate(taken):
        if is_cancelled is not None and is_cancelled():
            raise RegistrationCancelled("warping was cancelled")

        def tell(part: float, words: str = "Finding the inverse", done: int = index) -> None:
            if on_step is not None:
                on_step(f"{words}...", (done + part) / len(taken))

        tell(0.0, f"Warping {one.name}")
        made = warped(one, carrier, interpolator=interpolator, on_fraction=tell, is_cancelled=is_cancelled)
        layers.append(make_layer(made.data))
        accuracies.append(made.accuracy)
    return Carried(tuple(layers), tuple(accuracies), way)


class _CarrySignals(TaskSignals):
    stepped = Signal(str, float)
    cancelled = Signal()


class CarryWorker(TaskWorker):
    """Warps layers in a worker thread; `returned` carries a `Carried`, ``quit()`` cancels.

    Parameters
    ----------
    taken, way, interpolator
        As for `carry`.
    """

    def __init__(self, taken: Sequence[Taken], way: Way, interpolator: Interpolator) -> None:
        super().__init__(partial(self._carry, taken, way, interpolator), _CarrySignals)

    def _carry(self, taken: Sequence[Taken], way: Way, interpolator: Interpolator) -> Carried | None:
        try:
            return carry(
                taken,
                way,
                interpolator=interpolator,
                on_step=self.stepped.emit,
                is_cancelled=lambda: bool(self.abort_requested),
            )
        except RegistrationCancelled:
            self.cancelled.emit()
            self.quit()  # so that `returned` is not emitted
            return None


def accuracy_in_words(carried: Carried) -> str:
    """Return how near what was carried comes, in one or two sentences."""
    found = [accuracy for accuracy in carried.accuracies if not accuracy.exact]
    missed = sum(accuracy.missed for accuracy in carried.accuracies)
    points = sum(accuracy.points for accuracy in carried.accuracies)
    if found:
        worst = max(accuracy.error_mm for accuracy in found)
        words = f"The inverse was found by iteration, accurate to {nearness(worst)}\N{NO-BREAK SPACE}mm."
    elif all(accuracy.exact for accuracy in carried.accuracies) and _needs_inverse(carried):
        words = "The inverse is exact."
    else:
        words = "The transform itself was followed."
    if missed:
        are = "is" if missed == 1 else "are"
        words += f" {missed} of {points} points {are} not trusted: nothing in the other volume maps there."
    return words


def nearness(error_mm: float) -> str:
    """Return a small error, rounded up to what is worth saying.

    Examples
    --------
    >>> nearness(0.0004), nearness(0.0234), nearness(0.7)
    ('0.001', '0.03', '0.7')
    """
    for step in (0.001, 0.01, 0.1):
        if error_mm <= 10 * step:
            digits = {0.001: 3, 0.01: 2, 0.1: 1}[step]
            return f"{max(1, -(-error_mm // step)) * step:.{digits}f}"
    return f"{error_mm:.0f}"


def _needs_inverse(carried: Carried) -> bool:
    """Whether any of the layers went by the inverse: images on the way back, all that has points on the way there."""
    is_volume = [not accuracy.points for accuracy in carried.accuracies]
    return any(volume == carried.way.inverse for volume in is_volume)
