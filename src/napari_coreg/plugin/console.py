"""register_layers() and check_layers(): the dock widget's work as functions, for napari's console and for scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_coreg.core.presets import find_recipe
from napari_coreg.errors import VolumeError
from napari_coreg.plugin.attempts.remember import remember
from napari_coreg.plugin.layer_run import (
    add_layers,
    carry_out,
    check_volumes,
    read_volumes,
    request_from_layers,
)

if TYPE_CHECKING:
    from pathlib import Path

    import SimpleITK as sitk

    from napari_coreg.core.preflight import Finding
    from napari_coreg.core.progress import IsEnough, OnProgress
    from napari_coreg.core.recipe import Recipe
    from napari_coreg.core.result import RegistrationResult


def register_layers(  # noqa: PLR0913 - all but the first four by keyword
    viewer: Any,
    fixed: Any,
    moving: Any,
    recipe: Recipe | str | Path = "rigid",
    *,
    fixed_mask: Any = None,
    moving_mask: Any = None,
    initial_transform: sitk.Transform | None = None,
    add: bool = True,
    deformation: bool = True,
    magnitude: bool = False,
    check_swap: bool = False,
    threads: int = 0,
    on_progress: OnProgress | None = None,
    is_enough: IsEnough | None = None,
) -> RegistrationResult:
    """Register two layers of a viewer and add the result to it; returns when it is done.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the layers are, and where the new ones go.
    fixed, moving : layer or str
        Image layers or their names. They are not changed.
    recipe : Recipe, str or path
        A recipe, the name of a preset, or a recipe's JSON file.
    fixed_mask, moving_mask : layer or str, optional
        Labels layers or their names; only where they are not 0 is the image looked at.
    initial_transform : SimpleITK.Transform, optional
        Where to start (fixed -> moving, LPS mm, between the volumes' own headers). When it is not given and a layer was
        moved by hand, the start is what is on screen.
    add : bool
        Whether to add layers: the moving volume on the fixed layer's grid, and what the next two say. The run is kept
        among the viewer's attempts then, see `attempts_of`.
    deformation : bool
        Whether to add the arrows of the displacement; they are hidden where the transform is linear.
    magnitude : bool
        Whether to add the length of the displacement as an image, mm.
    check_swap : bool
        Whether to register the other way round, too, and let the verdict tell how far the two are from undoing each
        other.
    threads : int
        Threads of the metric; 0 for SimpleITK's default.
    on_progress : callable, optional
        Called with a `Progress` at every iteration.
    is_enough : callable, optional
        Asked at every iteration; True ends the run with what there is. The layers say "(taken early)" then.

    Returns
    -------
    RegistrationResult
        Also kept in the new image layer's ``metadata["napari_coreg"]["result"]``. Look at its ``verdict``: the layers
        of a failed run are added, too, with "(failed)" in their names.

    Raises
    ------
    CoregError
        One sentence on what cannot be used, or why no transform was found.

    Examples
    --------
    In napari's console::

        from napari_coreg import register_layers
        result = register_layers(viewer, "T1", "T2", "rigid")
    """
    request = request_from_layers(
        find_layer(viewer, fixed),
        find_layer(viewer, moving),
        find_recipe(recipe),
        fixed_mask=None if fixed_mask is None else find_layer(viewer, fixed_mask),
        moving_mask=None if moving_mask is None else find_layer(viewer, moving_mask),
        initial_transform=initial_transform,
        deformation=deformation and add,
        magnitude=magnitude and add,
        check_swap=check_swap,
        threads=threads,
    )
    ready = carry_out(request, read_volumes(request), on_progress=on_progress, is_enough=is_enough)
    if add:
        add_layers(viewer, ready)
        ready = remember(viewer, request, ready)
    return ready.result


def check_layers(
    fixed: Any,
    moving: Any,
    recipe: Recipe | str | Path = "rigid",
    *,
    fixed_mask: Any = None,
    moving_mask: Any = None,
    initial_transform: sitk.Transform | None = None,
) -> tuple[Finding, ...]:
    """Say what is, or may be, wrong with two layers and a recipe before they are registered; nothing is changed.

    Parameters
    ----------
    fixed, moving : layer
        Image layers, such as ``viewer.layers["T1"]``.
    recipe, fixed_mask, moving_mask, initial_transform
        As in `register_layers`, but for masks as layers.

    Returns
    -------
    tuple of Finding
        The gravest first; empty where nothing speaks against the run.

    Raises
    ------
    CoregError
        One sentence on a layer that cannot be read as a volume, or an unknown recipe.

    Examples
    --------
    In napari's console::

        from napari_coreg import check_layers
        for finding in check_layers(viewer.layers["T1"], viewer.layers["T2"], "rigid"):
            print(finding.severity, finding.what, finding.value, finding.remedy)
    """
    for layer in (fixed, moving, fixed_mask, moving_mask):
        if isinstance(layer, str):
            raise VolumeError(f"{layer!r} is a name: give the layer itself, viewer.layers[{layer!r}].")
    request = request_from_layers(
        fixed,
        moving,
        find_recipe(recipe),
        fixed_mask=fixed_mask,
        moving_mask=moving_mask,
        initial_transform=initial_transform,
    )
    return check_volumes(request, read_volumes(request))


def find_layer(viewer: Any, layer: Any) -> Any:
    """Return a layer itself, or the viewer's layer of that name.

    Raises
    ------
    VolumeError
        There is none of that name; the message lists those there are.
    """
    if not isinstance(layer, str):
        return layer
    names = [item.name for item in viewer.layers]
    if layer not in names:
        there = ", ".join(repr(name) for name in names) or "none"
        raise VolumeError(f"There is no layer {layer!r}; the viewer's layers are: {there}.")
    return viewer.layers[layer]
