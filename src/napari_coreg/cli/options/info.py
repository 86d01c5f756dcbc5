"""What the command info is called with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_coreg.cli.options.command import Command

if TYPE_CHECKING:
    import argparse


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", type=Path, metavar="PATH", help="volume file, or folder of DICOM files")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


COMMAND = Command(
    name="info",
    title="list the volumes in a file or DICOM folder",
    description=(
        "List the volumes in a file or DICOM folder: number, name, voxels, orientation, modality, and what is special."
    ),
    add_options=_add_options,
    examples=("napari-coreg info dicom_folder", "napari-coreg info scan.nii.gz --json"),
)
