"""Landmark files: LPS mm and names come out, whatever frame went in."""

from __future__ import annotations

import json

import numpy as np
import pytest

from napari_coreg.errors import FileError
from napari_coreg.io.points import read_points

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
        ("a.mrk.json", markups("LPS", [("a", (1, 2))]), "point 1"),
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
