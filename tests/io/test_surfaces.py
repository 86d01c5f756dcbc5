"""Surfaces from files and back, held against nibabel's own reading and files as other programs write them."""

import struct

import nibabel as nib
import numpy as np
import pytest

from napari_coreg import CoregError, read_surface, write_surface
from napari_coreg.core.warp import Surface
from napari_coreg.io.surfaces import SURFACE_SUFFIXES

FLIP = (-1.0, -1.0, 1.0)
VERTICES = np.array([[1.5, 2.0, -3.0], [11.0, 2.5, 4.0], [0.25, 13.0, 5.0], [2.0, 3.0, 17.0]])
FACES = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
SURFACE = Surface(VERTICES, FACES)


@pytest.mark.parametrize("suffix", SURFACE_SUFFIXES)
def test_a_surface_comes_back_from_each_format(tmp_path, suffix):
    path = tmp_path / f"s{suffix}"
    write_surface(SURFACE, path)
    found = read_surface(path)
    np.testing.assert_allclose(found.vertices_lps[found.faces], VERTICES[FACES], atol=1e-5)
    assert [item.name for item in tmp_path.iterdir()] == [path.name]
    if suffix != ".stl":  # which repeats vertices
        assert found.faces.tolist() == FACES.tolist()


def test_gifti_is_ras_for_nibabel(tmp_path):
    write_surface(SURFACE, tmp_path / "s.gii")
    image = nib.load(tmp_path / "s.gii")
    points = image.get_arrays_from_intent("NIFTI_INTENT_POINTSET")[0]
    np.testing.assert_allclose(points.data, VERTICES * FLIP, atol=1e-6)
    assert points.coordsys.dataspace == nib.nifti1.xform_codes["scanner"]
    assert image.get_arrays_from_intent("NIFTI_INTENT_TRIANGLE")[0].data.tolist() == FACES.tolist()


def volume_info(axes=None, centre=(5.0, -20.0, 30.0)):
    axes = np.array([[-1.0, 0, 0], [0, 0, 1], [0, -1, 0]]) if axes is None else axes
    return {
        "head": np.array([2, 0, 20], np.int32),
        "valid": "1  # volume info valid",
        "filename": "orig.mgz",
        "volume": np.array([256, 256, 256]),
        "voxelsize": np.ones(3),
        "xras": axes[:, 0],
        "yras": axes[:, 1],
        "zras": axes[:, 2],
        "cras": np.array(centre),
    }


@pytest.mark.parametrize("turn", [0.0, 0.4])
def test_freesurfer_geometry_is_brought_from_tkras_by_the_volume_it_names(tmp_path, turn):
    """Held against the two matrices that nibabel has of an .mgz of the same geometry."""
    rotation = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    axes = rotation @ np.array([[-1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
    header = nib.freesurfer.mghformat.MGHHeader()
    header.set_data_shape((256, 256, 256))
    header["Mdc"], header["Pxyz_c"], header["delta"] = axes.T, (5.0, -20.0, 30.0), 1.0
    to_scanner = header.get_vox2ras() @ np.linalg.inv(header.get_vox2ras_tkr())
    expected = nib.affines.apply_affine(to_scanner, VERTICES) * FLIP
    nib.freesurfer.write_geometry(tmp_path / "lh.white", VERTICES, FACES, volume_info=volume_info(axes))
    np.testing.assert_allclose(read_surface(tmp_path / "lh.white").vertices_lps, expected, atol=1e-4)


def test_freesurfer_geometry_without_its_volume_is_refused(tmp_path):
    nib.freesurfer.write_geometry(tmp_path / "lh.pial", VERTICES, FACES)
    with pytest.raises(CoregError, match="c_ras"):
        read_surface(tmp_path / "lh.pial")
    np.testing.assert_allclose(read_surface(tmp_path / "lh.pial", frame="ras").vertices_lps, VERTICES * FLIP)


def gifti(path, dataspace=0, xformspace=0, xform=None, meta=None):
    system = nib.gifti.GiftiCoordSystem(dataspace, xformspace, np.eye(4) if xform is None else xform)
    points = nib.gifti.GiftiDataArray(
        VERTICES.astype(np.float32), "NIFTI_INTENT_POINTSET", "NIFTI_TYPE_FLOAT32", coordsys=system, meta=meta
    )
    faces = nib.gifti.GiftiDataArray(FACES.astype(np.int32), "NIFTI_INTENT_TRIANGLE", "NIFTI_TYPE_INT32")
    nib.save(nib.gifti.GiftiImage(darrays=[points, faces]), path)


def test_gifti_tells_its_frame(tmp_path):
    path = tmp_path / "s.gii"
    shift = np.eye(4)
    shift[:3, 3] = 1.0, 2.0, 3.0
    names = [f"VolGeom{axis}_{letter}" for axis in "XYZC" for letter in "RAS"]
    told = dict(zip(names, map(str, (-1, 0, 0, 0, 0, -1, 0, 1, 0, 5, -20, 30)), strict=True))
    for options, expected in (
        ({"dataspace": 1}, VERTICES),
        ({"dataspace": 1, "xformspace": 3, "xform": shift}, VERTICES),
        ({}, VERTICES),
        ({"xformspace": 1, "xform": shift}, VERTICES + np.array([1, 2, 3])),
        ({"meta": told}, VERTICES + np.array([5, -20, 30])),  # tkRAS, as FreeSurfer leaves it
        ({"dataspace": 1, "meta": told}, VERTICES),
    ):
        gifti(path, **options)
        np.testing.assert_allclose(read_surface(path).vertices_lps, expected * FLIP, atol=1e-5, err_msg=str(options))


VTK_TEXT = """# vtk DataFile Version 3.0
3D Slicer output. {space}
ASCII
DATASET POLYDATA
POINTS 4 float
1.5 2 -3 11 2.5 4 0.25 13 5
2 3 17

POLYGONS 2 9
3 0 2 1
4 0 1 3 2

CELL_DATA 2
"""
OBJ_TEXT = "# {space}\nv 1.5 2 -3\nv 11 2.5 4\nv 0.25 13 5\nv 2 3 17\nf 1 3 2\nf 1 2 4 3\n"
PLY_TEXT = (
    "ply\nformat ascii 1.0\ncomment {space}\nelement vertex 4\nproperty float x\nproperty float y\nproperty float z\n"
    "element face 2\nproperty list uchar int vertex_indices\nend_header\n"
    "1.5 2 -3\n11 2.5 4\n0.25 13 5\n2 3 17\n3 0 2 1\n4 0 1 3 2\n"
)


@pytest.mark.parametrize(("suffix", "text"), [(".vtk", VTK_TEXT), (".obj", OBJ_TEXT), (".ply", PLY_TEXT)])
def test_the_frame_in_the_head_is_heeded_and_polygons_are_cut(tmp_path, suffix, text):
    path = tmp_path / f"s{suffix}"
    for space, frame, sign in (
        ("SPACE=LPS", "ras", 1),
        ("SPACE=RAS", None, FLIP),
        ("nothing", None, 1),
        ("nothing", "ras", FLIP),
    ):
        path.write_text(text.format(space=space))
        found = read_surface(path, frame=frame)
        np.testing.assert_allclose(found.vertices_lps, VERTICES * sign, atol=1e-6)
        assert sorted(found.faces.tolist()) == [[0, 1, 3], [0, 2, 1], [0, 3, 2]]


@pytest.mark.parametrize("is_binary", [False, True])
def test_vtk_of_version_5_is_read(tmp_path, is_binary):
    offsets, corners = np.array([0, 3, 7]), np.array([0, 2, 1, 0, 1, 3, 2])

    def numbers(values, kind):
        return values.astype(kind).tobytes() if is_binary else " ".join(map(str, values.ravel().tolist())).encode()

    path = tmp_path / "s.vtk"
    path.write_bytes(
        b"# vtk DataFile Version 5.1\nvtk output SPACE=RAS\n"
        + (b"BINARY" if is_binary else b"ASCII")
        + b"\nDATASET POLYDATA\nPOINTS 4 float\n"
        + numbers(VERTICES, ">f4")
        + b"\nMETADATA\nINFORMATION 0\n\nPOLYGONS 3 7\nOFFSETS vtktypeint64\n"
        + numbers(offsets, ">i8")
        + b"\nCONNECTIVITY vtktypeint64\n"
        + numbers(corners, ">i8")
        + b"\n"
    )
    found = read_surface(path)
    np.testing.assert_allclose(found.vertices_lps, VERTICES * FLIP, atol=1e-6)
    assert sorted(found.faces.tolist()) == [[0, 1, 3], [0, 2, 1], [0, 3, 2]]


def test_stl_of_3d_slicer_in_ras(tmp_path):
    rows = b"".join(struct.pack("<12fH", 0, 0, 0, *corners.ravel(), 0) for corners in VERTICES[FACES])
    (tmp_path / "s.stl").write_bytes(b"3D Slicer output. SPACE=RAS".ljust(80) + struct.pack("<I", 4) + rows)
    found = read_surface(tmp_path / "s.stl")
    assert len(found.vertices_lps) == 4
    np.testing.assert_allclose(found.vertices_lps[found.faces], (VERTICES * FLIP)[FACES], atol=1e-6)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        (
            "s.vtk",
            b"# vtk DataFile Version 3.0\nx\nASCII\nDATASET POLYDATA\nPOINTS 2 float\n1 2 3 4 5 6\n",
            "triangles",
        ),
        ("s.vtk", b"# vtk DataFile Version 3.0\nx\nASCII\nDATASET UNSTRUCTURED_GRID\n", "POLYDATA"),
        ("s.vtk", VTK_TEXT.encode()[:150], "cut short"),
        ("s.ply", b"play", "not a readable .ply"),
        ("s.obj", b"v 1 2 3\nf 1 2 3\n", "there are 1"),
        ("s.obj", b"v nan 2 3\nf 1 1 1\n", "NaN"),
        ("s.gii", b"<xml", "not a readable GIFTI"),
        ("lh.white", b"\xff\xff\xfe cut", "FreeSurfer"),
        ("s.jpg", b"x", "surfaces are read from"),
    ],
)
def test_what_is_no_surface_is_refused(tmp_path, name, content, told):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CoregError, match=told):
        read_surface(tmp_path / name)


def test_what_cannot_be_written_is_refused_and_leaves_nothing(tmp_path):
    with pytest.raises(CoregError, match="surfaces are written to"):
        write_surface(SURFACE, tmp_path / "s.jpg")
    with pytest.raises(CoregError, match="does not exist"):
        write_surface(SURFACE, tmp_path / "no" / "s.gii")
    assert list(tmp_path.iterdir()) == []
