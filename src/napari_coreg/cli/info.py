"""The command info: what is in a file or DICOM folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import SimpleITK as sitk

from napari_coreg.cli.terminal import say, say_json
from napari_coreg.core.geometry import Grid, describe
from napari_coreg.core.orientation import obliqueness, orientation
from napari_coreg.io.quiet import quiet_itk
from napari_coreg.io.volumes import read_volumes

if TYPE_CHECKING:
    import argparse

    from napari_coreg.io.loaded import LoadedVolume


def run(options: argparse.Namespace) -> None:
    """Run the command."""
    with quiet_itk():
        volumes = read_volumes(options.path)
        if options.json:
            listed = [{"number": number, **_facts(volume)} for number, volume in enumerate(volumes)]
            say_json({"path": str(options.path.absolute()), "volumes": listed})
            return
        say(f"{options.path}: {len(volumes)} volume{'s' * (len(volumes) != 1)}")
        for number, volume in enumerate(volumes):
            for line in _lines(number, volume):
                say(line)


def _facts(volume: LoadedVolume) -> dict[str, Any]:
    image = volume.image
    grid = Grid.of(image)
    values = sitk.GetArrayViewFromImage(image)
    return {
        "name": volume.name,
        "modality": volume.modality,
        "unit": volume.unit,
        "size_xyz": image.GetSize(),
        "spacing_xyz_mm": image.GetSpacing(),
        "origin_lps_mm": image.GetOrigin(),
        "direction": image.GetDirection(),
        "orientation": orientation(grid),
        "oblique_degrees": round(obliqueness(grid), 2),
        "pixel_type": image.GetPixelIDTypeAsString(),
        "minimum": float(values.min()),
        "maximum": float(values.max()),
        "frame": volume.frame,
        "notes": volume.notes,
    }


def _lines(number: int, volume: LoadedVolume) -> list[str]:
    facts = _facts(volume)
    oblique = f" ({facts['oblique_degrees']:.1f} degrees oblique)" if facts["oblique_degrees"] >= 0.05 else ""
    unit = f" {volume.unit}" if volume.unit else ""
    modality = f" [{volume.modality}]" if volume.modality else ""
    where = f", {facts['orientation']}{oblique}" if facts["orientation"] else ""
    return [
        f"{number}: {volume.name}{modality}",
        f"   {describe(Grid.of(volume.image))}{where}",
        f"   {facts['pixel_type']}, {facts['minimum']:g} to {facts['maximum']:g}{unit}",
        *(f"   {text}" for text in volume.notes),
    ]
