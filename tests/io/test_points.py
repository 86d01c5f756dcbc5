"""Landmark files: LPS mm and names come out, whatever frame went in."""

from __future__ import annotations

import json

import numpy as np
import pytest

from napari_coreg.errors import FileError
from napari_coreg.io.pair_tables import read_pair_table, write_pair_table
from napari_coreg.io.point_pairs import read_point_pairs
from napari_coreg.io.points import read_points, write_points

LPS = np.array([[-1.0, -2.0, 3.0], [4.5, 5.0, -6.0]])
FCSV = "# Markups fiducial file version = 4.11\n# CoordinateSystem = {}\n"
FCSV += "# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label\n"


def markups(frame, points, **more):
    told = [{"label": name, "position": list(point), "positionStatus": "defined"} for name, point in points]
    undefined = {"label": "gone", "position": [0, 0, 0], "positionStatus": "undefined"}
    markup = {"type": "Fiducial", "coordinateSystem": frame, "controlPoints": [*told, undefined], **more}
    return json.dumps({"markups": [markup]})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "x,y,z,name\n-1,-2,3,AC\n4.5,5,-6,PC\n"),
        ("a.csv", "label;x;y;z\nAC;-1;-2;3\nPC;4.5;5;-6\n"),
        ("a.csv", "\ufeffName, X, Y, Z\nAC, -1, -2, 3\n\nPC, 4.5, 5, -6\n"),
        ("a.csv", "# frame: RAS\nx,y,z,name\n1,2,3,AC\n-4.5,-5,-6,PC\n"),
        ("a.csv", "x,y,z,name,frame\n1,2,3,AC,RAS\n4.5,5,-6,PC,lps\n"),
        ("a.fcsv", FCSV.format("RAS") + "1,1,2,3,0,0,0,1,1,1,0,AC,,\n2,-4.5,-5,-6,0,0,0,1,1,1,0,PC,,\n"),
        ("a.fcsv", FCSV.format("0") + "1,1,2,3,0,0,0,1,1,1,0,AC,,\n2,-4.5,-5,-6,0,0,0,1,1,1,0,PC,,\n"),
        ("a.fcsv", FCSV.format("1") + "1,-1,-2,3,0,0,0,1,1,1,0,AC,,\n2,4.5,5,-6,0,0,0,1,1,1,0,PC,,\n"),
        ("a.mrk.json", markups("LPS", [("AC", (-1, -2, 3)), ("PC", (4.5, 5, -6))])),
        ("a.mrk.json", markups("RAS", [("AC", (1, 2, 3)), ("PC", (-4.5, -5, -6))])),
    ],
)
def test_points_come_out_in_lps_with_their_names(tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8")
    points, names = read_points(tmp_path / name)
    assert np.array_equal(points, LPS)
    assert points.dtype == np.float64
    assert names == ("AC", "PC")


def test_points_without_names_are_numbered(tmp_path):
    (tmp_path / "a.csv").write_text("x,y,z\n1,2,3\n4,5,6\n")
    assert read_points(tmp_path / "a.csv")[1] == ("1", "2")


@pytest.mark.parametrize(("frame", "sign"), [("LPS", 1), ("RAS", -1)])
def test_points_without_z_are_in_2d(tmp_path, frame, sign):
    (tmp_path / "a.csv").write_text(f"# frame: {frame}\nname,x,y\nAC,1,2\nPC,-3,4.5\n")
    points, names = read_points(tmp_path / "a.csv")
    assert np.array_equal(points, sign * np.array([[1, 2], [-3, 4.5]]))
    assert names == ("AC", "PC")


@pytest.mark.parametrize("units", ["mm", ["mm", "mm", "mm"]])
def test_markups_in_millimetres_are_read(tmp_path, units):
    (tmp_path / "a.mrk.json").write_text(markups("LPS", [("AC", (-1, -2, 3))], coordinateUnits=units))
    assert np.array_equal(read_points(tmp_path / "a.mrk.json")[0], LPS[:1])


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("a.csv", "", "is empty"),
        ("a.csv", "x,y,z\n", "no points"),
        ("a.csv", "1,2,3\n", "columns x, y and z"),
        ("a.csv", "x,y,z\n1,2,3\n1,two,3\n", "line 3"),
        ("a.csv", "x,y,z\n1,2\n", "line 2"),
        ("a.csv", "x,y,z\n1,2,nan\n", "line 2"),
        ("a.csv", "# frame: IJK\nx,y,z\n1,2,3\n", "'IJK'"),
        ("a.fcsv", FCSV.format("2") + "1,1,2,3,0,0,0,1,1,1,0,AC\n", "frame '2'"),
        ("a.mrk.json", "{", "not JSON"),
        ("a.mrk.json", "{}", "markups"),
        ("a.csv", "x,y\n1,2\n3,\n", "line 3 does not hold two numbers"),
        ("a.csv", "x,z\n1,2\n", "columns x, y and z"),
        ("a.mrk.json", markups("LPS", [("a", (1, 2))]), "point 1"),
        ("a.mrk.json", markups("LPS", [("a", (1, 2, 3))], coordinateUnits="um"), "are in um, but millimetres"),
        ("a.mrk.json", markups("LPS", [("a", (1, 2, 3))], coordinateUnits=["mm", "mm", "s"]), "millimetres"),
        ("a.xlsx", "", "not '.xlsx'"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path, name, text, why):
    (tmp_path / name).write_text(text)
    with pytest.raises(FileError, match=why):
        read_points(tmp_path / name)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(FileError, match="No such file"):
        read_points(tmp_path / "gone.csv")


@pytest.mark.parametrize("name", ["a.csv", "a.fcsv", "a.mrk.json"])
def test_what_was_written_is_read_again(tmp_path, name):
    names = ("AC, anterior", "b", 'the "third"')
    points = np.array([[-1.123456, 2.0, 3.0], [1e3, -1e-3, 0.0], [4.0, 5.0, 6.0]])
    write_points(points, tmp_path / name, names)
    found, named = read_points(tmp_path / name)
    assert np.array_equal(found, points)
    assert named == names
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_points_in_2d_are_written_to_a_table(tmp_path):
    write_points(LPS[:, :2], tmp_path / "a.csv", ("AC", "PC"))
    assert np.array_equal(read_points(tmp_path / "a.csv")[0], LPS[:, :2])
    assert (tmp_path / "a.csv").read_text().startswith("# frame: LPS\nname,x,y\nAC,-1.000000,")


def test_slicer_is_told_frame_and_unit(tmp_path):
    write_points(LPS, tmp_path / "a.mrk.json", ("AC", "PC"))
    content = json.loads((tmp_path / "a.mrk.json").read_text())
    (markup,) = content["markups"]
    assert "markups-schema" in content["@schema"]
    assert (markup["type"], markup["coordinateSystem"], markup["coordinateUnits"]) == ("Fiducial", "LPS", "mm")
    assert [point["position"] for point in markup["controlPoints"]] == LPS.tolist()
    write_points(LPS, tmp_path / "a.fcsv", ("AC", "PC"))
    lines = (tmp_path / "a.fcsv").read_text().splitlines()
    assert lines[1] == "# CoordinateSystem = LPS"
    assert lines[3] == "1,-1.000000,-2.000000,3.000000,0,0,0,1,1,1,0,AC"


@pytest.mark.parametrize(("name", "axes", "why"), [("a.xyz", 3, "not '.xyz'"), ("a.fcsv", 2, "write a .csv")])
def test_points_that_cannot_be_written_so_are_refused(tmp_path, name, axes, why):
    with pytest.raises(FileError, match=why):
        write_points(LPS[:, :axes], tmp_path / name, ("AC", "PC"))
    assert not list(tmp_path.iterdir())


# lists without names

VTK = b"# vtk DataFile Version 2.0\nFile written by itkPolyDataMeshIO\n%s\nDATASET POLYDATA\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.pts", b"point\n2\n-1 -2 3\n4.5 5 -6\n"),
        ("a.txt", b"point\r\n2\r\n-1.0 -2.0 3.0\r\n4.5 5.0 -6.0"),
        # as itk.MeshFileWriter (ITK 5.4.7) writes a mesh of these points
        ("a.vtk", VTK % b"ASCII" + b"POINTS 2 float\n-1 -2 3\n4.5 5 -6\n"),
        ("a.vtk", VTK % b"BINARY" + b"POINTS 2 float\n\xbf\x80\0\0\xc0\0\0\0@@\0\0@\x90\0\0@\xa0\0\0\xc0\xc0\0\0\n"),
        ("a.vtk", VTK % b"BINARY" + b"POINTS 2 double\n" + LPS.astype(">f8").tobytes() + b"\nVERTICES 0 0\n"),
        ("a.vtk", VTK % b"ASCII" + b"POINTS 2 double\n-1 -2 3\n4.5 5 -6\nVERTICES 2 4\n1 0\n1 1\n"),
        # as VTK breaks lines, and as 3D Slicer tells the frame
        ("a.vtk", VTK % b"ASCII" + b"POINTS 2 float\n-1 -2 3 4.5 5 -6 \n\nMETADATA\nINFORMATION 0\n"),
        ("a.vtk", (VTK % b"ASCII").replace(b"IO", b"IO SPACE=RAS") + b"POINTS 2 float\n1 2 3 -4.5 -5 -6\n"),
    ],
)
def test_lists_of_points_come_out_in_lps_and_numbered(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    points, names = read_points(tmp_path / name)
    assert np.array_equal(points, LPS)
    assert names == ("1", "2")


@pytest.mark.parametrize("name", ["a.pts", "a.txt", "a.vtk"])
@pytest.mark.parametrize("axes", [2, 3])
def test_lists_of_points_that_were_written_are_read_again(tmp_path, name, axes):
    write_points(LPS[:, :axes], tmp_path / name, ("AC", "PC"))
    assert np.array_equal(read_points(tmp_path / name)[0], LPS[:, :axes])


def test_2d_points_of_itk_are_read_from_binary_files_too(tmp_path):
    content = VTK % b"BINARY" + b"POINTS 2 float\n" + LPS[:, :2].astype(">f4").tobytes() + b"\n"
    (tmp_path / "a.vtk").write_bytes(content)
    assert np.array_equal(read_points(tmp_path / "a.vtk")[0], LPS[:, :2])


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.pts", b"", "begins with the word 'point'"),
        ("a.pts", b"index\n1\n1 2 3\n", "counted in voxels"),
        ("a.txt", b"1\n1 2 3\n", "counted in voxels"),
        ("a.txt", b"hello\n", "begins with the word 'point'"),
        ("a.txt", b"\xff\xfe\x00", "begins with the word 'point'"),
        ("a.pts", b"point\n0\n", "holds no points"),
        ("a.pts", b"point\nmany\n", "how many"),
        ("a.pts", b"point\n2\n1 2 3\n4 5\n", "2 points, but has 5 coordinates"),
        ("a.pts", b"point\n1\n1 2 x\n", "something else than numbers"),
        ("a.pts", b"point\n1\n1 2 nan\n", "point 1 does not hold numbers x, y, z"),
        ("a.vtk", b"hello", "legacy VTK"),
        ("a.vtk", (VTK % b"ASCII").replace(b"POLYDATA", b"STRUCTURED_GRID"), "POLYDATA"),
        ("a.vtk", VTK % b"ASCII", "no line 'POINTS"),
        ("a.vtk", VTK % b"ASCII" + b"POINTS 2 short\n1 2 3 4 5 6\n", "no line 'POINTS"),
        ("a.vtk", VTK % b"BINARY" + b"POINTS 2 float\n\0\0\0\0", "2 points, but has 1 coordinates"),
    ],
)
def test_what_is_wrong_with_a_list_is_told(tmp_path, name, content, why):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FileError, match=why):
        read_points(tmp_path / name)


# pairs


@pytest.fixture
def two(tmp_path):
    """Write two tables of points, whose x tells which point it is, and read them as pairs."""

    def paired(fixed, moving):
        for which, names in (("fixed", fixed), ("moving", moving)):
            rows = [f"{name},{number},0,0" for number, name in enumerate(names)]
            (tmp_path / f"{which}.csv").write_text("\n".join(["name,x,y,z", *rows]))
        return read_point_pairs(tmp_path / "fixed.csv", tmp_path / "moving.csv")

    return paired


@pytest.mark.parametrize(
    ("fixed", "moving", "pairs", "names", "by", "left_out"),
    [
        ("abc", "abc", [(0, 0), (1, 1), (2, 2)], "abc", "name", ""),
        ("abc", "cab", [(0, 1), (1, 2), (2, 0)], "abc", "name", ""),
        ("abcd", "xca", [(0, 2), (2, 1)], "ac", "name", "bdx"),
        ("abc", "xyz", [(0, 0), (1, 1), (2, 2)], "abc", "order", ""),
        (["", "", ""], "xyz", [(0, 0), (1, 1), (2, 2)], "xyz", "order", ""),
        (["", ""], ["", ""], [(0, 0), (1, 1)], "12", "order", ""),
        ("FFF", "FFF", [(0, 0), (1, 1), (2, 2)], "FFF", "order", ""),
    ],
)
def test_points_are_paired_by_name_else_by_order(two, fixed, moving, pairs, names, by, left_out):
    found = two(fixed, moving)
    assert list(zip(found.fixed_points_lps[:, 0], found.moving_points_lps[:, 0], strict=True)) == pairs
    assert (found.names, found.paired_by, found.left_out) == (tuple(names), by, tuple(left_out))


def test_points_without_a_name_beside_named_ones_are_left_out(two):
    assert two(["a", "", "c"], "ac").left_out == ("(no name)",)


@pytest.mark.parametrize(
    ("fixed", "moving", "why"),
    [
        ("abc", "xy", "has 3 points and .* has 2, and no name stands in both"),
        (["", ""], [""], "has 2 points and .* has 1"),
        ("aab", "ab", "fixed.csv: the name 'a' stands 2 times"),
        ("ab", "bba", "moving.csv: the name 'b' stands 2 times"),
    ],
)
def test_pairs_that_are_not_clear_are_refused(two, fixed, moving, why):
    with pytest.raises(FileError, match=why):
        two(fixed, moving)


def test_formats_and_frames_of_the_two_files_may_differ(tmp_path):
    (tmp_path / "a.mrk.json").write_text(markups("RAS", [("PC", (-4.5, -5, -6)), ("AC", (1, 2, 3))]))
    write_points(LPS + 1, tmp_path / "b.fcsv", ("AC", "PC"))
    found = read_point_pairs(tmp_path / "a.mrk.json", tmp_path / "b.fcsv")
    assert found.names == ("PC", "AC")
    assert np.array_equal(found.fixed_points_lps + 1, found.moving_points_lps)


# pairs in one table


@pytest.mark.parametrize("axes", [2, 3])
def test_pairs_that_were_written_to_one_table_are_read_again(tmp_path, axes):
    fixed, moving = LPS[:, :axes].copy(), LPS[:, :axes] + 1
    moving[1] = np.nan
    write_pair_table(fixed, moving, tmp_path / "a.csv", ("AC, anterior", "PC"))
    found_fixed, found_moving, names = read_pair_table(tmp_path / "a.csv")
    assert np.array_equal(found_fixed, fixed)
    assert np.array_equal(found_moving, moving, equal_nan=True)
    assert names == ("AC, anterior", "PC")


def test_pairs_in_ras_come_out_in_lps(tmp_path):
    text = "# frame: RAS\nfixed_x,fixed_y,fixed_z,moving_x,moving_y,moving_z\n1,2,3,-4.5,-5,-6\n"
    (tmp_path / "a.csv").write_text(text)
    fixed, moving, names = read_pair_table(tmp_path / "a.csv")
    assert np.array_equal(np.vstack([fixed, moving]), LPS)
    assert names == ("1",)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no column fixed_x"),
        ("x,y,z,name\n1,2,3,a\n", "no column fixed_x"),
        ("fixed_x,fixed_y,fixed_z,moving_x,moving_y\n", "no column moving_z"),
        ("fixed_x,fixed_y,moving_x,moving_y\n", "no points"),
        ("fixed_x,fixed_y,moving_x,moving_y\n1,2,3,4\n1,,3,4\n", "line 3"),
        ("fixed_x,fixed_y,moving_x,moving_y\n1,2,3,four\n", "line 2"),
        ("# frame: IJK\nfixed_x,fixed_y,moving_x,moving_y\n1,2,3,4\n", "'IJK'"),
    ],
)
def test_what_is_wrong_with_a_table_of_pairs_is_told(tmp_path, text, why):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(FileError, match=why):
        read_pair_table(tmp_path / "a.csv")


def test_a_table_of_pairs_is_a_csv(tmp_path):
    with pytest.raises(FileError, match=r"not '\.fcsv'"):
        write_pair_table(LPS, LPS, tmp_path / "a.fcsv", ("a", "b"))
    with pytest.raises(FileError, match="No such file"):
        read_pair_table(tmp_path / "gone.csv")
