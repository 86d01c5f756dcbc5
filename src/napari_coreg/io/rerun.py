"""rerun(): a result folder in, the same run once more, and how far its transform is from the one that was saved."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_coreg.core.geometry import Grid
from napari_coreg.core.plain_transforms import transform_fingerprint
from napari_coreg.core.register import register, versions_now
from napari_coreg.core.slabs import coarse_grid
from napari_coreg.core.threads import limited_threads
from napari_coreg.core.transforms import displacements
from napari_coreg.errors import FileError
from napari_coreg.io.quiet import quiet_itk
from napari_coreg.io.recorded_inputs import find_inputs
from napari_coreg.io.saved_result import load_result

if TYPE_CHECKING:
    from collections.abc import Mapping

    import SimpleITK as sitk

    from napari_coreg.core.progress import IsCancelled, OnProgress
    from napari_coreg.core.recipe import Recipe
    from napari_coreg.core.result import RegistrationResult
    from napari_coreg.io.saved_result import SavedResult

WITHIN_MM = 0.01
_MOST_POINTS = 1_000_000  # at which two transforms are compared; of larger volumes, voxels evenly spread


@dataclass(frozen=True, eq=False)
class Repetition:
    """A recorded run that is ready to be run again: its inputs are found, and are the ones that were registered.

    Attributes
    ----------
    saved : SavedResult
        What the folder holds.
    images : dict of str to SimpleITK.Image
        "fixed", "moving", and the masks there were.
    initial_transform : SimpleITK.Transform or None
        Where the run began.
    inputs : dict
        Where each came from, for the new record.
    threads : int
        As recorded, or as asked for.
    notes : tuple of str
        What may make a difference, and what could not be checked.
    """

    saved: SavedResult
    images: dict[str, sitk.Image]
    initial_transform: sitk.Transform | None
    inputs: dict[str, dict[str, Any]]
    threads: int
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Rerun:
    """What came of a run that was repeated.

    Attributes
    ----------
    result : RegistrationResult
        The new one.
    is_identical : bool
        Whether its transform is that of the saved one, bit for bit.
    mean_mm, maximum_mm : float
        How far apart the two transforms put the voxels of the fixed volume, mm.
    notes : tuple of str
        What made, or may have made, the difference.
    """

    result: RegistrationResult
    is_identical: bool
    mean_mm: float
    maximum_mm: float
    notes: tuple[str, ...]

    def __str__(self) -> str:
        if self.is_identical:
            return "identical, bit for bit"
        return f"differs by {self.mean_mm:.2g} mm on average, {self.maximum_mm:.2g} mm at most"

    def is_within(self, within_mm: float = WITHIN_MM) -> bool:
        """Whether the transform is the same, or nowhere in the fixed volume further off than this, mm."""
        return self.is_identical or self.maximum_mm <= within_mm


def rerun(
    folder: str | Path,
    *,
    fixed: str | Path | None = None,
    moving: str | Path | None = None,
    fixed_mask: str | Path | None = None,
    moving_mask: str | Path | None = None,
    initial: str | Path | None = None,
    threads: int | None = None,
    anyway: bool = False,
    on_progress: OnProgress | None = None,
    is_cancelled: IsCancelled | None = None,
) -> Rerun:
    """Repeat the run of a result folder from its record, and say whether the same comes of it; nothing is written.

    Parameters
    ----------
    folder : str or Path
        As `save_result` wrote it, of this version or an earlier one.
    fixed, moving, fixed_mask, moving_mask, initial : str or Path, optional
        Where the files are, if not where the record says or, seen from the folder, where they were then.
    threads : int, optional
        As recorded, when not given.
    anyway : bool
        Whether to run, too, where a file is not the one that was registered.
    on_progress, is_cancelled : callable, optional
        As in `register`.

    Raises
    ------
    FileError
        If the folder is no result, or a file is missing or, by its fingerprint, another one.
    CoregError
        As `register`.

    Examples
    --------
    ::

        from napari_coreg import rerun
        again = rerun("out")
        print(again)  # identical, bit for bit
        again.result.save("out-again")
    """
    places = {"fixed": fixed, "moving": moving, "fixed_mask": fixed_mask, "moving_mask": moving_mask}
    given = {role: path for role, path in {**places, "initial": initial}.items() if path is not None}
    with quiet_itk():
        again = prepare(folder, given, threads, anyway=anyway)
        with limited_threads(again.threads):
            result = register(
                again.images["fixed"],
                again.images["moving"],
                again.saved.recipe,
                fixed_mask=again.images.get("fixed_mask"),
                moving_mask=again.images.get("moving_mask"),
                initial_transform=again.initial_transform,
                on_progress=on_progress,
                is_cancelled=is_cancelled,
                threads=again.threads,
                check_swap=again.saved.check_swap,
            )
    return compared(again, result)


def prepare(
    folder: str | Path, given: Mapping[str, str | Path], threads: int | None = None, *, anyway: bool = False
) -> Repetition:
    """Read a result folder and find its inputs, before anything is run; see `rerun`.

    Raises
    ------
    FileError
        If the folder is no result, or a file is missing or another one.
    """
    folder = Path(folder).expanduser()
    saved = load_result(folder)
    found = find_inputs(saved.record, folder, given)
    if found.others and not anyway:
        raise FileError(f"{'; '.join(found.others)}; add --anyway (anyway=True) to run with it all the same")
    threads = saved.threads if threads is None else threads
    notes = (*found.others, *found.notes, *_differences(saved, threads))
    return Repetition(saved, found.images, found.initial_transform, found.inputs, threads, notes)


def compared(again: Repetition, result: RegistrationResult) -> Rerun:
    """Hold the new result against the saved one; it gets the record of where its inputs came from."""
    saved = again.saved
    is_identical = transform_fingerprint(result.transform) == transform_fingerprint(saved.transform)
    mean_mm, maximum_mm = (0.0, 0.0)
    if not is_identical:
        mean_mm, maximum_mm = distance_mm(saved.transform, result.transform, Grid.of(result.fixed))
    return Rerun(replace(result, inputs=again.inputs), is_identical, mean_mm, maximum_mm, again.notes)


def distance_mm(first: sitk.Transform, second: sitk.Transform, grid: Grid) -> tuple[float, float]:
    """Return how far apart two transforms put the voxels of a grid, on average and at most, mm.

    Of a large grid, a million voxels evenly spread are looked at, and its corners.

    Examples
    --------
    >>> import SimpleITK as sitk
    >>> grid = Grid((4, 4), (1.0, 1.0), (0.0, 0.0), (1.0, 0.0, 0.0, 1.0))
    >>> distance_mm(sitk.TranslationTransform(2), sitk.TranslationTransform(2, (3.0, 4.0)), grid)
    (5.0, 5.0)
    """
    voxels = coarse_grid(grid, _MOST_POINTS)[0]
    apart = np.linalg.norm(displacements(second, voxels) - displacements(first, voxels), axis=-1)
    corners = [
        np.subtract(second.TransformPoint(corner), first.TransformPoint(corner)) for corner in grid.corners_lps.tolist()
    ]
    return float(apart.mean()), float(max(apart.max(), np.linalg.norm(corners, axis=1).max()))


def _differences(saved: SavedResult, threads: int) -> tuple[str, ...]:
    """Return what is not as it was, and what speaks against the same to the last bit even where all is."""
    notes = []
    now = versions_now()
    for name in {**saved.versions, **now}:
        then = saved.versions.get(name)
        if then is not None and then != now.get(name):
            notes.append(f"{name} was {then}, and is {now.get(name, 'not there')}")
    if threads != saved.threads:
        notes.append(f"the run had {saved.threads or 'as many threads as suit each stage'}, and has {threads} threads")
    if saved.ended_early:
        notes.append(
            f"the run was ended before its time ({saved.ended_early}), so it cannot be repeated exactly; this one goes "
            "to its end"
        )
    if not _is_exact(saved.recipe, threads):
        notes.append(
            "several of ITK's threads add up the metric in an order that differs from run to run, so the last digits "
            "may differ; --threads 1 repeats bit for bit"
        )
    return tuple(notes)


def _is_exact(recipe: Recipe, threads: int) -> bool:
    """Whether the same run gives the same to the last bit: one thread for ITK, any number for our own B-splines."""
    engines = {getattr(stage, "engine", "simpleitk") for stage in recipe.stages if stage.kind == "bspline"}
    has_linear = any(stage.kind != "bspline" for stage in recipe.stages)
    return not ((has_linear and threads > 1) or ("simpleitk" in engines and threads != 1))
