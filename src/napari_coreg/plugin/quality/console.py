"""measure_quality() and save_report(): the dock widget "Quality" as functions, for napari's console and for scripts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import SimpleITK as sitk

from napari_coreg.core.quality.limits import DEFAULT_LIMITS, Limits
from napari_coreg.errors import VolumeError
from napari_coreg.io.quality_files import read_limits
from napari_coreg.io.transforms import read_transform
from napari_coreg.plugin.console import find_layer
from napari_coreg.plugin.deformation.source import has_result
from napari_coreg.plugin.quality.keeping import write_measured
from napari_coreg.plugin.quality.measuring import measure
from napari_coreg.plugin.quality.subjects import known_by_layer, known_by_transform, wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_coreg.core.quality.assess import LongCheck
    from napari_coreg.plugin.quality.measuring import Measured
    from napari_coreg.plugin.quality.subjects import Known


def measure_quality(  # noqa: PLR0913 - all but the first two by keyword
    viewer: Any,
    layer: Any = None,
    *,
    transform: sitk.Transform | str | Path | None = None,
    fixed: Any = None,
    moving: Any = None,
    fixed_labels: Any = None,
    moving_labels: Any = None,
    fixed_points: Any = None,
    moving_points: Any = None,
    fixed_mask: Any = None,
    moving_mask: Any = None,
    limits: Limits | str | Path | None = None,
    long_checks: Sequence[LongCheck] = (),
    on_step: Callable[[str, float], None] | None = None,
) -> Measured:
    """Measure how good a registration is, in every way that the viewer's layers allow; returns when it is done.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the layers are; nothing in it is changed.
    layer : layer or str, optional
        A registered layer or its name; the newest one when neither it nor `transform` is given.
    transform : SimpleITK.Transform, str or path, optional
        Any transform instead (fixed -> moving, LPS mm), or its file, together with `fixed` and `moving`.
    fixed, moving : layer or str, optional
        The image layers that `transform` belongs to.
    fixed_labels, moving_labels : layer or str, optional
        Labels layers with the same structures in both volumes; a column "name" of their features names them.
    fixed_points, moving_points : layer or str, optional
        Points layers with the same places in both volumes, paired as in `fit_landmark_layers`.
    fixed_mask, moving_mask : layer or str, optional
        Labels layers; only where they are not 0 is looked at.
    limits : Limits, str or path, optional
        What the numbers are held against, or a JSON file of it; `DEFAULT_LIMITS` when not given.
    long_checks : sequence of {"inverse_consistency", "repeatability", "simulation"}
        Checks that run the recipe again, several times.
    on_step : callable, optional
        Called with what is measured now, in words, and the part of all that is done, 0 to 1.

    Returns
    -------
    Measured
        Its `quality` has all numbers, its `subject` what was measured; give it to `save_report`.

    Raises
    ------
    CoregError
        One sentence on what cannot be measured.

    Examples
    --------
    In napari's console::

        from napari_coreg import measure_quality, save_report
        measured = measure_quality(viewer, fixed_points="ct landmarks", moving_points="mr_t1 landmarks")
        print(measured.quality.state, measured.quality.headline)
        save_report(measured, "report.html")
    """
    known = _known(viewer, layer, transform, fixed, moving)
    given: dict[Any, Any] = {
        "fixed_labels": fixed_labels,
        "moving_labels": moving_labels,
        "fixed_points": fixed_points,
        "moving_points": moving_points,
        "fixed_mask": fixed_mask,
        "moving_mask": moving_mask,
    }
    extras = {role: find_layer(viewer, each) for role, each in given.items() if each is not None}
    limits = DEFAULT_LIMITS if limits is None else limits if isinstance(limits, Limits) else read_limits(limits)
    return measure(wanted(known, extras), limits, long_checks, on_step=on_step)


def save_report(measured: Measured, path: str | Path) -> Path:
    """Write what `measure_quality` has found.

    Parameters
    ----------
    measured : Measured
        What it returned.
    path : str or Path
        A report with pictures (.html), or the numbers alone (.json, .csv).

    Returns
    -------
    Path
        The file.

    Raises
    ------
    FileError
        The name has another suffix, or the file cannot be written.

    Examples
    --------
    In napari's console::

        from napari_coreg import measure_quality, save_report
        save_report(measure_quality(viewer, "mr_t1 registered to ct"), "report.html")
    """
    return write_measured(measured, path)


def _known(viewer: Any, layer: Any, transform: Any, fixed: Any, moving: Any) -> Known:
    if transform is not None:
        if fixed is None or moving is None:
            raise VolumeError("A transform alone cannot be measured: give its layers as fixed and moving.")
        path = None if isinstance(transform, sitk.Transform) else Path(transform)
        read = transform if path is None else read_transform(path)
        return known_by_transform(read, find_layer(viewer, fixed), find_layer(viewer, moving), path)
    if layer is not None:
        return known_by_layer(viewer, find_layer(viewer, layer))
    registered = [each for each in viewer.layers if has_result(each)]
    if not registered:
        raise VolumeError("No layer of the viewer was registered: register a pair first, or give a transform.")
    return known_by_layer(viewer, registered[-1])
