"""A volume as it was read from a layer: voxels that are not copied, and where they lie."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import SimpleITK as sitk

from napari_coreg.plugin.voxels import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_coreg.core.geometry import Grid

Kind = Literal["image", "labels", "mask"]


@dataclass(frozen=True, eq=False)
class LayerVolume:
    """A volume as it was read from a layer, without a copy of its voxels.

    Attributes
    ----------
    data : array
        Voxels in zyx order (yx in 2-D): the layer's own array, lazy where the layer's is.
    geometry : Grid
        The volume's own frame, LPS mm: its file's header where the layer remembers it, else what is displayed.
    name : str
        The layer's name.
    kind : {'image', 'labels', 'mask'}
        A mask becomes 0 and 1.
    moved : SimpleITK.AffineTransform or None
        Own frame -> displayed world (LPS mm); None when the layer lies where its header says.
    placed_by_hand : bool
        True when the layer has no header and someone gave it an affine: `geometry` holds that place already.
    modality : str
        As the layer's file says in DICOM's words ("CT", "MR", "PT"); empty where it does not.
    origin : mapping
        Where it came from, for the record of a registration: plain data.
    """

    data: Any = field(repr=False)
    geometry: Grid
    name: str
    kind: Kind = "image"
    moved: sitk.AffineTransform | None = None
    placed_by_hand: bool = False
    modality: str = ""
    origin: Mapping[str, Any] = field(default_factory=dict)

    def to_image(self) -> sitk.Image:
        """Copy the voxels into an image in the volume's own frame; lazy arrays are computed here.

        Meant for a worker thread. bool becomes uint8, float16 float32, 64-bit integers 32-bit ones where they fit.
        """
        voxels = np.asarray(self.data)
        image = sitk.GetImageFromArray((voxels != 0).astype(np.uint8) if self.kind == "mask" else plain(voxels))
        image.SetSpacing(self.geometry.spacing_xyz)
        image.SetOrigin(self.geometry.origin_lps)
        image.SetDirection(self.geometry.direction)
        return image
