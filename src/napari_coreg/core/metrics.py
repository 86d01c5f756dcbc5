"""What is compared between two images: the metrics, each with only its own settings, as frozen data.

Left out: the force of the demons, which ITK evaluates only where the transform is a displacement field.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from napari_coreg.core.frozen import FrozenModel


class MattesMutualInformation(FrozenModel):
    """Mutual information with cubic Parzen windows; for different modalities, and safe for equal ones.

    Mattes et al., "PET-CT image registration in the chest using free-form deformations", IEEE TMI 22, 2003.
    """

    kind: Literal["mattes_mutual_information"] = "mattes_mutual_information"
    number_of_histogram_bins: int = Field(
        64, title="Histogram bins", description="Bins per axis of the joint histogram.", ge=5, le=256
    )


class NormalizedMutualInformation(FrozenModel):
    """Mutual information relative to the joint entropy, so that the size of the overlap counts less.

    Studholme et al., "An overlap invariant entropy measure of 3D medical image alignment", Pattern Recognition 32,
    1999.
    """

    kind: Literal["normalized_mutual_information"] = "normalized_mutual_information"
    number_of_histogram_bins: int = Field(
        64, title="Histogram bins", description="Bins per axis of the joint histogram.", ge=5, le=256
    )


class JointHistogramMutualInformation(FrozenModel):
    """Mutual information from a Gaussian-smoothed joint histogram; slower than Mattes, smoother.

    Thévenaz and Unser, "Optimization of mutual information for multiresolution image registration", IEEE TIP 9,
    2000.
    """

    kind: Literal["joint_histogram_mutual_information"] = "joint_histogram_mutual_information"
    number_of_histogram_bins: int = Field(
        32, title="Histogram bins", description="Bins per axis of the joint histogram.", ge=5, le=256
    )
    joint_smoothing_variance: float = Field(
        1.5,
        title="Smoothing variance",
        description="Variance, in bins squared, of the Gaussian that smooths the joint histogram.",
        gt=0,
        le=20,
    )


class Correlation(FrozenModel):
    """Squared normalized correlation; for one modality up to a linear change of intensity."""

    kind: Literal["correlation"] = "correlation"


class LocalNormalizedCorrelation(FrozenModel):
    """Squared normalized correlation in a small window about each voxel; for one modality with bias fields.

    SimpleITK calls it ANTS neighborhood correlation. Avants et al., "Symmetric diffeomorphic image registration with
    cross-correlation", Med Image Anal 12, 2008.
    """

    kind: Literal["local_normalized_correlation"] = "local_normalized_correlation"
    radius: int = Field(
        2, title="Window radius", description="Radius of the window in voxels of the level.", ge=1, le=10
    )


class MeanSquares(FrozenModel):
    """Mean squared difference of intensities; only where equal tissue has equal intensity."""

    kind: Literal["mean_squares"] = "mean_squares"


Metric = Annotated[
    MattesMutualInformation
    | NormalizedMutualInformation
    | JointHistogramMutualInformation
    | Correlation
    | LocalNormalizedCorrelation
    | MeanSquares,
    Field(discriminator="kind"),
]
