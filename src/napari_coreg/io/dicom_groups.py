"""Which DICOM slices belong to one volume: same series, same orientation and pixels, no place twice."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_coreg.io.dicom_header import MARKS, Slice
from napari_coreg.io.loaded import plural

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray

_SAME_COSINES = 1e-3
_SAME_SPACING = 1e-3  # part of the spacing
_SAME_PLACE = 0.02  # part of the slice spacing


@dataclass(frozen=True, eq=False)
class Group:
    """The slices of one volume.

    Attributes
    ----------
    name : str
        The series' description and number, and what tells the volume from others of the series.
    slices : tuple of Slice
        In the order in which they were found.
    notes : tuple of str
        How the series was divided.
    """

    name: str
    slices: tuple[Slice, ...]
    notes: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """Its size in words."""
        rows, columns = self.slices[0].shape
        return f"{plural(len(self.slices), 'slice')} of {columns} x {rows}"

    @property
    def positions_lps(self) -> NDArray[np.float64] | None:
        """Centres of the slices' first pixels, shape (N, 3), mm; None where they have none."""
        found = [part.position_lps for part in self.slices if part.position_lps is not None]
        return np.array(found) if len(found) == len(self.slices) else None


def split(slices: Sequence[Slice]) -> list[Group]:
    """Divide slices into volumes, in the order of their series numbers."""
    series: dict[Hashable, list[Slice]] = defaultdict(list)
    for part in slices:
        series[str(part.header.get("SeriesInstanceUID") or part.path)].append(part)
    ordered = sorted(series.values(), key=_series_order)
    return [volume for members in ordered for volume in _volumes_of_series(members)]


def _series_order(members: list[Slice]) -> tuple[float, str]:
    header = members[0].header
    number = header.get("SeriesNumber")
    return (float("inf") if number is None else float(number), str(header.get("SeriesInstanceUID")))


def _volumes_of_series(members: list[Slice]) -> list[Group]:
    header = members[0].header
    title = str(header.get("SeriesDescription") or header.get("Modality") or "image").strip()
    number = header.get("SeriesNumber")
    name = title if number is None else f"{title} (series {number})"
    grids = _by_grid(members)
    volumes: list[Group] = []
    for index, grid in enumerate(grids):
        note = (f"The series holds {len(grids)} grids (orientations or pixel sizes); each is a volume of its own.",)
        label = name if len(grids) == 1 else f"{name}, grid {index + 1}"
        found = _by_place(Group(label, tuple(grid)))
        volumes += found if len(grids) == 1 else [replace(one, notes=(*one.notes, *note)) for one in found]
    return volumes


def _by_grid(members: list[Slice]) -> list[list[Slice]]:
    grids: list[list[Slice]] = []
    for part in members:
        home = next((grid for grid in grids if _same_grid(grid[0], part)), None)
        if home is None:
            grids.append([part])
        else:
            home.append(part)
    return grids


def _same_grid(a: Slice, b: Slice) -> bool:
    if a.direction is None or b.direction is None:
        return False  # images without a place stand alone
    return (
        a.shape == b.shape
        and bool(np.allclose(a.direction, b.direction, rtol=0, atol=_SAME_COSINES))
        and bool(np.allclose(a.spacing_xy, b.spacing_xy, rtol=_SAME_SPACING, atol=0))
    )


def _by_place(group: Group) -> list[Group]:
    """Divide slices of one grid so that no place along the normal comes twice in a volume."""
    places = _places(group)
    if len(set(places)) == len(places):
        return [group]
    parts = [(group.name, list(range(len(places))))]
    for keyword, word in MARKS.items():
        parts = [one for part in parts for one in _by_mark(group, places, part, keyword, word)]
    parts = [one for part in parts for one in _by_turn(group, places, part)]
    note = (
        f"The series holds {len(parts)} volumes at the same place; this is one of them.",
        "Slices that nothing in the header tells apart were taken in the order of their instance numbers.",
    )
    by_turn = any(", copy " in name for name, _ in parts)
    notes = (*group.notes, *(note if by_turn else note[:1]))
    return [Group(name, tuple(group.slices[i] for i in members), notes) for name, members in parts]


def _places(group: Group) -> list[int]:
    """Return a number for each slice, equal for slices at the same place along the normal."""
    positions, direction = group.positions_lps, group.slices[0].direction
    if positions is None or direction is None or len(positions) == 1:
        return list(range(len(group.slices)))
    z = positions @ direction[:, 2]
    order = np.argsort(z, kind="stable")
    gaps = np.diff(z[order])
    real = gaps[gaps > 1e-3]
    apart = gaps > _SAME_PLACE * (float(np.median(real)) if real.size else 1.0)
    places = np.empty(len(z), int)
    places[order] = np.concatenate([[0], np.cumsum(apart)])
    return [int(place) for place in places]


def _by_mark(
    group: Group, places: list[int], part: tuple[str, list[int]], keyword: str, word: str
) -> list[tuple[str, list[int]]]:
    """Divide a part by a keyword's values, if each value then covers at least half of the part's places."""
    name, members = part
    covered = {places[i] for i in members}
    if len(covered) == len(members):
        return [part]
    by_value: dict[str, list[int]] = defaultdict(list)
    for i in members:
        by_value[group.slices[i].marks.get(keyword, "none")].append(i)
    fills = all(2 * len({places[i] for i in some}) >= len(covered) for some in by_value.values())
    if len(by_value) < 2 or not fills:
        return [part]
    return [(f"{name}, {word} {value}", by_value[value]) for value in sorted(by_value, key=_by_size)]


def _by_turn(group: Group, places: list[int], part: tuple[str, list[int]]) -> list[tuple[str, list[int]]]:
    """Deal out slices that no keyword tells apart, by instance number: the first at each place, the second, ..."""
    name, members = part
    turns: dict[int, list[int]] = defaultdict(list)
    dealt: dict[int, int] = defaultdict(int)
    for i in sorted(members, key=lambda i: _instance(group.slices[i])):
        turns[dealt[places[i]]].append(i)
        dealt[places[i]] += 1
    if len(turns) == 1:
        return [part]
    return [(f"{name}, copy {turn + 1}", turns[turn]) for turn in sorted(turns)]


def _instance(part: Slice) -> tuple[int, int]:
    return int(part.header.get("InstanceNumber") or 0), part.frame or 0


def _by_size(value: str) -> tuple[float, str]:
    try:
        return float(value), value
    except ValueError:
        return float("inf"), value
