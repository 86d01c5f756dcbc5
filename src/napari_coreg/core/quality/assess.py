"""assess(): a registration in, all that can be measured of it out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_coreg.core.body_mask import body_or_all
from napari_coreg.core.geometry import require_grid, require_scalars
from napari_coreg.core.quality import origins
from napari_coreg.core.quality.found import Found
from napari_coreg.core.quality.headline import summarize
from napari_coreg.core.quality.judging import judge_transform
from napari_coreg.core.quality.limits import DEFAULT_LIMITS, Limits
from napari_coreg.core.quality.long_checks import (
    LONG_CHECKS,
    STEPS,
    LongCheck,
    Runs,
    measure_check,
    measure_transitivity,
    not_measured,
)
from napari_coreg.core.quality.on_deformation import DeformationFound, measure_motion
from napari_coreg.core.quality.on_intensities import measure_intensities
from napari_coreg.core.quality.on_landmarks import measure_landmarks
from napari_coreg.core.quality.on_structures import measure_structures
from napari_coreg.core.quality.record import Quality
from napari_coreg.core.quality.rows import Grader
from napari_coreg.core.quality.steps import Steps
from napari_coreg.core.quality.subject import Assessment
from napari_coreg.core.verdict import Verdict
from napari_coreg.errors import GeometryError, RegistrationCancelled, RegistrationError, VolumeError

__all__ = ["LONG_CHECKS", "LongCheck", "assess"]

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from napari_coreg.core.folding import Folding
    from napari_coreg.core.progress import IsCancelled
    from napari_coreg.core.quality.record import Row, VolumeRecord
    from napari_coreg.core.quality.subject import Subject

_BODY, _MOTION, _VERDICT = "finding the body", "measuring the deformation", "judging the pose"
_LANDMARKS, _STRUCTURES, _INTENSITIES = "measuring landmarks", "measuring structures", "comparing intensities"
_COSTS = {_BODY: 0.5, _MOTION: 3.0, _VERDICT: 2.0, _LANDMARKS: 0.1, _STRUCTURES: 3.0, _INTENSITIES: 6.0}
_LONG = 60.0
_BEFORE = "'before' is with the volumes as their headers place them"


def assess(
    subject: Subject,
    *,
    limits: Limits = DEFAULT_LIMITS,
    long_checks: Sequence[LongCheck] = (),
    on_step: Callable[[str, float], None] | None = None,
    is_cancelled: IsCancelled | None = None,
) -> Assessment:
    """Measure a registration in every way that what is known of it allows.

    "Before" is always with the volumes as their headers place them, whatever the registration started from.

    Parameters
    ----------
    subject : Subject
        What to judge.
    limits : Limits
        What the numbers are held against.
    long_checks : sequence of {"inverse_consistency", "repeatability", "simulation"}
        Checks that run the recipe again, several times; they need `subject.recipe`.
    on_step : callable, optional
        Called with what is measured now, in words, and the part of all that is done, 0 to 1.
    is_cancelled : callable, optional
        Asked between the parts, and at every iteration of the long checks.

    Raises
    ------
    CoregError
        What is given does not fit together; says what and what to do.
    RegistrationCancelled
        `is_cancelled` said so.
    """
    _require_fit(subject)
    steps = Steps(
        _COSTS | {STEPS[check]: _LONG for check in LONG_CHECKS if check in long_checks}, on_step, is_cancelled
    )
    grader = Grader.of(subject.fixed, subject.moving, limits)
    steps.begin(_BODY)
    _compile(is_cancelled)
    body = body_or_all(subject.fixed)
    steps.begin(_MOTION)
    motion = measure_motion(subject, body, grader, on_fraction=steps.tell, is_cancelled=is_cancelled)
    steps.begin(_VERDICT)
    verdict = _verdict(subject, motion.folding, is_cancelled)
    steps.begin(_LANDMARKS)
    landmarks = measure_landmarks(subject.landmarks, subject.transform, grader)
    steps.begin(_STRUCTURES)
    structures = measure_structures(subject, grader, is_cancelled=is_cancelled)
    steps.begin(_INTENSITIES)
    intensities = measure_intensities(subject, grader, is_cancelled=is_cancelled)
    checks = _checks(Runs(subject, body, grader, steps.tell, is_cancelled), long_checks, steps)
    parts = (Found(_verdict_rows(verdict, grader)), landmarks, structures, motion.found, *checks, intensities)
    quality = _quality(subject, limits, verdict, motion, parts)
    steps.end()
    return Assessment(quality, {name: image for part in parts for name, image in part.maps.items()})


def _compile(is_cancelled: IsCancelled | None) -> None:
    """Compile kernels where that is still to do, in a process of its own, so that no window stands still."""
    from napari_coreg.core.measuring.compiling import compile_ahead  # noqa: PLC0415 - numba takes 0.5 s

    if not compile_ahead(is_cancelled or (lambda: False)):
        raise RegistrationCancelled("measuring the registration was cancelled")


def _checks(runs: Runs, asked: Sequence[LongCheck], steps: Steps) -> list[Found]:
    unknown = sorted(set(asked) - set(LONG_CHECKS))
    if unknown:
        raise RegistrationError(f"there is no long check {unknown[0]!r}; choose of {', '.join(LONG_CHECKS)}")
    found = []
    for check in LONG_CHECKS:
        if check in asked:
            steps.begin(STEPS[check])
            found.append(measure_check(check, runs))
        else:
            found.append(not_measured(check))
    return [found[0], measure_transitivity(runs), *found[1:]]


def _quality(
    subject: Subject, limits: Limits, verdict: Verdict, motion: DeformationFound, parts: tuple[Found, ...]
) -> Quality:
    rows = tuple(row for part in parts for row in part.rows)
    pairs = tuple(pair for part in parts for pair in part.landmarks)
    record = origins.verdict_record(verdict)
    volumes = {role: origins.volume_record(subject, role) for role in ("fixed", "moving")}
    remarks = (_BEFORE, *subject.notes, *_changed(subject, volumes))
    state, headline = summarize(record, rows, pairs)
    return Quality(
        state=state,
        headline=headline,
        **volumes,
        transform=origins.transform_record(subject, motion.rigid_shift_mm, motion.rigid_angle_degrees),
        verdict=record,
        rows=rows,
        landmarks=pairs,
        remarks=(*remarks, *(remark for part in parts for remark in part.remarks)),
        limits=limits,
        recipe=None if subject.recipe is None else subject.recipe.model_dump(mode="json"),
        run=origins.run_record(subject),
        environment=origins.environment(),
        inputs=origins.input_records(subject),
    )


def _changed(subject: Subject, volumes: Mapping[str, VolumeRecord]) -> list[str]:
    """Say which volumes are not those that were registered."""
    known = {} if subject.result is None else subject.result.fingerprints
    return [
        f"this {role} volume is not the one that was registered: its voxels or its place in space differ"
        for role, volume in volumes.items()
        if known.get(role) not in (None, volume.fingerprint)
    ]


def _verdict(subject: Subject, folding: Folding, is_cancelled: IsCancelled | None) -> Verdict:
    try:
        return judge_transform(
            subject.fixed,
            subject.moving,
            subject.transform,
            fixed_mask=subject.fixed_mask,
            moving_mask=subject.moving_mask,
            folding=folding,
            is_cancelled=is_cancelled,
        )
    except (GeometryError, VolumeError) as error:
        return Verdict("doubtful", (f"the pose could not be judged: {error}",), {})


def _verdict_rows(verdict: Verdict, grader: Grader) -> tuple[Row, ...]:
    measures = verdict.measures
    keys = {"best_elsewhere": 1.0, "drift_mm": 1.0, "captured": 100.0, "meeting": 100.0}
    found = {key: (measures.get(key), factor) for key, factor in keys.items()}
    return tuple(
        grader.row(key.removesuffix("_mm"), factor * value)
        for key, (value, factor) in found.items()
        if value is not None
    )


def _require_fit(subject: Subject) -> None:
    """Refuse volumes, transforms, masks and labels that do not have the same number of axes."""
    n = subject.transform.GetDimension()
    require_grid(subject.fixed, "fixed volume")
    require_grid(subject.moving, "moving volume")
    given = {
        role: getattr(subject, role)
        for role in ("fixed", "moving", "fixed_mask", "moving_mask", "fixed_labels", "moving_labels")
    }
    for role, image in given.items():
        if image is None:
            continue
        words = role.replace("_", " ")
        if image.GetDimension() != n:
            raise GeometryError(
                f"the {words} has {image.GetDimension()} axes and the transform {n}; give volumes and a transform of "
                "the same space"
            )
        require_scalars(image, words)
    if subject.backward is not None and subject.backward.GetDimension() != n:
        raise GeometryError(f"the transform back has {subject.backward.GetDimension()} axes and the other one {n}")
