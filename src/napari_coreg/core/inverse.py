"""The inverse of any transform: closed where there is one, else found numerically, with its error measured."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from napari_coreg.core.deformation import require_axes
from napari_coreg.core.transforms import invert, is_linear
from napari_coreg.core.warp import Surface, jacobians_at, mirrors, require_as_many, require_points, warp_points

if TYPE_CHECKING:
    import SimpleITK as sitk
    from numpy.typing import NDArray

    from napari_coreg.core.geometry import Grid
    from napari_coreg.core.progress import IsCancelled
    from napari_coreg.core.slabs import OnFraction

    Floats = NDArray[np.float64]

TOLERANCE_MM = 0.1
SOLVED = 0.01  # of the tolerance: how near a point is solved


@dataclass(frozen=True, eq=False)
class Inverse:
    """An inverse S of a transform T, and how well it undoes it.

    Attributes
    ----------
    transform : SimpleITK.Transform
        S: moving -> fixed, LPS mm.
    is_exact : bool
        Whether it is a closed inverse, right everywhere to rounding; else it was found numerically, and holds on the
        grid it was found for.
    mean_mm, p95_mm, maximum_mm : float
        Of the error |T(S(q)) - q| at points q of the grid that are not nodes of S, and whose counterpart lies inside of
        where T is known (the domain of a B-spline, the outermost nodes of a field) by more than the tolerance; 0 where
        it is exact, NaN where there is no such point.
    unreached : float
        Part of the grid's volume, 0 to 1, that T takes no point to from where it is known; S goes on smoothly there.
    """

    transform: sitk.Transform = field(repr=False)
    is_exact: bool
    mean_mm: float
    p95_mm: float
    maximum_mm: float
    unreached: float

    def __str__(self) -> str:
        """Return the accuracy in words.

        Examples
        --------
        >>> import SimpleITK as sitk
        >>> print(Inverse(sitk.Transform(), False, 0.01, 0.031, 0.084, 0.0042))
        inverse accurate to 0.031 mm (95 %), 0.084 mm at most; 0.42 % of the grid has no counterpart
        >>> print(Inverse(sitk.Transform(), True, 0.0, 0.0, 0.0, 0.0))
        inverse exact
        """
        if self.is_exact:
            return "inverse exact"
        if np.isnan(self.maximum_mm):
            return "no point of the grid has a counterpart"
        part = f"; {100 * self.unreached:.2g} % of the grid has no counterpart" if self.unreached else ""
        return f"inverse accurate to {self.p95_mm:.2g} mm (95 %), {self.maximum_mm:.2g} mm at most{part}"


def find_inverse(
    transform: sitk.Transform,
    grid: Grid,
    *,
    tolerance_mm: float = TOLERANCE_MM,
    at_voxels: bool = False,
    on_fraction: OnFraction | None = None,
    is_cancelled: IsCancelled | None = None,
) -> Inverse:
    """Return the inverse of any transform over a grid.

    A linear one is inverted in closed form. Of any other chain, linear parts are inverted in closed form, and what the
    deformations add becomes a displacement field over the grid, solved at each node by Newton's method. Its nodes come
    closer until the error measured between them is within the tolerance, or nodes do not help any more: where space is
    folded, there are several ways back, and the error tells of it.

    Parameters
    ----------
    transform : SimpleITK.Transform
        Fixed -> moving, LPS mm.
    grid : Grid
        Where the inverse is to hold, normally the moving image's; to half a voxel beyond the centres.
    tolerance_mm : float
        Error that is good enough.
    at_voxels : bool
        Solve it at each voxel of the grid, and measure it there and not between: to look at images through it on this
        grid, it is right where space swells and shrinks so much that a field could not follow. Where space is folded,
        the error is that between voxels all the same. Of grids of more than 33 million voxels, the field is found as
        ever.
    on_fraction : callable, optional
        Called with the part that is done, 0 to 1.
    is_cancelled : callable, optional
        Asked between two slabs of points.

    Returns
    -------
    Inverse
        Moving -> fixed, with its error. Beyond the grid it is the inverse of the linear parts.

    Raises
    ------
    GeometryError
        The transform has other axes than the grid.
    RegistrationError
        A linear part squeezes space flat.
    RegistrationCancelled
        `is_cancelled` said so.

    Examples
    --------
    >>> import SimpleITK as sitk
    >>> from napari_coreg.core.geometry import Grid
    >>> swell = sitk.BSplineTransformInitializer(sitk.Image([20, 20], sitk.sitkUInt8), [4, 4])
    >>> swell.SetParameters([0.1 * (n % 5) for n in range(98)])
    >>> inverse = find_inverse(swell, Grid((20, 20), (1.0, 1.0), (0.0, 0.0), (1.0, 0.0, 0.0, 1.0)))
    >>> inverse.is_exact, inverse.maximum_mm < 0.1
    (False, True)
    >>> there_and_back = swell.TransformPoint(inverse.transform.TransformPoint((9.0, 12.0)))
    >>> bool(np.allclose(there_and_back, (9.0, 12.0), atol=0.1))
    True
    """
    require_axes(transform, grid)
    if is_linear(transform):
        return Inverse(invert(transform), is_exact=True, mean_mm=0.0, p95_mm=0.0, maximum_mm=0.0, unreached=0.0)
    from napari_coreg.core.mapping.inverse_field import InverseSearch, Watch  # noqa: PLC0415 - numba takes 0.5 s

    search = InverseSearch(transform, grid, tolerance_mm, Watch(on_fraction, is_cancelled))
    return search.at_voxels() if at_voxels else search.run()


def measure_inverse(
    transform: sitk.Transform,
    inverse: sitk.Transform,
    grid: Grid,
    *,
    tolerance_mm: float = TOLERANCE_MM,
    is_cancelled: IsCancelled | None = None,
) -> Inverse:
    """Return an inverse that came from elsewhere (moving -> fixed, LPS mm) with its error, as `find_inverse` does.

    Parameters
    ----------
    transform, inverse : SimpleITK.Transform
        Fixed -> moving, and what shall undo it, LPS mm.
    grid : Grid
        Where to measure, normally the moving image's.
    tolerance_mm : float
        How far inside of where `transform` is known points have to lie to count.
    is_cancelled : callable, optional
        Asked between two slabs of points.

    Raises
    ------
    GeometryError
        One of the transforms has other axes than the grid.
    RegistrationError
        A linear part of the transform squeezes space flat.
    RegistrationCancelled
        `is_cancelled` said so.
    """
    require_axes(transform, grid)
    require_axes(inverse, grid)
    from napari_coreg.core.mapping.inverse_field import InverseSearch, Watch, nodes_over  # noqa: PLC0415

    search = InverseSearch(transform, grid, tolerance_mm, Watch(None, is_cancelled))
    return search.measured(inverse, nodes_over(grid, min(grid.spacing_xyz)))


def invert_points(
    transform: sitk.Transform, points_lps: Floats, *, tolerance_mm: float = 0.001
) -> tuple[Floats, Floats]:
    """Return the points that a transform takes to given ones, each found by Newton's method; no grid is needed.

    Parameters
    ----------
    transform : SimpleITK.Transform
        Fixed -> moving, LPS mm.
    points_lps : array, shape (N, D)
        In the moving space, LPS mm.
    tolerance_mm : float
        How near is near enough.

    Returns
    -------
    points_lps : array, shape (N, D)
        In the fixed space, LPS mm.
    errors_mm : array, shape (N,)
        How far `transform` misses when it takes them back; more than the tolerance only where nothing maps to a point.

    Raises
    ------
    GeometryError
        The points have other axes than the transform.
    RegistrationError
        A linear part squeezes space flat.

    Examples
    --------
    >>> import SimpleITK as sitk
    >>> invert_points(sitk.TranslationTransform(2, (3.0, 4.0)), np.array([[3.0, 5.0]]))[0]
    array([[0., 1.]])
    """
    points = require_points(transform, points_lps)
    if is_linear(transform):
        found = warp_points(invert(transform), points)
        return found, np.linalg.norm(warp_points(transform, found) - points, axis=1)
    from napari_coreg.core.mapping.kernels import EDGE  # noqa: PLC0415
    from napari_coreg.core.mapping.preimages import MOST_TRIES, Preimages  # noqa: PLC0415

    preimages = Preimages(transform, tolerance_mm * SOLVED, EDGE)
    found, _ = preimages.find(points, None, MOST_TRIES)
    errors = np.linalg.norm(warp_points(transform, found) - points, axis=1)
    missed = np.flatnonzero(errors > tolerance_mm)
    outside = warp_points(preimages.back, points[missed])  # where deformations move nothing
    still = np.linalg.norm(warp_points(transform, outside) - points[missed], axis=1)
    better = still < errors[missed]
    found[missed[better]], errors[missed[better]] = outside[better], still[better]
    return found, errors


def invert_vectors(
    transform: sitk.Transform, positions_lps: Floats, vectors_lps: Floats, *, tolerance_mm: float = 0.001
) -> tuple[Floats, Floats, Floats]:
    """Return positions and vectors that a transform takes to given ones: J^-1 v at the position that was found.

    Parameters
    ----------
    transform : SimpleITK.Transform
        Fixed -> moving, LPS mm.
    positions_lps, vectors_lps : array, shape (N, D)
        In the moving space, LPS mm.
    tolerance_mm : float
        As for `invert_points`.

    Returns
    -------
    positions_lps, vectors_lps : array, shape (N, D)
        In the fixed space, LPS mm; vectors are NaN where space is squeezed flat.
    errors_mm : array, shape (N,)
        Of the positions, as for `invert_points`.

    Raises
    ------
    GeometryError
        Positions and vectors are not as many, or have other axes than the transform.
    RegistrationError
        A linear part squeezes space flat.
    """
    vectors = require_points(transform, vectors_lps)
    found, errors = invert_points(transform, positions_lps, tolerance_mm=tolerance_mm)
    require_as_many(found, vectors)
    jacobians = jacobians_at(transform, found)
    flat = np.abs(np.linalg.det(jacobians)) < np.finfo(float).tiny
    jacobians[flat] = np.nan
    undone = np.linalg.solve(jacobians, vectors[..., None])[..., 0].astype(np.float64)
    return found, undone, errors


def invert_surface(
    transform: sitk.Transform, surface: Surface, *, tolerance_mm: float = 0.001
) -> tuple[Surface, Floats]:
    """Return the surface that a transform takes to a given one, and for each vertex how far it misses, mm (N,).

    Parameters
    ----------
    transform : SimpleITK.Transform
        Fixed -> moving, LPS mm.
    surface : Surface
        In the moving space.
    tolerance_mm : float
        As for `invert_points`, which also tells what is raised.
    """
    found, errors = invert_points(transform, surface.vertices_lps, tolerance_mm=tolerance_mm)
    faces = surface.faces[:, ::-1].copy() if mirrors(transform, found) else surface.faces
    return Surface(found, faces), errors
