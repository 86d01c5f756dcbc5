"""From layers to what is judged: two volumes, the transform between them, and what else the viewer knows of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from napari_coreg.core.deformation import require_axes
from napari_coreg.core.geometry import Grid
from napari_coreg.core.quality.subject import Landmarks, Subject
from napari_coreg.errors import CoregError, GeometryError, VolumeError
from napari_coreg.plugin.deformation.source import require_result
from napari_coreg.plugin.landmarks.paired import paired_points
from napari_coreg.plugin.layers import LayerVolume, labels_from_layer, mask_from_layer, read_layer
from napari_coreg.plugin.origins import path_of
from napari_coreg.plugin.placement import displayed_matrix, move_between

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import SimpleITK as sitk

    from napari_coreg.core.result import RegistrationResult
    from napari_coreg.plugin.result_picker import ResultPicker

Role = Literal["fixed_labels", "moving_labels", "fixed_points", "moving_points", "fixed_mask", "moving_mask"]
ROLES: tuple[Role, ...] = (
    "fixed_labels",
    "moving_labels",
    "fixed_points",
    "moving_points",
    "fixed_mask",
    "moving_mask",
)


@dataclass(frozen=True, eq=False)
class Known:
    """A registration as the viewer knows it, read without a copy of its voxels.

    Attributes
    ----------
    name : str
        What was registered.
    transform : SimpleITK.Transform
        Fixed -> moving, LPS mm, between the volumes' own frames.
    fixed, moving : LayerVolume
        Where the volumes lie; their voxels, too, where there is no `result`.
    layers : tuple of layer
        The fixed and the moving layer, None for one that is not in the viewer.
    result : RegistrationResult or None
        Where the transform came with one; its volumes are the ones that were registered.
    transform_path : Path or None
        Where the transform was read from.
    """

    name: str
    transform: sitk.Transform
    fixed: LayerVolume
    moving: LayerVolume
    layers: tuple[Any, Any] = (None, None)
    result: RegistrationResult | None = None
    transform_path: Path | None = None


@dataclass(frozen=True, eq=False)
class Wanted:
    """What is to be measured, as it was read from layers; `subject` copies the voxels, and may take long."""

    known: Known
    volumes: Mapping[str, LayerVolume]
    label_names: Mapping[int, str]
    landmarks: Landmarks | None
    inputs: Mapping[str, Mapping[str, Any]] = field(repr=False)

    def subject(self) -> Subject:
        """Return it as the core knows it; any thread may do so."""
        known, images = self.known, {role: volume.to_image() for role, volume in self.volumes.items()}
        result = known.result
        return Subject(
            fixed=known.fixed.to_image() if result is None else result.fixed,
            moving=known.moving.to_image() if result is None else result.moving,
            transform=known.transform,
            fixed_mask=images.get("fixed_mask"),
            moving_mask=images.get("moving_mask"),
            fixed_labels=images.get("fixed_labels"),
            moving_labels=images.get("moving_labels"),
            label_names=dict(self.label_names),
            landmarks=self.landmarks,
            recipe=None if result is None else result.recipe,
            result=result,
            inputs=self.inputs,
        )


def known_to(viewer: Any, picker: ResultPicker) -> Known | None:
    """Return the registration that is chosen, or None.

    Raises
    ------
    CoregError
        As `known_by_layer` and `known_by_transform`.
    """
    if picker.transform is None:
        layer = picker.result.layer()
        return None if layer is None else known_by_layer(viewer, layer)
    fixed, moving = picker.fixed.layer(), picker.moving.layer()
    if fixed is None or moving is None:
        return None
    return known_by_transform(picker.transform, fixed, moving, picker.file_path)


def known_by_layer(viewer: Any, layer: Any) -> Known:
    """Return the registration that a registered layer carries.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Where the layers of its volumes may be.
    layer : layer
        Made by a run.

    Raises
    ------
    VolumeError
        The layer carries no result.
    GeometryError
        As `read_layer`.
    """
    result, made_by = require_result(layer)
    names = [str(made_by.get(side) or side) for side in ("fixed", "moving")]
    images = (result.fixed, result.moving)
    found = [_layer_of(viewer, name, Grid.of(image)) for name, image in zip(names, images, strict=True)]
    places = (read_layer(layer, min_voxels=1).moved, None)
    volumes = [
        LayerVolume(None, Grid.of(image), name, moved=place) if each is None else _volume_of(each, Grid.of(image))
        for each, image, name, place in zip(found, images, names, places, strict=True)
    ]
    return Known(names[1], result.transform, volumes[0], volumes[1], (found[0], found[1]), result)


def known_by_transform(transform: sitk.Transform, fixed: Any, moving: Any, path: Path | None = None) -> Known:
    """Return the registration that a transform makes of two layers.

    Parameters
    ----------
    transform : SimpleITK.Transform
        Fixed -> moving, LPS mm, between the frames of the layers' headers.
    fixed, moving : napari.layers.Image
        The volumes.
    path : Path, optional
        Where the transform was read from.

    Raises
    ------
    VolumeError, GeometryError
        As `read_layer`; also where the layers are one and the same, or the axes are not as many as the transform's.
    """
    if fixed is moving:
        raise VolumeError(f"{fixed.name!r} is chosen as fixed and as moving: choose two layers.")
    volumes = read_layer(fixed), read_layer(moving)
    for volume in volumes:
        require_axes(transform, volume.geometry)
    return Known(moving.name, transform, *volumes, (fixed, moving), transform_path=path)


def wanted(known: Known, extras: Mapping[Role, Any]) -> Wanted:
    """Read what else is known of a registration from layers; cheap, and the layers stay as they are.

    Parameters
    ----------
    known : Known
        The registration.
    extras : mapping of role to layer
        Labels, Points and masks; a role that is not there, or None, is not known.

    Raises
    ------
    VolumeError, GeometryError
        One sentence on a layer that cannot be used, or on one without which another tells nothing.
    """
    there = {role: layer for role, layer in extras.items() if layer is not None}
    _require_partners(there)
    sides = {"fixed": known.fixed, "moving": known.moving}
    volumes: dict[str, LayerVolume] = {}
    for role in ("fixed_labels", "moving_labels", "fixed_mask", "moving_mask"):
        if role in there:
            read = labels_from_layer if role.endswith("labels") else mask_from_layer
            volumes[role] = read(there[role], sides[role.partition("_")[0]])
    return Wanted(known, volumes, _label_names(there), _landmarks(known, there), _inputs(known, there))


def _require_partners(there: Mapping[Any, Any]) -> None:
    if "moving_labels" in there and "fixed_labels" not in there:
        raise VolumeError("Labels of the moving volume alone tell nothing: choose those of the fixed volume, too.")
    if ("fixed_points" in there) != ("moving_points" in there):
        missing = "moving" if "fixed_points" in there else "fixed"
        raise VolumeError(f"Landmarks of one volume alone tell nothing: choose those of the {missing} volume, too.")


def _landmarks(known: Known, there: Mapping[Any, Any]) -> Landmarks | None:
    if "fixed_points" not in there:
        return None
    fixed, moving = there["fixed_points"], there["moving_points"]
    if not len(fixed.data) and not len(moving.data):
        return None
    points = paired_points(fixed, moving, known.fixed, known.moving)
    names = points[2] or [str(number) for number in range(1, len(points[0]) + 1)]
    if not names:
        raise GeometryError(f"{fixed.name!r} and {moving.name!r} have no landmark in common: set some in both volumes.")
    return Landmarks(points[0], points[1], tuple(names))


def _label_names(there: Mapping[Any, Any]) -> dict[int, str]:
    """Return the names of structures where the features of a Labels layer have them, as napari shows them."""
    names: dict[int, str] = {}
    for role in ("moving_labels", "fixed_labels"):
        features = there[role].features if role in there else {}
        if "name" in features and "index" in features:
            names |= {int(index): str(name) for index, name in zip(features["index"], features["name"], strict=True)}
    return names


def _inputs(known: Known, there: Mapping[Any, Any]) -> dict[str, dict[str, Any]]:
    """Return where everything came from, as plain data."""
    told = {}
    for role, volume, layer in zip(("fixed", "moving"), (known.fixed, known.moving), known.layers, strict=True):
        told[role] = {"name": volume.name, "path": _path(layer), "modality": volume.modality}
    if known.transform_path is not None:
        told["transform"] = {"name": known.transform_path.name, "path": str(known.transform_path)}
    return {**told, **{role: {"name": layer.name, "path": _path(layer)} for role, layer in there.items()}}


def _path(layer: Any) -> str:
    return "" if layer is None else str(path_of(layer) or "")


def _layer_of(viewer: Any, name: str, grid: Grid) -> Any:
    """Return the layer of that name if it has as many voxels along each axis as the grid, or None."""
    layer = next((layer for layer in viewer.layers if layer.name == name), None)
    try:
        same = layer is not None and read_layer(layer, min_voxels=1).geometry.size_xyz == grid.size_xyz
    except CoregError:
        same = False
    return layer if same else None


def _volume_of(layer: Any, grid: Grid) -> LayerVolume:
    """Return a volume as it was registered, with the move since beside it, also where its layer has no header."""
    return replace(read_layer(layer, min_voxels=1), geometry=grid, moved=move_between(grid, displayed_matrix(layer)))
