"""Compiles the kernels before the first test, so that none meets the announcement of it by chance."""

import numpy as np
import pytest
import SimpleITK as sitk

from napari_coreg import Recipe, register


@pytest.fixture(scope="session", autouse=True)
def _compiled_kernels():
    """Run both kinds of deformation once."""
    rng = np.random.default_rng(0)
    fixed, moving = (sitk.GetImageFromArray(rng.normal(size=(16, 16, 16)).astype(np.float32)) for _ in range(2))
    for deformation in ("displacement", "stationary_velocity"):
        stage = {
            "kind": "bspline",
            "deformation": deformation,
            "optimizer": {"kind": "lbfgs", "number_of_iterations": 1},
            "pyramid": {"shrink_factors": [1], "smoothing_sigmas_mm": [0]},
            "sampling": {"percentages": [100]},
            "grid_spacings_mm": [8],
        }
        register(fixed, moving, Recipe.from_mapping({"name": "warm", "initialization": "given", "stages": [stage]}))
