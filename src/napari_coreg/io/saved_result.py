"""A result as it was read back from its folder: all of it but the volumes."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_coreg.core import transforms
from napari_coreg.core.folding import Folding
from napari_coreg.core.geometry import Grid
from napari_coreg.core.preflight.findings import Finding
from napari_coreg.core.recipe import Recipe
from napari_coreg.core.result import Finished, LevelTrace, RegistrationResult
from napari_coreg.core.verdict import Verdict
from napari_coreg.errors import FileError, GeometryError, RecipeError
from napari_coreg.io.records import INITIAL, INVERSE, RECORD, load_record, load_transform
from napari_coreg.io.transforms import read_transform

if TYPE_CHECKING:
    from collections.abc import Mapping

    import SimpleITK as sitk

_STATES = ("good", "doubtful", "failed")


@dataclass(frozen=True, eq=False, kw_only=True)
class SavedResult(Finished):
    """A result without its volumes.

    Attributes
    ----------
    record : dict
        What result.json holds, as plain data, in the schema of this version.
    fixed_grid, moving_grid : Grid
        Where the voxels of the two volumes were, LPS mm.
    """

    fixed_grid: Grid
    moving_grid: Grid
    record: dict[str, Any]

    def to_record(self) -> dict[str, Any]:
        """Return what result.json held."""
        return dict(self.record)

    def with_volumes(self, fixed: sitk.Image, moving: sitk.Image) -> RegistrationResult:
        """Return the result as it was when the run ended.

        Parameters
        ----------
        fixed, moving : SimpleITK.Image
            The volumes that were registered; it is not checked that their voxels are the same.

        Raises
        ------
        GeometryError
            If the volumes have more or fewer axes than the transform.
        """
        n = self.transform.GetDimension()
        for image, role in ((fixed, "fixed"), (moving, "moving")):
            if image.GetDimension() != n:
                raise GeometryError(f"the {role} volume has {image.GetDimension()} axes, but the transform has {n}")
        shared = {item.name: getattr(self, item.name) for item in fields(Finished)}
        return RegistrationResult(**shared, fixed=fixed, moving=moving)


def load_result(folder: str | Path) -> SavedResult:
    """Read a result folder, as `save_result` wrote it, back; the registered volume and the field are not looked at.

    Raises
    ------
    FileError
        If a file is missing or cannot be read, the record is not one, or a later version wrote it.
    """
    folder = Path(folder).expanduser()
    record = load_record(folder)
    path = folder / RECORD
    transform = load_transform(folder)
    try:
        values = _values(record, path)
    except KeyError as error:
        raise FileError(f"{path}: is the record of a registration without {error}") from error
    except (TypeError, ValueError, AttributeError, RecipeError) as error:
        raise FileError(f"{path}: not a readable record of a registration ({error})") from error
    return SavedResult(
        **values,
        transform=transform,
        inverse_transform=_inverse(folder, transform),
        initial_transform=_initial(folder),
        record=record,
    )


def _inverse(folder: Path, transform: sitk.Transform) -> sitk.Transform | None:
    if (folder / INVERSE).exists():
        return read_transform(folder / INVERSE)
    return transforms.invert(transform) if transforms.is_linear(transform) else None


def _initial(folder: Path) -> sitk.Transform | None:
    return read_transform(folder / INITIAL) if (folder / INITIAL).exists() else None


def _values(record: Mapping[str, Any], path: Path) -> dict[str, Any]:
    if record["verdict"] not in _STATES:
        raise ValueError(f"the verdict {record['verdict']!r} is none of {', '.join(_STATES)}")
    folding = record.get("folding")
    measures = {str(name): _number(value) for name, value in record.get("verdict_measures", {}).items()}
    return {
        "recipe": Recipe.from_mapping(record["recipe"], str(path)),
        "trace": tuple(_level(level) for level in record.get("trace", ())),
        "metric_before": _number(record["metric_before"]),
        "metric_after": _number(record["metric_after"]),
        "folding": None if folding is None else Folding(**{name: float(value) for name, value in folding.items()}),
        "verdict": Verdict(record["verdict"], tuple(map(str, record.get("verdict_reasons", ()))), measures),
        "findings": tuple(Finding(**{**finding, "fix": None}) for finding in record.get("findings", ())),
        "initialization": str(record.get("initialization", "")),
        "notes": tuple(map(str, record.get("notes", ()))),
        "seconds": float(record.get("seconds", 0.0)),
        "threads": int(record.get("threads", 0)),
        "versions": {str(name): str(version) for name, version in record.get("versions", {}).items()},
        "fingerprints": {str(name): str(digest) for name, digest in record.get("fingerprints", {}).items()},
        "ended_early": str(record.get("ended_early", "")),
        "check_swap": bool(record.get("check_swap", False)),
        "time_limit": _number(record.get("time_limit")),
        "inputs": {str(role): dict(origin) for role, origin in record.get("inputs", {}).items()},
        "fixed_grid": _grid(record["fixed_grid"]),
        "moving_grid": _grid(record["moving_grid"]),
    }


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _level(level: Mapping[str, Any]) -> LevelTrace:
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in level.items()}
    metric = tuple(float("nan") if value is None else float(value) for value in values.pop("metric_values"))
    return LevelTrace(**values, metric_values=metric)


def _grid(grid: Mapping[str, Any]) -> Grid:
    size = tuple(int(n) for n in grid["size_xyz"])
    spacing, origin, direction = (tuple(float(x) for x in grid[name]) for name in _PLACES)
    return Grid(size, spacing, origin, direction)


_PLACES = ("spacing_xyz", "origin_lps", "direction")
