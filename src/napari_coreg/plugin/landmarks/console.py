"""fit_landmark_layers(): the fit of the dock widget "Landmarks" as a function, for napari's console and for scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_coreg.core.landmarks import fit_landmarks
from napari_coreg.errors import VolumeError
from napari_coreg.plugin.console import find_layer
from napari_coreg.plugin.layers import points_from_layer, read_layer

if TYPE_CHECKING:
    from napari_coreg.core.landmarks import LandmarkFit, LandmarkModel


def fit_landmark_layers(
    viewer: Any,
    fixed_points: Any,
    moving_points: Any,
    model: LandmarkModel = "rigid",
    *,
    fixed: Any,
    moving: Any,
    smoothing: float = 0.0,
) -> LandmarkFit:
    """Fit a transform to the points of two Points layers; nothing in the viewer is changed.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the layers are.
    fixed_points, moving_points : layer or str
        Points layers or their names. Where both have the feature "name", and no name is empty or there twice, points of
        the same name belong together, and others are left out; else the first point of the one belongs to the first of
        the other, and so on. Points whose feature "guess" is true, which are estimates of the dock widget *Landmarks*,
        are left out.
    model : {"translation", "rigid", "similarity", "affine", "thin_plate"}
        As in `fit_landmarks`.
    fixed, moving : layer or str
        The image layers on which the points were set, or their names.
    smoothing : float
        As in `fit_landmarks`.

    Returns
    -------
    LandmarkFit
        With a transform between the volumes' own frames (LPS mm), wherever their layers were moved by hand; give it to
        `register_layers` as ``initial_transform``.

    Raises
    ------
    CoregError
        One sentence on a layer that cannot be used, or why the points do not determine the model.

    Examples
    --------
    In napari's console::

        from napari_coreg import fit_landmark_layers
        fit = fit_landmark_layers(viewer, "ct landmarks", "mr_t1 landmarks", fixed="ct", moving="mr_t1")
        print(fit, fit.leave_one_out_mm)
    """
    volumes = [read_layer(find_layer(viewer, layer), min_voxels=1) for layer in (fixed, moving)]
    layers = [find_layer(viewer, layer) for layer in (fixed_points, moving_points)]
    points = [points_from_layer(layer, volume) for layer, volume in zip(layers, volumes, strict=True)]
    named = [_names(layer) for layer in layers]
    if all(names is not None for names in named):
        shared = [name for name in named[0] or () if name in (named[1] or ())]
        rows = [[(names or []).index(name) for name in shared] for names in named]
        called: list[str] | None = shared
    else:
        rows, called = [list(range(len(found))) for found in points], None
        if len(rows[0]) != len(rows[1]):
            raise VolumeError(
                f"{layers[0].name!r} has {len(rows[0])} points and {layers[1].name!r} has {len(rows[1])}: give each "
                "its own name in the feature 'name', or the same points in the same order."
            )
    kept = [place for place, pair in enumerate(zip(*rows, strict=True)) if not any(map(_is_guess, layers, pair))]
    chosen = [found[np.array(row, int)[kept]] for found, row in zip(points, rows, strict=True)]
    names = None if called is None else [called[place] for place in kept]
    like = volumes[0].geometry if model == "thin_plate" else None
    return fit_landmarks(chosen[0], chosen[1], model, names=names, like=like, smoothing=smoothing)


def _names(layer: Any) -> list[str] | None:
    """Return the names of a layer's points, or None where they do not tell the points apart."""
    names = [str(name) for name in layer.features["name"]] if "name" in layer.features else [""]
    return names if all(names) and len(set(names)) == len(names) else None


def _is_guess(layer: Any, row: int) -> bool:
    return "guess" in layer.features and bool(layer.features["guess"].iloc[row])
