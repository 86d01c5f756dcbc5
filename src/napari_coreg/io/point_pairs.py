"""Landmarks that were set in two volumes, from two files: which belongs to which."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from napari_coreg.errors import FileError
from napari_coreg.io.points import read_as_named

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["PointPairs", "read_point_pairs"]


@dataclass(frozen=True, eq=False)
class PointPairs:
    """Paired landmarks.

    Attributes
    ----------
    fixed_points_lps, moving_points_lps : array, shape (N, 3) or (N, 2)
        The same landmarks in the same order, LPS mm.
    names : tuple of str
        One for each landmark.
    paired_by : {"name", "order"}
        How it was found which belongs to which.
    left_out : tuple of str
        The names that stand in one of the files only.
    """

    fixed_points_lps: NDArray[np.float64]
    moving_points_lps: NDArray[np.float64]
    names: tuple[str, ...]
    paired_by: Literal["name", "order"]
    left_out: tuple[str, ...] = ()


def read_point_pairs(fixed_path: str | Path, moving_path: str | Path) -> PointPairs:
    """Read two files of landmarks and pair them: by name where both files share names, else by order.

    Parameters
    ----------
    fixed_path, moving_path : str or Path
        Files as `read_points` takes them; of any two formats and frames.

    Returns
    -------
    PointPairs
        In the order of the fixed file.

    Raises
    ------
    FileError
        If a file cannot be read; if a name stands twice in one of them, so that it is not known what is meant; or if
        they share no names and have different numbers of points.
    """
    fixed, fixed_names = read_as_named(fixed_path)
    moving, moving_names = read_as_named(moving_path)
    shared = (set(fixed_names) & set(moving_names)) - {""}
    if shared and fixed_names != moving_names:
        _require_unique(fixed_path, fixed_names, shared)
        _require_unique(moving_path, moving_names, shared)
        names = tuple(name for name in fixed_names if name in shared)
        return PointPairs(
            fixed_points_lps=fixed[[fixed_names.index(name) for name in names]],
            moving_points_lps=moving[[moving_names.index(name) for name in names]],
            names=names,
            paired_by="name",
            left_out=tuple(name or "(no name)" for name in (*fixed_names, *moving_names) if name not in shared),
        )
    if len(fixed) != len(moving):
        raise FileError(
            f"{fixed_path} has {len(fixed)} points and {moving_path} has {len(moving)}, and no name stands in both; "
            "name them alike, or give the same points in the same order"
        )
    either = [one or other for one, other in zip(fixed_names, moving_names, strict=True)]
    return PointPairs(
        fixed_points_lps=fixed,
        moving_points_lps=moving,
        names=tuple(name or str(number) for number, name in enumerate(either, 1)),
        paired_by="name" if len(shared) == len(fixed) else "order",
    )


def _require_unique(path: str | Path, names: tuple[str, ...], shared: set[str]) -> None:
    for name, times in Counter(names).items():
        if times > 1 and name in shared:
            raise FileError(f"{path}: the name '{name}' stands {times} times; give each point a name of its own")
