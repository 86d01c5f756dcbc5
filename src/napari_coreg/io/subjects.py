"""A registration to judge, read from files: volumes, transform, and what else is known of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.geometry import require_scalars
from napari_coreg.core.preflight.values import alike_neighbours
from napari_coreg.core.quality.subject import Landmarks, Subject
from napari_coreg.core.register import fingerprint
from napari_coreg.errors import CoregError, FileError, VolumeError
from napari_coreg.io.label_names import read_label_names
from napari_coreg.io.point_pairs import read_point_pairs
from napari_coreg.io.recorded_inputs import find_volume, said
from napari_coreg.io.records import RECORD, TRANSFORM, load_record, load_transform
from napari_coreg.io.saved_result import load_result
from napari_coreg.io.volumes import read_volume

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_coreg.core.result import RegistrationResult
    from napari_coreg.io.loaded import LoadedVolume

AnyPath = str | Path
_ALIKE = 0.25  # of neighbours in labels more share their value (of atlases at 1 mm 0.8 and more), in images fewer
_FEW = 64  # so many different values may be labels, however they lie


def read_subject(  # noqa: PLR0913 - all but the first three by keyword
    fixed: AnyPath | None,
    moving: AnyPath | None,
    transform: AnyPath | None,
    *,
    fixed_volume: int | str | None = None,
    moving_volume: int | str | None = None,
    fixed_mask: AnyPath | None = None,
    moving_mask: AnyPath | None = None,
    fixed_labels: AnyPath | None = None,
    moving_labels: AnyPath | None = None,
    label_names: AnyPath | None = None,
    fixed_points: AnyPath | None = None,
    moving_points: AnyPath | None = None,
    backward: AnyPath | None = None,
    to_third: AnyPath | None = None,
    from_third: AnyPath | None = None,
) -> Subject:
    """Read what is to be judged.

    Parameters
    ----------
    fixed, moving : path or None
        The volumes. Where both are None, they are those that the result folder `transform` was made of; they must not
        have changed since.
    transform : path or None
        A transform file (fixed -> moving, LPS mm) or the folder of a result; None for the volumes as they lie.
    fixed_volume, moving_volume : int or str, optional
        Which one, where a file or folder holds several.
    fixed_mask, moving_mask : path, optional
        Where to look; those of the result folder, where there are any, when not given.
    fixed_labels, moving_labels : path, optional
        Volumes of labels; the fixed ones alone give the motion of each structure.
    label_names : path, optional
        Names of the labels: see `read_label_names`.
    fixed_points, moving_points : path, optional
        Landmarks, both or none; paired as by `read_point_pairs`.
    backward : path, optional
        A transform or result of the registration the other way round, moving -> fixed.
    to_third, from_third : path, optional
        Transforms or results, fixed -> a third volume and that -> moving, both or none.

    Returns
    -------
    Subject
        With what the files told in its `notes`.

    Raises
    ------
    CoregError
        If a file cannot be read, one of two is missing, or a volume of a result folder has changed; says which.
    """
    for one, other, words in (
        (fixed, moving, "the fixed and the moving volume"),
        (fixed_points, moving_points, "landmarks of both volumes (--fixed-points and --moving-points)"),
        (to_third, from_third, "both transforms of the way by a third volume (--to-third and --from-third)"),
    ):
        if (one is None) != (other is None):
            raise CoregError(f"give {words}, or neither")
    if moving_labels is not None and fixed_labels is None:
        raise CoregError("give --fixed-labels, too: labels of the moving volume alone have nothing to lie on")
    reading = _Reading(None if transform is None else Path(transform).expanduser())
    volumes = {
        "fixed": reading.volume("fixed", fixed, fixed_volume),
        "moving": reading.volume("moving", moving, moving_volume),
    }
    masks = {
        role: reading.mask(role, path) for role, path in (("fixed_mask", fixed_mask), ("moving_mask", moving_mask))
    }
    found = load_transform(transform) if transform is not None else None
    identity = sitk.Transform(volumes["fixed"].GetDimension(), sitk.sitkIdentity)
    result = reading.result(volumes["fixed"], volumes["moving"])
    return Subject(
        **volumes,
        **masks,
        transform=identity if found is None else found,
        fixed_labels=reading.labels("fixed_labels", fixed_labels),
        moving_labels=reading.labels("moving_labels", moving_labels),
        label_names={} if label_names is None else read_label_names(reading.kept_file("label_names", label_names)),
        landmarks=reading.landmarks(fixed_points, moving_points),
        backward=reading.other_transform("backward", backward),
        to_third=reading.other_transform("to_third", to_third),
        from_third=reading.other_transform("from_third", from_third),
        recipe=None if result is None else result.recipe,
        result=result,
        inputs=reading.inputs,
        notes=tuple(reading.notes),
    )


@dataclass
class _Reading:
    """Reads one thing after the other, and keeps where each came from and what it told."""

    transform: Path | None
    notes: list[str] = field(default_factory=list)
    inputs: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.record: dict[str, Any] = {}
        if self.transform is not None:
            if not self.transform.exists():
                raise FileError(f"{self.transform}: does not exist")
            self.kept_file("transform", self.transform)
            if (self.transform / RECORD).is_file():
                self.record = load_record(self.transform)

    def volume(self, role: str, path: AnyPath | None, which: int | str | None) -> sitk.Image:
        """Return the fixed or moving volume; where no path is given, as the record of the result tells."""
        if path is not None:
            return self._kept(role, read_volume(path, which))
        if not self.record:
            raise CoregError(
                f"the {said(role)} is not given, and {self.transform or 'no transform'} is not the folder of a "
                "result that tells it; give FIXED and MOVING"
            )
        image = self._of_record(role)
        known = self.record.get("fingerprints", {}).get(role)
        if known is not None and known != fingerprint(image):
            raise FileError(
                f"{self.inputs[role]['path']}: is not the {said(role)} that was registered any more: its voxels or "
                "its place in space have changed since; give FIXED and MOVING to measure with other volumes"
            )
        return image

    def mask(self, role: str, path: AnyPath | None) -> sitk.Image | None:
        """Return a mask that is given, else that of the record, if there is one and it is there."""
        if path is not None:
            return self._kept(role, read_volume(path))
        if role not in self.record.get("inputs", {}):
            return None
        try:
            return self._of_record(role)
        except CoregError as error:
            self.notes.append(f"the {said(role)} of the run could not be read ({error}), and is not used")
            return None

    def labels(self, role: str, path: AnyPath | None) -> sitk.Image | None:
        if path is None:
            return None
        image = self._kept(role, read_volume(path))
        require_scalars(image, str(path))
        values = sitk.GetArrayViewFromImage(image)
        if alike_neighbours(values) < _ALIKE and len(np.unique(values)) > _FEW:
            raise VolumeError(
                f"{path}: looks like an image, not like labels of structures: neighbouring voxels seldom "
                "share a value; give a volume of whole numbers, one for each structure"
            )
        return image

    def other_transform(self, role: str, path: AnyPath | None) -> sitk.Transform | None:
        return None if path is None else load_transform(self.kept_file(role, path))

    def kept_file(self, role: str, path: AnyPath) -> Path:
        """Note where something came from that is no volume, with the SHA-256 of its file, and return its path."""
        path = Path(path).expanduser()
        file = path / TRANSFORM if path.is_dir() else path
        self.inputs[role] = {"path": str(path.absolute()), "name": path.name}
        if file.is_file():
            self.inputs[role] = {**self.inputs[role], "sha256": _fingerprint_of(file)}
        return path

    def landmarks(self, fixed: AnyPath | None, moving: AnyPath | None) -> Landmarks | None:
        if fixed is None or moving is None:
            return None
        pairs = read_point_pairs(fixed, moving)
        for role, path in (("fixed_points", fixed), ("moving_points", moving)):
            self.kept_file(role, path)
        self.notes.append(f"{len(pairs.names)} pairs of landmarks, paired by {pairs.paired_by}")
        if pairs.left_out:
            self.notes.append(f"landmarks that stand in one file only, left out: {', '.join(pairs.left_out)}")
        return Landmarks(pairs.fixed_points_lps, pairs.moving_points_lps, pairs.names)

    def result(self, fixed: sitk.Image, moving: sitk.Image) -> RegistrationResult | None:
        if not self.record or self.transform is None:
            return None
        return load_result(self.transform).with_volumes(fixed, moving)

    def _of_record(self, role: str) -> sitk.Image:
        assert self.transform is not None
        image, volume = find_volume(self.record, self.transform, role, hint="give FIXED and MOVING")
        self._kept(role, volume)
        return image

    def _kept(self, role: str, volume: LoadedVolume) -> sitk.Image:
        self.inputs[role] = {
            "path": str(volume.path.expanduser().absolute()),
            "name": volume.name,
            "modality": volume.modality or "",
        }
        self.notes += [f"{role.replace('_', ' ')} ({volume.name}): {note}" for note in volume.notes]
        return volume.image


def _fingerprint_of(file: Path) -> str:
    """Return the SHA-256 of a file's bytes, as "sha256:<hex>"."""
    try:
        with file.open("rb") as opened:
            return f"sha256:{hashlib.file_digest(opened, 'sha256').hexdigest()}"
    except OSError as error:
        raise FileError(f"{file}: cannot be read: {error.strerror}") from error
