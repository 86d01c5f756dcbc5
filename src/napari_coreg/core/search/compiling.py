"""Compiles the kernels of the search ahead of a run; run as a module, it is what compiles them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_coreg.core.compiling import compile_aside, is_compiled
from napari_coreg.core.search import kernels

if TYPE_CHECKING:
    from napari_coreg.core.progress import IsCancelled

MESSAGE = "compiling kernels of the search, once (about 5 s)"


def needs_compiling() -> bool:
    """Whether kernels are not there as machine code yet."""
    return not all(map(is_compiled, [kernels.score_poses, kernels.refine_pose]))


def compile_ahead(is_cancelled: IsCancelled) -> bool:
    """Have the kernels compiled onto the disk; return False where that was cancelled."""
    return compile_aside(__name__, [], is_cancelled)


def _search_something() -> None:
    """Call every kernel, on two small images."""
    import numpy as np  # noqa: PLC0415
    import SimpleITK as sitk  # noqa: PLC0415

    from napari_coreg.core.search.landscape import Landscape  # noqa: PLC0415

    image = sitk.GaussianSource(sitk.sitkFloat32, [24, 24, 24], [5, 4, 3], [12, 12, 12])
    Landscape(image, image).settled([np.eye(4)])
    Landscape(image, image).score(np.eye(4))


if __name__ == "__main__":
    _search_something()
