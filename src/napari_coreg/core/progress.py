"""What a run tells while it runs, and the three callables it accepts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import SimpleITK as sitk


@dataclass(frozen=True, slots=True)
class Progress:
    """One moment of a run.

    Attributes
    ----------
    stage, number_of_stages : int
        Which stage runs (from 0), of how many; -1 in a search, check or preparation.
    stage_kind : str
        "translation", "rigid", "similarity", "affine" or "bspline"; "search" while the start is searched,
        "check" while all poses are searched to judge the result, "preparation" while something else takes time, which
        `message` names.
    level, number_of_levels : int
        Which level of the stage's pyramid (from 0, coarse to fine), of how many; which part of a search or check.
    iteration : int
        Iteration of the optimizer within the level, from 1; 0 in a search, check or preparation.
    metric_value : float
        What the optimizer makes smaller: the metric, and what a deformation costs; NaN in a preparation; in a
        search or check the negative score of the best pose so far. Values of different levels do not compare.
    fraction : float
        Estimated part of the whole run that is done, 0 to 1, never falling.
    seconds : float
        Time since the run began, without the time for which it was held.
    message : str
        Something a person should know, else empty.
    current_transform : callable
        Returns a copy of the transform (fixed -> moving) as it stands; call it from within `on_progress` only.
    """

    stage: int
    number_of_stages: int
    stage_kind: str
    level: int
    number_of_levels: int
    iteration: int
    metric_value: float
    fraction: float
    seconds: float
    message: str = ""
    current_transform: Callable[[], sitk.Transform] | None = field(default=None, repr=False, compare=False)


#: Called at every iteration, in the thread of the run.
OnProgress = Callable[[Progress], None]

#: Asked at every iteration, in the thread of the run: True ends it with `RegistrationCancelled`. As long as it does not
#: answer, the run is paused: it uses no processor then, and that time counts nowhere.
IsCancelled = Callable[[], bool]

#: Asked after `IsCancelled`, as long as that says no: True ends the run with a result made of what there is. It may be
#: False again later; once is enough. It may take its time to answer, too.
IsEnough = Callable[[], bool]
