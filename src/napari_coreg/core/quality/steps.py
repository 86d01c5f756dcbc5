"""The steps of an assessment: what is done now, how far all is, and whether to go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_coreg.errors import RegistrationCancelled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from napari_coreg.core.progress import IsCancelled


class Steps:
    """Tells of the steps of an assessment.

    Parameters
    ----------
    costs : mapping of str to float
        What is to be done, in words, in order, and about how long it takes, in any unit.
    on_step : callable, optional
        Called with the words and the part of all that is done, 0 to 1.
    is_cancelled : callable, optional
        Asked at each step.
    """

    def __init__(
        self,
        costs: Mapping[str, float],
        on_step: Callable[[str, float], None] | None,
        is_cancelled: IsCancelled | None,
    ) -> None:
        self._costs = dict(costs)
        self._on_step, self._is_cancelled = on_step, is_cancelled
        self._words, self._done, self._told = "", 0.0, 0.0

    def begin(self, words: str) -> None:
        """Begin a step.

        Raises
        ------
        RegistrationCancelled
            If that was asked for.
        """
        if self._is_cancelled is not None and self._is_cancelled():
            raise RegistrationCancelled("measuring the registration was cancelled")
        names = list(self._costs)
        self._words, self._done = words, sum(self._costs[name] for name in names[: names.index(words)])
        self.tell(0.0)

    def tell(self, part: float) -> None:
        """Tell which part of the step is done, 0 to 1."""
        whole = (self._done + min(1.0, max(0.0, part)) * self._costs.get(self._words, 0.0)) / sum(self._costs.values())
        self._told = max(self._told, whole)
        if self._on_step is not None:
            self._on_step(self._words, self._told)

    def end(self) -> None:
        """Tell that all is done."""
        if self._on_step is not None:
            self._on_step("done", 1.0)
