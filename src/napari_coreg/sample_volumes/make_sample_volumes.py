"""Make the sample volumes, or check that the ones at hand are what this program makes.

Run ``python make_sample_volumes.py`` to write all files beside this one, with ``--check`` to compare instead.
"""

from __future__ import annotations

import argparse
import gzip
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
import SimpleITK as sitk

from napari_coreg.sample_volumes.phantom import LANDMARKS
from napari_coreg.sample_volumes.scanners import (
    CT_TO,
    GRIDS,
    LABEL_NAMES,
    T1,
    T2,
    apply,
    deformation,
    head_to,
    make_ct,
    make_labels,
    make_mr,
    make_pet,
    rigid_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

HERE = Path(__file__).parent


def nifti(name: str, volume: NDArray[Any]) -> bytes:
    """Return a gzipped NIfTI file, without a time stamp, of a (k, j, i) volume on the grid of that name."""
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ GRIDS[name].matrix
    image = nib.Nifti1Image(np.ascontiguousarray(volume.transpose(2, 1, 0)), affine)
    image.set_qform(affine, code=1)
    image.set_sform(affine, code=1)
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = b"napari-coreg head phantom"
    return gzip.compress(image.to_bytes(), 9, mtime=0)


def tfm(transform: sitk.Transform) -> bytes:
    """Return the text of an ITK transform file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "truth.tfm"
        sitk.WriteTransform(transform, str(path))
        return path.read_bytes()


def label_names() -> bytes:
    """Return the table of what each label means."""
    return "\n".join(["value,name", *(f"{value},{name}" for value, name in enumerate(LABEL_NAMES))]).encode() + b"\n"


def landmarks(name: str) -> bytes:
    """Return the table of landmarks in the frame of a scanner, LPS mm."""
    points = apply(head_to(name), np.array(list(LANDMARKS.values()), float).T).T
    rows = [f"{mark},{x:.4f},{y:.4f},{z:.4f}" for mark, (x, y, z) in zip(LANDMARKS, points, strict=True)]
    return ("\n".join(["name,x,y,z", *rows]) + "\n").encode()


def truth(fixed: str, moving: str) -> bytes:
    """Return the transform file of fixed -> moving for two scanners."""
    if fixed == "ct":
        return tfm(CT_TO[moving])
    return tfm(rigid_of(head_to(moving) @ np.linalg.inv(head_to(fixed))))


FILES: dict[str, Callable[[], bytes]] = {
    "ct.nii.gz": lambda: nifti("ct", make_ct()),
    "mr_t1.nii.gz": lambda: nifti("mr_t1", make_mr("mr_t1", T1, 32, 4.0, 1.6)),
    "mr_t2.nii.gz": lambda: nifti("mr_t2", make_mr("mr_t2", T2, 33, 5.0, 1.1, parts=4)),
    "pet.nii.gz": lambda: nifti("pet", make_pet()),
    "mr_t1_deformed.nii.gz": lambda: nifti("mr_t1_deformed", make_mr("mr_t1_deformed", T1, 34, 4.0, 1.7)),
    "labels_ct.nii.gz": lambda: nifti("ct", make_labels("ct")),
    "labels_mr_t1.nii.gz": lambda: nifti("mr_t1", make_labels("mr_t1")),
    "labels_mr_t1_deformed.nii.gz": lambda: nifti("mr_t1_deformed", make_labels("mr_t1_deformed")),
    "labels.csv": label_names,
    "landmarks_ct.csv": lambda: landmarks("ct"),
    "landmarks_mr_t1.csv": lambda: landmarks("mr_t1"),
    "truth_ct_to_mr_t1.tfm": lambda: truth("ct", "mr_t1"),
    "truth_ct_to_mr_t2.tfm": lambda: truth("ct", "mr_t2"),
    "truth_ct_to_pet.tfm": lambda: truth("ct", "pet"),
    "truth_mr_t1_to_mr_t2.tfm": lambda: truth("mr_t1", "mr_t2"),
    "truth_mr_t1_to_pet.tfm": lambda: truth("mr_t1", "pet"),
    "truth_mr_t1_deformed_to_mr_t1.tfm": lambda: tfm(deformation()),
}


def same(made: bytes, stored: bytes, name: str) -> bool:
    """Whether two files hold the same: voxels to the bit (whatever gzip wrote them), texts to 1e-6 in each number."""
    if name.endswith(".gz"):
        return gzip.decompress(made) == gzip.decompress(stored)
    words, other = (text.decode().replace(",", " ").split() for text in (made, stored))
    return len(words) == len(other) and all(map(_same_word, words, other))


def _same_word(word: str, other: str) -> bool:
    try:
        return abs(float(word) - float(other)) < 1e-6
    except ValueError:
        return word == other


def write(path: Path, content: bytes) -> None:
    """Write a file all at once, so that no half of it ever bears its name."""
    temporary = path.with_name(f".making-{path.name}")
    temporary.write_bytes(content)
    temporary.replace(path)


def main(arguments: list[str] | None = None) -> int:
    """Make or check the files; returns the number of files that differ."""
    parser = argparse.ArgumentParser(description="Make the sample volumes of napari-coreg.")
    parser.add_argument("names", nargs="*", help="files to make (all, when none is named)")
    parser.add_argument("--check", action="store_true", help="compare with the files at hand instead of writing")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.names) - set(FILES))
    if unknown:
        parser.error(f"no such sample file: {', '.join(unknown)}; there are {', '.join(FILES)}")
    differing = 0
    for name in options.names or FILES:
        content = FILES[name]()
        if not options.check:
            write(HERE / name, content)
            verdict = f"{len(content)} bytes"
        elif (HERE / name).is_file() and same(content, (HERE / name).read_bytes(), name):
            verdict = "as made"
        else:
            differing += 1
            verdict = "DIFFERS" if (HERE / name).is_file() else "MISSING"
        sys.stdout.write(f"{name}: {verdict}\n")
    return differing


if __name__ == "__main__":
    sys.exit(main())
