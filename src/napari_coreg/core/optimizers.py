"""The optimizers: those of SimpleITK that make sense here, and our own; each with only its own settings.

Left out: plain gradient descent, whose convergence check fires at its first overshoot, and exhaustive search.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from napari_coreg.core.frozen import FrozenModel


class _Optimizer(FrozenModel):
    number_of_iterations: int = Field(
        100, title="Iterations", description="At most this many iterations per level.", ge=1, le=100_000
    )


class Descent(_Optimizer):
    """What the gradient methods share."""

    maximum_step_voxels: float = Field(
        1.0,
        title="First step (voxels)",
        description=(
            "No voxel moves further than this many voxels of the level in the first step; a line search tries up to "
            "five times as far."
        ),
        gt=0,
        le=20,
    )


class LineSearch(Descent):
    """What the line searches share."""

    convergence_minimum_value: float = Field(
        1e-6,
        title="Convergence value",
        description="Stop when the metric's slope over the window, relative to its value, falls below this.",
        gt=0,
        le=1,
    )
    convergence_window_size: int = Field(
        10,
        title="Convergence window",
        description="Iterations over which convergence is judged.",
        ge=2,
        le=1000,
    )
    line_search_maximum_iterations: int = Field(
        20, title="Line search iterations", description="Metric evaluations per line search.", ge=1, le=1000
    )


class RegularStepGradientDescent(Descent):
    """Steps of fixed length along the gradient, shortened at each turn; robust, the default for linear stages."""

    kind: Literal["regular_step_gradient_descent"] = "regular_step_gradient_descent"
    minimum_step_voxels: float = Field(
        0.005,
        title="Last step (voxels)",
        description="Stop when the step has become shorter than this many voxels of the level.",
        gt=0,
        le=1,
    )
    later_first_step_factor: float = Field(
        1.0,
        title="Later first step",
        description=(
            "At every level but the first, the first step is this part of what it would be: a rigid stage has little "
            "left to go there, and short steps save iterations."
        ),
        gt=0,
        le=1,
    )
    relaxation_factor: float = Field(
        0.7, title="Relaxation factor", description="The step is multiplied by this at each turn.", gt=0, lt=1
    )
    gradient_magnitude_tolerance: float = Field(
        1e-8,
        title="Gradient tolerance",
        description="Stop when the gradient is shorter than this.",
        gt=0,
        le=1,
    )


class GradientDescentLineSearch(LineSearch):
    """Gradient descent with a golden-section search for each step's length."""

    kind: Literal["gradient_descent_line_search"] = "gradient_descent_line_search"


class ConjugateGradientLineSearch(LineSearch):
    """Conjugate directions with a golden-section search for each step's length."""

    kind: Literal["conjugate_gradient_line_search"] = "conjugate_gradient_line_search"


class LBFGS(_Optimizer):
    """Quasi-Newton with limited memory, started from the curvature at each control point.

    Nocedal, "Updating quasi-Newton matrices with limited storage", Math Comput 35, 1980.
    """

    kind: Literal["lbfgs"] = "lbfgs"
    number_of_iterations: int = Field(
        20, title="Iterations", description="At most this many iterations per level.", ge=1, le=100_000
    )
    maximum_step_voxels: float = Field(
        2.0,
        title="Longest step (voxels)",
        description="No control point moves further than this many voxels of the level in one iteration.",
        gt=0,
        le=20,
    )
    number_of_corrections: int = Field(
        6, title="Corrections", description="Past steps kept to estimate the curvature.", ge=1, le=100
    )
    convergence_minimum_value: float = Field(
        1e-4,
        title="Convergence value",
        description="Stop when the value fell by less than this part of itself over the window.",
        gt=0,
        le=1,
    )
    convergence_window_size: int = Field(
        5, title="Convergence window", description="Iterations over which convergence is judged.", ge=1, le=1000
    )


class LBFGSB(_Optimizer):
    """Quasi-Newton with limited memory; for the many parameters of a B-spline.

    Byrd, Lu, Nocedal and Zhu, "A limited memory algorithm for bound constrained optimization", SIAM J Sci Comput 16,
    1995.
    """

    kind: Literal["lbfgsb"] = "lbfgsb"
    gradient_convergence_tolerance: float = Field(
        1e-5,
        title="Gradient tolerance",
        description="Stop when the largest component of the gradient is smaller than this.",
        gt=0,
        le=1,
    )
    maximum_number_of_corrections: int = Field(
        5, title="Corrections", description="Past gradients kept to estimate the curvature.", ge=1, le=100
    )
    cost_function_convergence_factor: float = Field(
        1e7,
        title="Cost convergence factor",
        description="Stop when the metric changes by less than this times the machine's precision.",
        ge=0,
        le=1e15,
    )


class LBFGS2(_Optimizer):
    """Quasi-Newton with limited memory and a choice of line search conditions.

    Nocedal, "Updating quasi-Newton matrices with limited storage", Math Comput 35, 1980.
    """

    kind: Literal["lbfgs2"] = "lbfgs2"
    solution_accuracy: float = Field(
        1e-5,
        title="Solution accuracy",
        description="Stop when |gradient| < this times |parameters|.",
        gt=0,
        le=1,
    )
    hessian_approximate_accuracy: int = Field(
        6, title="Corrections", description="Past gradients kept to estimate the curvature.", ge=1, le=100
    )
    delta_convergence_distance: int = Field(
        5,
        title="Convergence distance",
        description="Iterations over which the decrease is judged.",
        ge=0,
        le=1000,
    )
    delta_convergence_tolerance: float = Field(
        1e-5,
        title="Convergence tolerance",
        description="Stop when the metric's relative decrease over that distance is smaller than this.",
        ge=0,
        le=1,
    )
    line_search_maximum_evaluations: int = Field(
        20, title="Line search evaluations", description="Metric evaluations per line search.", ge=1, le=1000
    )


class Powell(_Optimizer):
    """Line searches along one direction after the other; needs no gradient."""

    kind: Literal["powell"] = "powell"
    maximum_line_iterations: int = Field(
        100, title="Line iterations", description="At most this many evaluations per line.", ge=1, le=10_000
    )
    step_length_mm: float = Field(
        4.0, title="Step length (mm)", description="First step, at the edge of the volume.", gt=0, le=1000
    )
    step_tolerance_mm: float = Field(
        0.01, title="Step tolerance (mm)", description="Stop when the step is shorter than this.", gt=0, le=10
    )
    value_tolerance: float = Field(
        1e-6,
        title="Value tolerance",
        description="Stop when the metric changes by less than this.",
        gt=0,
        le=1,
    )


class OnePlusOneEvolutionary(_Optimizer):
    """Random mutations, kept when they are better; leaves shallow local optima, needs many iterations.

    Styner et al., "Parametric estimate of intensity inhomogeneities applied to MRI", IEEE TMI 19, 2000.
    """

    kind: Literal["one_plus_one_evolutionary"] = "one_plus_one_evolutionary"
    number_of_iterations: int = Field(
        1000, title="Iterations", description="At most this many mutations per level.", ge=1, le=100_000
    )
    initial_radius_mm: float = Field(
        4.0, title="Initial radius (mm)", description="First search radius, at the edge of the volume.", gt=0, le=100
    )
    growth_factor: float = Field(
        1.05,
        title="Growth factor",
        description="The radius grows by this after a better mutation.",
        gt=1,
        le=10,
    )
    smallest_radius_mm: float = Field(
        0.01, title="Smallest radius (mm)", description="Stop when the search radius is smaller.", gt=0, le=10
    )


class Amoeba(_Optimizer):
    """Nelder and Mead's simplex of points that crawls downhill; needs no gradient.

    Nelder and Mead, "A simplex method for function minimization", Computer J 7, 1965.
    """

    kind: Literal["amoeba"] = "amoeba"
    number_of_iterations: int = Field(
        300,
        title="Iterations",
        description="At most this many metric evaluations per level.",
        ge=1,
        le=100_000,
    )
    simplex_size_mm: float = Field(
        8.0, title="Simplex size (mm)", description="Edge of the first simplex.", gt=0, le=100
    )
    parameters_convergence_tolerance_mm: float = Field(
        0.01, title="Parameter tolerance (mm)", description="Stop when the simplex is smaller than this.", gt=0, le=10
    )
    function_convergence_tolerance: float = Field(
        1e-6,
        title="Value tolerance",
        description="Stop when the metric differs by less than this.",
        gt=0,
        le=1,
    )


GradientMethod = RegularStepGradientDescent | GradientDescentLineSearch | ConjugateGradientLineSearch
Optimizer = Annotated[
    GradientMethod | LBFGS | LBFGSB | LBFGS2 | Powell | OnePlusOneEvolutionary | Amoeba, Field(discriminator="kind")
]
