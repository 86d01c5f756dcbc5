"""Known rigid moves of a real head: this project beside two ways to drive plain SimpleITK.

    python benchmarks/rigid.py [--head mni152] [--seeds 10] [--threads 2]

Prints time and target registration error per seed, and ratios of the medians. "notebook" is how the SimpleITK notebooks
register (1 % random samples, gradient descent, ITK's own pyramid); "per-level" is the leanest hand-written loop we know
(both images shrunk per level, 50 / 10 / 2 % regular samples).
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from cases import HEADS, Case, read_head, rigid_case
from napari_coreg import register

if TYPE_CHECKING:
    from collections.abc import Callable


def ours(case: Case) -> sitk.Transform:
    return register(case.fixed, case.moving, "rigid").transform


def notebook(case: Case) -> sitk.Transform:
    start = sitk.CenteredTransformInitializer(
        case.fixed, case.moving, sitk.Euler3DTransform(), sitk.CenteredTransformInitializerFilter.GEOMETRY
    )
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(50)
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(0.01, 1)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsGradientDescent(1.0, 100, 1e-6, 10)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel([4, 2, 1])
    method.SetSmoothingSigmasPerLevel([2, 1, 0])
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    method.SetInitialTransform(start, inPlace=False)
    return method.Execute(case.fixed, case.moving)


def per_level(case: Case) -> sitk.Transform:
    transform = sitk.VersorRigid3DTransform()
    centre = [(size - 1) / 2 for size in case.fixed.GetSize()]
    transform.SetCenter(case.fixed.TransformContinuousIndexToPhysicalPoint(centre))
    for factor, fraction in ((8, 0.5), (4, 0.1), (2, 0.02)):
        method = sitk.ImageRegistrationMethod()
        method.SetMetricAsMattesMutualInformation(50)
        method.MetricUseFixedImageGradientFilterOff()
        method.MetricUseMovingImageGradientFilterOff()
        method.SetMetricSamplingStrategy(method.REGULAR)
        method.SetMetricSamplingPercentage(fraction, 1)
        method.SetInterpolator(sitk.sitkLinear)
        method.SetOptimizerAsRegularStepGradientDescent(1.0, 0.005 * factor, 100, 0.7, 1e-8, method.Once, float(factor))
        method.SetOptimizerScalesFromPhysicalShift()
        method.SetInitialTransform(transform, inPlace=True)
        method.Execute(sitk.BinShrink(case.fixed, [factor] * 3), sitk.BinShrink(case.moving, [factor] * 3))
    return transform


METHODS: dict[str, Callable[[Case], sitk.Transform]] = {
    "napari-coreg rigid": ours,
    "SimpleITK per-level": per_level,
    "SimpleITK notebook": notebook,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--head", choices=sorted(HEADS), default="mni152")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(arguments.threads)
    head = read_head(arguments.head)
    seconds: dict[str, list[float]] = {name: [] for name in METHODS}
    errors: dict[str, list[float]] = {name: [] for name in METHODS}
    print(
        f"{arguments.head}, {head.GetSize()} voxels, 15 degrees, 20 mm, remapped contrast, {arguments.threads} threads"
    )
    ours(rigid_case(head, 0))  # the first call of all pays for imports
    for seed in range(arguments.seeds):
        case = rigid_case(head, seed)
        for name, method in METHODS.items():
            began = time.perf_counter()
            transform = method(case)
            seconds[name].append(time.perf_counter() - began)
            errors[name].append(float(case.error_mm(transform).mean()))
        print(
            f"seed {seed}: "
            + "   ".join(f"{name} {seconds[name][-1]:.2f} s {errors[name][-1]:.3f} mm" for name in METHODS)
        )
    print(f"\n{'':22}{'median s':>10}{'mean mm':>10}{'worst mm':>10}{'time ratio to ours':>20}")
    for name in METHODS:
        ratio = np.median(seconds[name]) / np.median(seconds["napari-coreg rigid"])
        print(
            f"{name:22}{np.median(seconds[name]):10.2f}{np.mean(errors[name]):10.3f}{max(errors[name]):10.3f}{ratio:20.2f}"
        )


if __name__ == "__main__":
    main()
