"""Compiles the kernels that measure, ahead of it; run as a module, it is what compiles them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_coreg.core.compiling import compile_aside, is_compiled
from napari_coreg.core.measuring import bending_kernels, jacobian_kernels, label_kernels, pair_kernels, surface_kernels

if TYPE_CHECKING:
    from napari_coreg.core.progress import IsCancelled


def compile_ahead(is_cancelled: IsCancelled) -> bool:
    """Have the kernels compiled onto the disk where they are not there yet; return False where that was cancelled."""
    kernels = (
        pair_kernels.measure_boxes,
        label_kernels.count_numbers,
        surface_kernels.find_near,
        jacobian_kernels.fill_determinants,
        bending_kernels.sum_energies,
    )
    return all(map(is_compiled, kernels)) or compile_aside(__name__, [], is_cancelled)


def _measure_something() -> None:
    """Call every kernel, on small volumes."""
    import SimpleITK as sitk  # noqa: PLC0415

    from napari_coreg.core.bending import bending_energy  # noqa: PLC0415
    from napari_coreg.core.geometry import Grid  # noqa: PLC0415
    from napari_coreg.core.label_measures import compare_labels  # noqa: PLC0415
    from napari_coreg.core.similarity import similarity  # noqa: PLC0415
    from napari_coreg.core.structure_motion import motion_per_structure  # noqa: PLC0415

    image = sitk.GaussianSource(sitk.sitkFloat32, [16, 16, 16], [5, 4, 3], [8, 8, 8])
    similarity(image, image)
    spline = sitk.BSplineTransformInitializer(image, [2, 2, 2])
    bending_energy(spline, Grid.of(image), image)
    labels = sitk.BinaryThreshold(image, 100.0, 1000.0)
    for pixel_type in (sitk.sitkUInt8, sitk.sitkInt32):
        compare_labels(sitk.Cast(labels, pixel_type), sitk.Cast(labels, pixel_type))
    motion_per_structure(spline, labels)


if __name__ == "__main__":
    _measure_something()
