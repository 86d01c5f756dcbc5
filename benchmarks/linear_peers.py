"""The linear registrations of other packages, each called as its documentation says; run by `robustness.py`.

Every function registers within `with clock:` and returns a 4 x 4 matrix, fixed -> moving, LPS mm, whatever frame and
direction the tool itself uses. README.md says what to install. Imports stand where they are needed, so that each peer
pays for its own alone.
"""
# ruff: noqa: PLC0415

from __future__ import annotations

import sysconfig
from pathlib import Path
from typing import Any

from trial import Clock, Matrix, Trial, run, serve

PROGRAMS = Path(sysconfig.get_path("scripts"))
NIFTYREG = Path(sysconfig.get_path("purelib"), "niftyreg", "bin")
FLIP = (-1.0, -1.0, 1.0, 1.0)  # between RAS and LPS
FRAME_MM = 100.0
FRAME = ((0.0, 0.0, 0.0), (FRAME_MM, 0.0, 0.0), (0.0, FRAME_MM, 0.0), (0.0, 0.0, FRAME_MM))


def elastix(trial: Trial, clock: Clock) -> Matrix:
    return _elastix(trial, clock, "GeometricalCenter")


def elastix_gravity(trial: Trial, clock: Clock) -> Matrix:
    return _elastix(trial, clock, "CenterOfGravity")


def _elastix(trial: Trial, clock: Clock, start: str) -> Matrix:
    import itk

    itk.set_nthreads(trial.threads)
    parameters = itk.ParameterObject.New()
    with clock:
        fixed, moving = itk.imread(trial.fixed, itk.F), itk.imread(trial.moving, itk.F)
        names = parameters.GetDefaultParameterMap("rigid", 4)
        names["WriteResultImage"] = ["false"]
        names["AutomaticTransformInitialization"] = ["true"]
        names["AutomaticTransformInitializationMethod"] = [start]
        parameters.AddParameterMap(names)
        method = itk.ElastixRegistrationMethod.New(fixed, moving, parameter_object=parameters, log_to_console=False)
        method.UpdateLargestPossibleRegion()
    asked = Path(trial.file("points.txt"))
    asked.write_text("point\n4\n" + "\n".join(" ".join(map(str, point)) for point in FRAME) + "\n")
    transformix = itk.TransformixFilter.New(moving)
    transformix.SetTransformParameterObject(method.GetTransformParameterObject())
    transformix.SetFixedPointSetFileName(str(asked))
    transformix.SetOutputDirectory(trial.scratch)
    transformix.UpdateLargestPossibleRegion()
    lines = Path(trial.file("outputpoints.txt")).read_text().splitlines()
    return _matrix([[float(v) for v in line.split("OutputPoint = [")[1].split("]")[0].split()] for line in lines])


def ants(trial: Trial, clock: Clock) -> Matrix:
    return _ants(trial, clock)


def ants_search(trial: Trial, clock: Clock) -> Matrix:
    """Start with its search, `affine_initializer`, over all rotations in steps of 20 degrees, with voxels of 4 mm.

    At full resolution it was not done after 400 s.
    """
    return _ants(trial, clock, searched=True)


def _ants(trial: Trial, clock: Clock, *, searched: bool = False) -> Matrix:
    import ants as package
    import SimpleITK as sitk

    with clock:
        fixed, moving = package.image_read(trial.fixed), package.image_read(trial.moving)
        start = [_ants_start(package, fixed, moving)] if searched else None
        found = package.registration(
            fixed,
            moving,
            type_of_transform="Rigid",
            initial_transform=start,
            outprefix=trial.file("ants_"),
            random_seed=1,
        )
    whole = sitk.CompositeTransform(3)
    for name in reversed(found["fwdtransforms"]):
        whole.AddTransform(sitk.ReadTransform(name))
    return _matrix([whole.TransformPoint(point) for point in FRAME])


def _ants_start(package: Any, fixed: Any, moving: Any) -> str:
    coarse = [package.resample_image(image, (4.0, 4.0, 4.0)) for image in (fixed, moving)]
    return package.affine_initializer(*coarse, search_factor=20, radian_fraction=1.0)


def greedy(trial: Trial, clock: Clock) -> Matrix:
    return _greedy(trial, clock, "-ia-image-centers")


def greedy_moments(trial: Trial, clock: Clock) -> Matrix:
    """Start from its own alignment of the centres of intensity."""
    from picsl_greedy import Greedy3D

    start = trial.file("moments.mat")
    with clock:
        Greedy3D().execute(f"-moments 1 -i {trial.fixed} {trial.moving} -o {start} -V 0")
    before = clock.figures
    found = _greedy(trial, clock, f"-ia {start}")
    for name in ("wall_s", "cpu_s"):
        clock.figures[name] += before[name]
    return found


def greedy_search(trial: Trial, clock: Clock) -> Matrix:
    """Start from the best of 1,000 rotations of any angle, shifts of 20 mm standard deviation."""
    return _greedy(trial, clock, "-ia-image-centers -search 1000 any 20")


def _greedy(trial: Trial, clock: Clock, start: str) -> Matrix:
    from picsl_greedy import Greedy3D

    found = trial.file("found.mat")
    metric = "NMI" if trial.remapped else "NCC 2x2x2"
    with clock:
        Greedy3D().execute(
            f"-a -dof 6 -i {trial.fixed} {trial.moving} -o {found} -m {metric} -n 100x50x10 {start} "
            f"-threads {trial.threads} -V 0"
        )
    return _ras_matrix(found)


def aladin(trial: Trial, clock: Clock) -> Matrix:
    return _aladin(trial, clock)


def aladin_gravity(trial: Trial, clock: Clock) -> Matrix:
    return _aladin(trial, clock, "-comi")


def _aladin(trial: Trial, clock: Clock, *options: str) -> Matrix:
    found, warped = trial.file("found.txt"), trial.file("warped.nii")
    files = ("-ref", trial.fixed, "-flo", trial.moving, "-aff", found, "-res", warped)
    with clock:
        run(str(NIFTYREG / "reg_aladin"), *files, "-rigOnly", "-omp", str(trial.threads), "-voff", *options)
    return _ras_matrix(found)


def dipy(trial: Trial, clock: Clock) -> Matrix:
    """Centres of mass, a translation, a rigid transform: its tutorial, with 5 % of the voxels."""
    import nibabel as nib
    import numpy as np
    from dipy.align.imaffine import AffineRegistration, MutualInformationMetric, transform_centers_of_mass
    from dipy.align.transforms import RigidTransform3D, TranslationTransform3D

    with clock:
        images = [nib.load(path) for path in (trial.fixed, trial.moving)]
        fixed, moving = (np.asarray(image.dataobj, dtype=float) for image in images)
        affines = [image.affine for image in images]
        step = transform_centers_of_mass(fixed, affines[0], moving, affines[1])
        method = AffineRegistration(
            metric=MutualInformationMetric(nbins=32, sampling_proportion=0.05),
            level_iters=[1000, 200, 50],
            sigmas=[3.0, 1.0, 0.0],
            factors=[4, 2, 1],
            verbosity=0,
        )
        for kind in (TranslationTransform3D(), RigidTransform3D()):
            step = method.optimize(fixed, moving, kind, None, *affines, starting_affine=step.affine)
    return _lps(step.affine.tolist())


def plastimatch(trial: Trial, clock: Clock) -> Matrix:
    import SimpleITK as sitk

    found, settings = trial.file("found.txt"), trial.file("settings.txt")
    metric = "mattes" if trial.remapped else "mse"
    Path(settings).write_text(
        f"[GLOBAL]\nfixed={trial.upright}\nmoving={trial.moving}\nxform_out={found}\ndefault_value=0\n"
        "[STAGE]\nxform=align_center\n"
        f"[STAGE]\nxform=rigid\noptim=versor\nmetric={metric}\nmax_its=60\nres=4 4 4\n"
        "[STAGE]\nmax_its=40\nres=2 2 2\n"
    )
    with clock:
        run(str(PROGRAMS / "plastimatch"), "register", settings)
    transform = sitk.ReadTransform(found)
    return _matrix([transform.TransformPoint(point) for point in FRAME])


def simpleitk(trial: Trial, clock: Clock) -> Matrix:
    """Register as the SimpleITK notebooks do: from the geometric centres, 1 % random samples, gradient descent."""
    import SimpleITK as sitk

    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(trial.threads)
    with clock:
        fixed, moving = (sitk.ReadImage(path, sitk.sitkFloat32) for path in (trial.fixed, trial.moving))
        start = sitk.CenteredTransformInitializer(
            fixed, moving, sitk.Euler3DTransform(), sitk.CenteredTransformInitializerFilter.GEOMETRY
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
        found = method.Execute(fixed, moving)
    return _matrix([found.TransformPoint(point) for point in FRAME])


def _matrix(mapped: list[list[float]]) -> Matrix:
    """Return the matrix of a linear map from where it takes the points of `FRAME`."""
    origin, *ends = mapped
    return [[*((end[i] - origin[i]) / FRAME_MM for end in ends), origin[i]] for i in range(3)] + [[0.0, 0.0, 0.0, 1.0]]


def _ras_matrix(path: str) -> Matrix:
    """Return, in LPS, the RAS matrix that stands in a file as four lines of text."""
    return _lps([[float(value) for value in line.split()] for line in Path(path).read_text().splitlines() if line])


def _lps(ras: Matrix) -> Matrix:
    return [[FLIP[i] * value * FLIP[j] for j, value in enumerate(row)] for i, row in enumerate(ras)]


PEERS = {
    "elastix": elastix,
    "elastix-gravity": elastix_gravity,
    "plastimatch": plastimatch,
    "simpleitk": simpleitk,
    "greedy": greedy,
    "greedy-moments": greedy_moments,
    "greedy-search": greedy_search,
    "aladin": aladin,
    "aladin-gravity": aladin_gravity,
    "ants": ants,
    "ants-search": ants_search,
    "dipy": dipy,
}

if __name__ == "__main__":
    serve(PEERS)
