"""RegistrationResult: the transform, how it came about, and what it makes of images."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from napari_coreg.core import resample as resampling
from napari_coreg.core import transforms
from napari_coreg.core.geometry import Grid
from napari_coreg.core.inverse import TOLERANCE_MM, Inverse, find_inverse, measure_inverse
from napari_coreg.core.plain_transforms import start_to_record

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import SimpleITK as sitk

    from napari_coreg.core.folding import Folding
    from napari_coreg.core.preflight import Finding
    from napari_coreg.core.progress import IsCancelled
    from napari_coreg.core.recipe import Interpolator, Recipe
    from napari_coreg.core.slabs import OnFraction
    from napari_coreg.core.verdict import Verdict


SCHEMA_VERSION = 2  # of to_record(); `napari_coreg.io.migration` brings records of earlier ones here


@dataclass(frozen=True)
class LevelTrace:
    """What happened at one level of one stage.

    Attributes
    ----------
    stage, level : int
        Counted from 0.
    stage_kind : str
        "translation", "rigid", "similarity", "affine" or "bspline".
    fixed_size_xyz, fixed_shrink_xyz, moving_shrink_xyz : tuple of int
        The level's fixed grid, and how both images were shrunk to it.
    number_of_samples : int
        About how many points entered the metric.
    metric_values : tuple of float
        One per iteration, lower is better.
    stop_reason : str
        Why the optimizer stopped, in its own words.
    seconds : float
        Wall time of the level.
    """

    stage: int
    stage_kind: str
    level: int
    fixed_size_xyz: tuple[int, ...]
    fixed_shrink_xyz: tuple[int, ...]
    moving_shrink_xyz: tuple[int, ...]
    number_of_samples: int
    metric_values: tuple[float, ...]
    stop_reason: str
    seconds: float


@dataclass(frozen=True, eq=False, kw_only=True)
class Finished:
    """A finished registration, whether its volumes are at hand or not.

    Attributes
    ----------
    transform : SimpleITK.Transform
        Maps fixed points to moving points, LPS mm, so it pulls the moving image onto the fixed grid.
    recipe : Recipe
        As run.
    trace : tuple of LevelTrace
        One entry per level, in the order of the run; the last one may be of a part of its level.
    metric_before, metric_after : float or None
        The last stage's metric as the volumes lay (by their headers and the initial transform that was given) and as
        they lie now; lower is better. None where they did not overlap enough to evaluate it.
    inverse_transform : SimpleITK.Transform or None
        Moving -> fixed, LPS mm, where the transform has an inverse of its own: it is linear, or its deformation is a
        stationary velocity (the inverse of the flow is the flow backwards). Else None.
    folding : Folding or None
        Range of the Jacobian determinant over the fixed grid, and how much is folded; None for a linear transform.
    verdict : Verdict
        Whether the result is good, doubtful or failed, and why.
    findings : tuple of Finding
        What the check before the run found.
    initialization : str
        How the start was found: "given", the name of a single guess ("centre", "moments" ...), or "search".
    notes : tuple of str
        What a person should know about the run.
    seconds : float
        Wall time of the run, without the time for which it was held.
    threads : int
        Threads of the metric as asked for: 0 is one for linear stages and all for B-splines.
    versions : dict of str
        Versions of what computed it, and the processor that it was computed on.
    fingerprints : dict of str
        SHA-256 of the voxels and geometry of "fixed", "moving" and the masks.
    ended_early : str
        Where the run was ended before its time and taken as it was, in words; empty where it went to its end.
    initial_transform : SimpleITK.Transform or None
        Where it started, as it was given: fixed -> moving, LPS mm; None where none was.
    check_swap : bool
        Whether the other way round was registered, too, for the verdict.
    time_limit : float or None
        Seconds after which the run was to be taken as it was; None where there was no such limit.
    inputs : mapping
        Where the volumes, the masks and the start came from, by role ("fixed", "moving", "fixed_mask", "moving_mask",
        "initial_transform"): plain data, as of `napari_coreg.io.loaded.LoadedVolume.origin`; empty where not known.
    """

    transform: sitk.Transform
    recipe: Recipe
    trace: tuple[LevelTrace, ...]
    metric_before: float | None
    metric_after: float | None
    inverse_transform: sitk.Transform | None
    folding: Folding | None
    verdict: Verdict
    findings: tuple[Finding, ...]
    initialization: str
    notes: tuple[str, ...]
    seconds: float
    threads: int
    versions: dict[str, str]
    fingerprints: dict[str, str]
    ended_early: str = ""
    initial_transform: sitk.Transform | None = None
    check_swap: bool = False
    time_limit: float | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def stop_reasons(self) -> tuple[str, ...]:
        """Why each level stopped."""
        return tuple(level.stop_reason for level in self.trace)

    @property
    def is_linear(self) -> bool:
        """Whether the transform is linear (no B-spline, no displacement field)."""
        return transforms.is_linear(self.transform)


@dataclass(frozen=True, eq=False, kw_only=True)
class RegistrationResult(Finished):
    """A finished registration with its volumes; see `Finished` for all that is known of it besides.

    Attributes
    ----------
    fixed, moving : SimpleITK.Image
        The images as they were given (not copies).
    """

    fixed: sitk.Image = field(repr=False)
    moving: sitk.Image = field(repr=False)

    def resample(
        self,
        image: sitk.Image | None = None,
        *,
        interpolator: Interpolator = "linear",
        background: float | None = None,
    ) -> sitk.Image:
        """Return the moving image on the fixed grid.

        Parameters
        ----------
        image : SimpleITK.Image, optional
            Another image that lies in the moving image's space (a second channel, labels); the moving image if not
            given.
        interpolator : {"nearest", "linear", "bspline", "windowed_sinc", "label"}
            "nearest" and "label" make no new values.
        background : float, optional
            Value where the moving image has no voxel; when not given the image's minimum, 0 for label interpolators.

        Returns
        -------
        SimpleITK.Image
            On the fixed image's grid, with the pixel type of `image`.
        """
        source = self.moving if image is None else image
        return resampling.resample(
            source, Grid.of(self.fixed), self.transform, interpolator=interpolator, background=background
        )

    def displacement_field(self) -> sitk.Image:
        """Return the displacement on the fixed grid: at fixed point p stands T(p) - p, LPS mm, 32-bit floats."""
        return transforms.displacement_field(self.transform, Grid.of(self.fixed))

    def find_inverse(
        self,
        *,
        tolerance_mm: float = TOLERANCE_MM,
        at_voxels: bool = False,
        on_fraction: OnFraction | None = None,
        is_cancelled: IsCancelled | None = None,
    ) -> Inverse:
        """Return the inverse over the moving grid (moving -> fixed, LPS mm), with its error, of any transform.

        `inverse_transform`, where there is one that is good enough; else found numerically by
        `napari_coreg.find_inverse`, which tells what the arguments are and what is raised.
        """
        grid = Grid.of(self.moving)
        if self.inverse_transform is not None and not self.is_linear:
            known = measure_inverse(
                self.transform, self.inverse_transform, grid, tolerance_mm=tolerance_mm, is_cancelled=is_cancelled
            )
            if known.maximum_mm <= tolerance_mm:
                return known
        return find_inverse(
            self.transform,
            grid,
            tolerance_mm=tolerance_mm,
            at_voxels=at_voxels,
            on_fraction=on_fraction,
            is_cancelled=is_cancelled,
        )

    def inverse_displacement_field(self) -> sitk.Image:
        """Return the inverse's displacement on the moving grid, LPS mm, 32-bit floats.

        Of `inverse_transform`, where there is one; else of what `find_inverse` finds at each voxel, which also tells
        how accurate it is.
        """
        known = self.inverse_transform
        inverse = self.find_inverse(at_voxels=True).transform if known is None else known
        return transforms.displacement_field(inverse, Grid.of(self.moving))

    def save(self, folder: str | Path) -> Path:
        """Write transform, registered volume, displacement field and result.json into `folder`, and return it.

        Where a deformation has an inverse, also inverse_transform.h5 and inverse_displacement.nii.gz.

        Raises
        ------
        FileError
            If the folder cannot be written; nothing is left behind then.
        """
        # The one import that goes up a floor, so that a result can be saved where it is: result.save("out").
        from napari_coreg.io.records import save_result  # noqa: PLC0415

        return save_result(self, folder)

    def to_record(self) -> dict[str, Any]:
        """Return all but the images and the transform as plain data, ready for JSON."""
        return {
            "schema_version": SCHEMA_VERSION,
            "direction": "the transform maps fixed points to moving points (LPS, mm)",
            "recipe": self.recipe.model_dump(mode="json"),
            "initialization": self.initialization,
            "metric_before": self.metric_before,
            "metric_after": self.metric_after,
            "folding": None if self.folding is None else vars(self.folding),
            "verdict": self.verdict.state,
            "verdict_reasons": list(self.verdict.reasons),
            "verdict_measures": dict(self.verdict.measures),
            "findings": [finding.to_record() for finding in self.findings],
            "ended_early": self.ended_early,
            "time_limit": self.time_limit,
            "check_swap": self.check_swap,
            "initial_transform": start_to_record(self.initial_transform),
            "inputs": {role: dict(origin) for role, origin in self.inputs.items()},
            "seconds": round(self.seconds, 3),
            "threads": self.threads,
            "versions": dict(self.versions),
            "fingerprints": dict(self.fingerprints),
            "notes": list(self.notes),
            "fixed_grid": vars(Grid.of(self.fixed)),
            "moving_grid": vars(Grid.of(self.moving)),
            "trace": [vars(level) for level in self.trace],
        }
