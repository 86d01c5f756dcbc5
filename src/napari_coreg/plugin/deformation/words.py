"""A deformation's numbers in words, for the dock."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_coreg.core.deformation import DeformationFigures


def figures_in_words(figures: DeformationFigures) -> str:
    """Return the lengths of the displacements in one sentence."""
    return (
        f"Displacement: mean {_mm(figures.mean_mm)}, 95\N{NO-BREAK SPACE}% below {_mm(figures.p95_mm)}, "
        f"largest {_mm(figures.maximum_mm)}\N{NO-BREAK SPACE}mm."
    )


def folding_in_words(figures: DeformationFigures) -> str:
    """Return the range of the Jacobian determinant, and how much is folded."""
    least, most = f"{figures.folding.minimum:.2f}".replace("-", "−"), f"{figures.folding.maximum:.2f}"
    part = f"no voxel of {_count(figures.voxels)} is folded."
    if figures.folded:
        share = 100 * figures.folding.folded_fraction
        are = "voxel is" if figures.folded == 1 else "voxels are"
        of_all = f"{share:.2g}\N{NO-BREAK SPACE}% of {_count(figures.voxels)}"
        part = f"{_count(figures.folded)} {are} folded (J ≤ 0), {of_all}."
    return f"Jacobian determinant J: {least} to {most}; {part}"


def rigid_in_words(shift_mm: float, degrees: float) -> str:
    """Return what was taken off.

    Examples
    --------
    >>> rigid_in_words(5.123, 3.21)
    'Taken off: the rigid part, a turn of 3.2° and a shift of the body’s centre by 5.1 mm.'
    """
    return f"Taken off: the rigid part, a turn of {degrees:.1f}° and a shift of the body’s centre by {shift_mm:.1f} mm."


def maps_in_words(every_xyz: tuple[int, ...]) -> str:
    """Return what is left out of the maps; empty where nothing is.

    Examples
    --------
    >>> maps_in_words((1, 1, 1))
    ''
    >>> maps_in_words((2, 2, 1))
    'Magnitude and Jacobian determinant: one voxel in 2 × 2 × 1 is shown; numbers and folding are of all.'
    """
    if all(every == 1 for every in every_xyz):
        return ""
    block = " × ".join(str(every) for every in every_xyz)
    return f"Magnitude and Jacobian determinant: one voxel in {block} is shown; numbers and folding are of all."


def _mm(value: float) -> str:
    return f"{value:.3g}" if value >= 0.01 else f"{value:.2f}"


def _count(number: int) -> str:
    """Return a number with its thousands apart, as in 16 777 216."""
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
