"""The measures of what the transform does to space."""

from __future__ import annotations

from napari_coreg.core.quality.catalogue.measure import TG_132, Best, Measure

_GROUP = "Deformation"
_JACOBIAN_CANNOT = (
    "how accurate the transform is: one without a fold can be wrong by centimetres. Of a rigid transform the "
    "determinant is 1 by definition"
)
_LENGTH_CANNOT = "whether the motion is right; it depends on how the volumes lay before"
_OF_LENGTHS = "of the lengths |T(p) - p| over the voxels p of the body"
_MOVED = "how far things were moved"
_DISPLACEMENT = "definition"
_JACOBIAN = f"definition of the Jacobian determinant; {TG_132}, section 4.C"
_FOLDS = "whether space is folded onto itself, which no body does"


def _length(key: str, name: str, formula: str, tells: str = _MOVED) -> Measure:
    return Measure(key, name, _GROUP, "mm", "none", formula, "0 or more", _DISPLACEMENT, tells, _LENGTH_CANNOT)


def _jacobian(key: str, name: str, unit: str, best: Best, formula: str, span: str, tells: str) -> Measure:
    return Measure(key, name, _GROUP, unit, best, formula, span, _JACOBIAN, tells, _JACOBIAN_CANNOT)


_SWELLING = "how much space swells (above 1) or shrinks (below 1)"

DEFORMATION_MEASURES = (
    _jacobian(
        "folded_in_body",
        "folded, inside the body",
        "%",
        "low",
        "part of the voxels of the body (fixed volume above Otsu's threshold, filled) where det(dT/dp) is 0 or less",
        "0 to 100",
        _FOLDS,
    ),
    _jacobian(
        "folded",
        "folded, in the whole volume",
        "%",
        "low",
        "part of the voxels of the fixed volume where det(dT/dp) is 0 or less",
        "0 to 100",
        f"{_FOLDS}; folds in the air about it do less harm",
    ),
    _jacobian(
        "jacobian_min",
        "Jacobian determinant, minimum",
        "",
        "none",
        "least det(dT/dp) over the body",
        "any",
        _SWELLING,
    ),
    _jacobian(
        "jacobian_p01",
        "Jacobian determinant, 1st percentile",
        "",
        "none",
        "1st percentile of det(dT/dp) over the body",
        "any",
        _SWELLING,
    ),
    _jacobian(
        "jacobian_median",
        "Jacobian determinant, median",
        "",
        "none",
        "median of det(dT/dp) over the body",
        "any",
        _SWELLING,
    ),
    _jacobian(
        "jacobian_p99",
        "Jacobian determinant, 99th percentile",
        "",
        "none",
        "99th percentile of det(dT/dp) over the body",
        "any",
        _SWELLING,
    ),
    _jacobian(
        "jacobian_max",
        "Jacobian determinant, maximum",
        "",
        "none",
        "largest det(dT/dp) over the body",
        "any",
        _SWELLING,
    ),
    Measure(
        "bending_energy",
        "bending energy",
        _GROUP,
        "1/mm^2",
        "low",
        "mean over the body of the sum of all squared second derivatives of T, each mixed one counted twice",
        "0 or more; 0 for a linear transform",
        "Rueckert et al., Nonrigid registration using free-form deformations, IEEE TMI 18, 1999",
        "how bumpy the deformation is: of two that fit equally well, the smoother one is the likelier",
        "whether the deformation is right",
    ),
    _length("displacement_mean", "displacement, mean", f"mean {_OF_LENGTHS}"),
    _length("displacement_median", "displacement, median", f"median {_OF_LENGTHS}"),
    _length("displacement_p95", "displacement, 95th percentile", f"95th percentile {_OF_LENGTHS}"),
    _length("displacement_p99", "displacement, 99th percentile", f"99th percentile {_OF_LENGTHS}"),
    _length("displacement_max", "displacement, maximum", f"maximum {_OF_LENGTHS}"),
    _length(
        "rigid_shift",
        "best rigid part, shift of the centre",
        "how far the rotation and shift that come nearest to T over the body, by least squares, take its centre",
        "how much of the motion is that of a rigid body",
    ),
    Measure(
        "rigid_angle",
        "best rigid part, angle",
        _GROUP,
        "degrees",
        "none",
        "the angle of the rotation that, with a shift, comes nearest to T over the body, by least squares",
        "0 to 180",
        "Arun, Huang and Blostein, Least-squares fitting of two 3-D point sets, IEEE TPAMI 9, 1987",
        "how much of the motion is that of a rigid body",
        _LENGTH_CANNOT,
    ),
    _length(
        "structure_displacement_mean",
        "displacement of the structure, mean",
        "mean of |T(p) - p| over the voxels p of a structure of the fixed volume",
    ),
    _length(
        "structure_displacement_max",
        "displacement of the structure, maximum",
        "maximum of |T(p) - p| over the voxels p of a structure of the fixed volume",
    ),
    _jacobian(
        "structure_folded",
        "folded, inside the structure",
        "%",
        "low",
        "part of the voxels of a structure of the fixed volume where det(dT/dp) is 0 or less",
        "0 to 100",
        _FOLDS,
    ),
)
