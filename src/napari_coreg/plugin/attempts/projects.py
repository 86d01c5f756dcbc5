"""A viewer's attempts and project folders as functions, for napari's console and for scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_coreg.attempts import Attempt
from napari_coreg.io.project import read_project, write_project
from napari_coreg.plugin.attempts.layers import layers_of_attempts
from napari_coreg.session import session_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_coreg.attempts import Attempts
    from napari_coreg.io.project import Project


def attempts_of(viewer: Any) -> Attempts:
    """Return the finished runs of a viewer, to be shown, renamed, deleted and brought back.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose.

    Returns
    -------
    Attempts
        The viewer's layers follow what is done with them.

    Examples
    --------
    In napari's console::

        from napari_coreg import attempts_of
        attempts = attempts_of(viewer)
        for attempt in attempts:
            print(attempt.name, attempt.result.recipe.name, attempt.result.metric_after)
        attempts.show(attempts["Run 1"])
    """
    layers_of_attempts(viewer)
    return session_of(viewer).attempts


def save_project(viewer: Any, folder: str | Path, *, registered: bool = False) -> Path:
    """Write a viewer's attempts into a project folder, or bring an existing one up to date.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose attempts.
    folder : str or Path
        A new or empty folder, or a project that this viewer has saved or opened.
    registered : bool
        Whether to write the registered volumes, too. They are as large as the fixed volume, and can be made again.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    FileError
        If it cannot be written, or holds something else; an older project in it stays whole then.
    """
    return saving(viewer, folder, registered=registered)()


def open_project(viewer: Any, folder: str | Path) -> tuple[Attempt, ...]:
    """Read a project folder back: its attempts join those of the viewer, and the one that was shown is shown.

    Its volumes are looked for among the layers, by their voxels first, and then opened from the files they came from.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the attempts go.
    folder : str or Path
        As `save_project` wrote it.

    Returns
    -------
    tuple of Attempt
        Those that were added; those that are there already are left as they are.

    Raises
    ------
    FileError
        If it is no project, or nothing in it can be read.
    """
    return opened(viewer, read_project(folder))


def saving(viewer: Any, folder: str | Path, *, registered: bool = False) -> Callable[[], Path]:
    """Return what writes the attempts as they are now; it may be called in any thread."""
    attempts = attempts_of(viewer)
    records = tuple(attempts)
    shown = None if attempts.current is None else attempts.current.key
    known = attempts.known_keys

    def save() -> Path:
        return write_project(records, folder, shown=shown, known=known, registered=registered)

    return save


def opened(viewer: Any, project: Project) -> tuple[Attempt, ...]:
    """Add the attempts of a project to those of the viewer, and show the one that was shown."""
    attempts = attempts_of(viewer)
    there = {attempt.key for attempt in attempts}
    new = tuple(Attempt(**vars(record)) for record in project.attempts if record.key not in there)
    for attempt in new:
        attempts.add(attempt, show=False)
    if new:
        attempts.show(next((attempt for attempt in new if attempt.key == project.shown), new[-1]))
    return new
