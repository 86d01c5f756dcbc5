"""What each kind of stage cannot have, by the engine that runs it: for the recipes' checks and the recipe editor."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Refusal:
    """What a stage cannot have in one of its fields, and why.

    Attributes
    ----------
    field : str
        Name of the stage's field.
    values : tuple of str
        Kinds (of a metric or an optimizer) or plain values.
    why : str
        The rest of a sentence that begins with the field's name and its value.
    """

    field: str
    values: tuple[str, ...]
    why: str


_UNKNOWN = "is not known to engine {!r}; choose {}, or engine {!r}"
_OF_SIMPLEITK = (
    "regular_step_gradient_descent",
    "gradient_descent_line_search",
    "conjugate_gradient_line_search",
    "lbfgsb",
    "lbfgs2",
)
_OF_COREG = (
    Refusal("optimizer", ("lbfgs",), "is for B-spline stages with engine 'coreg'; choose another one"),
    Refusal(
        "metric",
        ("normalized_mutual_information",),
        "is for B-spline stages with engine 'coreg'; choose 'mattes_mutual_information'",
    ),
)
_UNSCALED = Refusal(
    "optimizer",
    ("lbfgsb", "lbfgs2"),
    "cannot weigh rotations (radians) against shifts (mm), so it does not converge here; choose another one",
)
_SHRINKING = Refusal(
    "metric",
    ("joint_histogram_mutual_information",),
    "falls without end as the overlap shrinks, so scales would shrink the volume away; choose "
    "'mattes_mutual_information'",
)
_WITHOUT_GRADIENT = Refusal(
    "optimizer",
    ("powell", "one_plus_one_evolutionary", "amoeba"),
    "uses no gradient, so it cannot search the thousands of parameters of a B-spline; choose another one",
)
#: What each kind of stage cannot have, by the engine that runs it; recipes are refused and the editor filled by this.
_REFUSALS: dict[tuple[str, str], tuple[Refusal, ...]] = {
    ("translation", "simpleitk"): _OF_COREG,
    ("rigid", "simpleitk"): (*_OF_COREG, _UNSCALED),
    ("similarity", "simpleitk"): (*_OF_COREG, _UNSCALED, _SHRINKING),
    ("affine", "simpleitk"): (*_OF_COREG, _UNSCALED, _SHRINKING),
    ("bspline", "simpleitk"): (
        _WITHOUT_GRADIENT,
        Refusal("optimizer", ("lbfgs",), _UNKNOWN.format("simpleitk", "another one", "coreg")),
        Refusal("metric", ("normalized_mutual_information",), _UNKNOWN.format("simpleitk", "another one", "coreg")),
        Refusal("deformation", ("stationary_velocity",), _UNKNOWN.format("simpleitk", "'displacement'", "coreg")),
    ),
    ("bspline", "coreg"): (
        _WITHOUT_GRADIENT,
        Refusal("optimizer", _OF_SIMPLEITK, _UNKNOWN.format("coreg", "'lbfgs'", "simpleitk")),
        Refusal(
            "metric",
            ("joint_histogram_mutual_information",),
            _UNKNOWN.format("coreg", "'mattes_mutual_information'", "simpleitk"),
        ),
        Refusal("interpolator", ("nearest", "bspline"), _UNKNOWN.format("coreg", "'linear'", "simpleitk")),
    ),
}
#: Fields of a stage that an engine does not look at.
UNUSED_FIELDS: dict[str, tuple[str, ...]] = {"coreg": (), "simpleitk": ("regularization",)}


def refusals(kind: str, engine: str = "simpleitk") -> tuple[Refusal, ...]:
    """Return what a stage of this kind cannot have, if this engine runs it; linear stages are all SimpleITK's.

    Examples
    --------
    >>> [refusal.values for refusal in refusals("rigid") if refusal.field == "metric"]
    [('normalized_mutual_information',)]
    """
    return _REFUSALS[kind, engine]
