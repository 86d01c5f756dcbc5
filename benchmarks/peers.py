"""The deformable registrations of other packages, each called as its documentation says; run by `deformable.py`.

Every function registers within `with clock:` and returns the displacement on the fixed grid, LPS mm, whatever frame and
direction the tool itself uses. Install: pip install itk-elastix antspyx picsl-greedy plastimatch niftyreg SimpleITK
nibabel (README.md says which versions). Imports stand where they are needed, so that each peer pays for its own alone.
"""
# ruff: noqa: PLC0415

from __future__ import annotations

import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trial import Clock, Trial, run, serve

if TYPE_CHECKING:
    import SimpleITK as sitk

PROGRAMS = Path(sysconfig.get_path("scripts"))
NIFTYREG = Path(sysconfig.get_path("purelib"), "niftyreg", "bin")
ELASTIX_TUNED = {
    "Registration": "MultiResolutionRegistration",
    "Metric": "AdvancedMattesMutualInformation",
    "NumberOfHistogramBins": "32",
    "NumberOfSpatialSamples": "5000",
    "MaximumNumberOfIterations": "1000",
}


def elastix_defaults(trial: Trial, clock: Clock) -> sitk.Image:
    return _elastix(trial, clock, 10.0, {})


def elastix_tuned(trial: Trial, clock: Clock) -> sitk.Image:
    return _elastix(trial, clock, 12.0, ELASTIX_TUNED)


def elastix_tuned_mask(trial: Trial, clock: Clock) -> sitk.Image:
    return _elastix(trial, clock, 12.0, ELASTIX_TUNED, mask=trial.inside)


def _elastix(
    trial: Trial, clock: Clock, spacing_mm: float, settings: dict[str, str], mask: str | None = None
) -> sitk.Image:
    import itk
    import SimpleITK as sitk

    itk.set_nthreads(trial.threads)
    parameters = itk.ParameterObject.New()
    with clock:
        fixed, moving = itk.imread(trial.fixed, itk.F), itk.imread(trial.moving, itk.F)
        names = parameters.GetDefaultParameterMap("bspline", 4, spacing_mm)
        names["WriteResultImage"] = ["false"]
        if "Metric" in settings:  # one metric without a penalty
            del names["Metric0Weight"], names["Metric1Weight"]
        for name, value in settings.items():
            names[name] = [value]
        parameters.AddParameterMap(names)
        # number_of_threads is not given: with it the default map crashes; the environment says how many.
        method = itk.ElastixRegistrationMethod.New(fixed, moving, parameter_object=parameters, log_to_console=False)
        if mask is not None:
            method.SetFixedMask(itk.imread(mask, itk.UC))
        if trial.affine is not None:
            method.SetInitialTransformParameterFileName(_elastix_affine(trial))
        method.UpdateLargestPossibleRegion()
    transformix = itk.TransformixFilter.New(moving)
    transformix.SetTransformParameterObject(method.GetTransformParameterObject())
    transformix.SetComputeDeformationField(True)
    transformix.SetOutputDirectory(trial.scratch)
    transformix.UpdateLargestPossibleRegion()
    field = sitk.GetImageFromArray(itk.array_from_image(transformix.GetOutputDeformationField()), isVector=True)
    field.CopyInformation(sitk.ReadImage(trial.fixed))
    return field


def _elastix_affine(trial: Trial) -> str:
    """Write the start as a transform file of elastix, and return its path."""
    import numpy as np
    import SimpleITK as sitk

    matrix, fixed = np.array(trial.affine), sitk.ReadImage(trial.fixed)
    entries: dict[str, Any] = {
        "Transform": '"AffineTransform"',
        "NumberOfParameters": 12,
        "TransformParameters": [*matrix[:3, :3].ravel(), *matrix[:3, 3]],
        "CenterOfRotationPoint": [0, 0, 0],
        "InitialTransformParameterFileName": '"NoInitialTransform"',
        "HowToCombineTransforms": '"Compose"',
        "FixedImageDimension": 3,
        "MovingImageDimension": 3,
        "FixedInternalImagePixelType": '"float"',
        "MovingInternalImagePixelType": '"float"',
        "Size": fixed.GetSize(),
        "Index": [0, 0, 0],
        "Spacing": fixed.GetSpacing(),
        "Origin": fixed.GetOrigin(),
        "Direction": np.reshape(fixed.GetDirection(), (3, 3)).T.ravel(),
        "UseDirectionCosines": '"true"',
    }
    lines = [f"({name} {' '.join(str(v) for v in np.atleast_1d(value))})\n" for name, value in entries.items()]
    path = Path(trial.file("affine.txt"))
    path.write_text("".join(lines))
    return str(path)


def niftyreg(trial: Trial, clock: Clock) -> sitk.Image:
    return _niftyreg(trial, clock)


def niftyreg_half(trial: Trial, clock: Clock) -> sitk.Image:
    return _niftyreg(trial, clock, "-lp", "2")


def _niftyreg(trial: Trial, clock: Clock, *options: str) -> sitk.Image:
    if trial.affine is not None:
        options = (*options, "-aff", _ras_matrix_file(trial))
    grid, warped, field = (trial.file(name) for name in ("grid.nii", "warped.nii", "field.nii"))
    files = ("-ref", trial.fixed, "-flo", trial.moving, "-cpp", grid, "-res", warped)
    with clock:
        run(str(NIFTYREG / "reg_f3d"), *files, "-omp", str(trial.threads), "-voff", *options)

    import nibabel as nib
    import numpy as np
    import SimpleITK as sitk

    run(str(NIFTYREG / "reg_transform"), "-ref", trial.fixed, "-disp", grid, field)
    ras_xyz = np.asarray(nib.load(field).dataobj).squeeze()
    lps_zyx = np.ascontiguousarray((ras_xyz * [-1, -1, 1]).transpose(2, 1, 0, 3))
    image = sitk.GetImageFromArray(lps_zyx, isVector=True)
    image.CopyInformation(sitk.ReadImage(trial.fixed))
    return image


def greedy(trial: Trial, clock: Clock) -> sitk.Image:
    import SimpleITK as sitk
    from picsl_greedy import Greedy3D

    warp = trial.file("warp.nii")
    metric = "NMI" if trial.remapped else "NCC 2x2x2"
    start = "" if trial.affine is None else f"-it {_ras_matrix_file(trial)}"
    with clock:
        Greedy3D().execute(
            f"-i {trial.fixed} {trial.moving} -o {warp} -m {metric} -n 100x50x10 -e 0.5 {start} "
            f"-threads {trial.threads} -V 0"
        )
    return _after_warp(trial, sitk.ReadImage(warp))


def ants_syn_only(trial: Trial, clock: Clock) -> sitk.Image:
    return _ants(trial, clock, "SyNOnly")


def ants_syn_quick(trial: Trial, clock: Clock) -> sitk.Image:
    return _ants(trial, clock, "antsRegistrationSyNQuick[so]")


def _ants(trial: Trial, clock: Clock, kind: str) -> sitk.Image:
    import ants
    import SimpleITK as sitk

    start = None if trial.affine is None else [_affine_file(trial)]
    with clock:
        fixed, moving = ants.image_read(trial.fixed), ants.image_read(trial.moving)
        prefix = trial.file("ants_")
        found = ants.registration(
            fixed, moving, type_of_transform=kind, initial_transform=start, outprefix=prefix, random_seed=1
        )
    warps = [name for name in found["fwdtransforms"] if not name.endswith(".mat")]
    matrices = [name for name in found["fwdtransforms"] if name.endswith(".mat")]
    if trial.affine is not None and len(matrices) != 1:
        raise SystemExit(f"ANTs gave {len(matrices)} linear transforms where one was put in")
    return _after_warp(trial, sitk.ReadImage(warps[0]))


def plastimatch(trial: Trial, clock: Clock) -> sitk.Image:
    # It misplaces images whose axes do not run to L, P and S, and its B-spline cannot follow an affine transform (it
    # takes it up into its coefficients, where the penalty pulls at it): it gets both images as it needs them.
    found, field, settings = (trial.file(name) for name in ("found.txt", "vectors.mha", "settings.txt"))
    metric = "mi" if trial.remapped else "mse"
    Path(settings).write_text(
        f"[GLOBAL]\nfixed={trial.upright}\nmoving={trial.moving_at_start}\nxform_out={found}\ndefault_value=0\n"
        f"[STAGE]\nxform=bspline\noptim=lbfgsb\nimpl=plastimatch\nmetric={metric}\nregularization_lambda=0.005\n"
        "max_its=60\ngrid_spac=40 40 40\nres=4 4 4\n"
        "[STAGE]\nmax_its=60\ngrid_spac=20 20 20\nres=2 2 2\n"
        "[STAGE]\nmax_its=30\ngrid_spac=12 12 12\nres=2 2 2\n"
    )
    program = str(PROGRAMS / "plastimatch")
    with clock:
        run(program, "register", settings)

    import SimpleITK as sitk

    run(program, "xf-convert", "--input", found, "--output", field, "--output-type", "vf", "--fixed", trial.upright)
    fixed = sitk.ReadImage(trial.fixed)
    return _after_warp(trial, sitk.Resample(sitk.ReadImage(field), fixed, sitk.Transform(), sitk.sitkNearestNeighbor))


def simpleitk(trial: Trial, clock: Clock) -> sitk.Image:
    """Register as the SimpleITK notebooks do: a B-spline with 50 mm between control points, LBFGSB."""
    import SimpleITK as sitk

    with clock:
        fixed, moving = (sitk.ReadImage(path, sitk.sitkFloat32) for path in (trial.fixed, trial.moving))
        cells = [max(1, round(n * mm / 50)) for n, mm in zip(fixed.GetSize(), fixed.GetSpacing(), strict=True)]
        method = sitk.ImageRegistrationMethod()
        if trial.remapped:
            method.SetMetricAsMattesMutualInformation(50)
        else:
            method.SetMetricAsMeanSquares()
        method.SetMetricSamplingStrategy(method.RANDOM)
        method.SetMetricSamplingPercentage(0.01, 1)
        method.SetInterpolator(sitk.sitkLinear)
        method.SetShrinkFactorsPerLevel([4, 2, 1])
        method.SetSmoothingSigmasPerLevel([2, 1, 0])
        method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
        method.SetOptimizerAsLBFGSB(gradientConvergenceTolerance=1e-5, numberOfIterations=100)
        if trial.affine is not None:
            method.SetMovingInitialTransform(_affine(trial))
        method.SetInitialTransform(sitk.BSplineTransformInitializer(fixed, cells), inPlace=True)
        found = method.Execute(fixed, moving)
    return _after(trial, found)


def _affine(trial: Trial) -> sitk.AffineTransform:
    import numpy as np
    import SimpleITK as sitk

    matrix = np.array(trial.affine)
    affine = sitk.AffineTransform(3)
    affine.SetMatrix(matrix[:3, :3].ravel().tolist())
    affine.SetTranslation(matrix[:3, 3].tolist())
    return affine


def _affine_file(trial: Trial) -> str:
    """Write the start as ITK writes transforms, and return the path."""
    assert trial.affine is not None
    numbers = [value for row in trial.affine[:3] for value in row[:3]] + [row[3] for row in trial.affine[:3]]
    path = Path(trial.file("affine.tfm"))
    path.write_text(
        "#Insight Transform File V1.0\n#Transform 0\nTransform: AffineTransform_double_3_3\n"
        f"Parameters: {' '.join(map(repr, numbers))}\nFixedParameters: 0 0 0\n"
    )
    return str(path)


def _ras_matrix_file(trial: Trial) -> str:
    """Write the start as four lines of text, fixed -> moving in RAS, and return the path."""
    flip = (-1.0, -1.0, 1.0, 1.0)
    assert trial.affine is not None
    rows = [[flip[i] * value * flip[j] for j, value in enumerate(row)] for i, row in enumerate(trial.affine)]
    path = Path(trial.file("affine_ras.mat"))
    path.write_text("".join(" ".join(f"{value:.12g}" for value in row) + "\n" for row in rows))
    return str(path)


def _after_warp(trial: Trial, warp: sitk.Image) -> sitk.Image:
    """Return the displacement of a warp on the fixed grid (LPS mm) followed by the trial's affine."""
    import SimpleITK as sitk

    return _after(trial, sitk.DisplacementFieldTransform(sitk.Cast(warp, sitk.sitkVectorFloat64)))


def _after(trial: Trial, found: sitk.Transform) -> sitk.Image:
    """Return the displacement on the fixed grid of `found` followed by the trial's affine."""
    import SimpleITK as sitk

    whole = found if trial.affine is None else sitk.CompositeTransform([_affine(trial), found])
    grid = sitk.ReadImage(trial.fixed)
    return sitk.TransformToDisplacementField(
        whole, sitk.sitkVectorFloat64, grid.GetSize(), grid.GetOrigin(), grid.GetSpacing(), grid.GetDirection()
    )


PEERS = {
    "elastix-tuned": elastix_tuned,
    "elastix-tuned-mask": elastix_tuned_mask,
    "elastix": elastix_defaults,
    "niftyreg-half": niftyreg_half,
    "niftyreg": niftyreg,
    "greedy": greedy,
    "ants-syn-only": ants_syn_only,
    "ants-syn-quick": ants_syn_quick,
    "plastimatch": plastimatch,
    "simpleitk": simpleitk,
}

if __name__ == "__main__":
    serve(PEERS)
