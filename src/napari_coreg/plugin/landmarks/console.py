"""fit_landmark_layers(): the fit of the dock widget "Landmarks" as a function, for napari's console and for scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_coreg.core.landmarks import fit_landmarks
from napari_coreg.plugin.console import find_layer
from napari_coreg.plugin.landmarks.paired import paired_points
from napari_coreg.plugin.layers import read_layer

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
    fixed_lps, moving_lps, names = paired_points(*layers, *volumes)
    like = volumes[0].geometry if model == "thin_plate" else None
    return fit_landmarks(fixed_lps, moving_lps, model, names=names, like=like, smoothing=smoothing)
