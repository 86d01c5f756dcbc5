"""Quality as JSON, CSV and schema, and limits as files: what is written is read back, what is wrong is told."""

import csv
import json

import pytest

from napari_coreg.core.quality.catalogue import CATALOGUE
from napari_coreg.core.quality.limits import DEFAULT_LIMITS, Limit, Limits
from napari_coreg.core.quality.record import (
    LandmarkRow,
    Quality,
    Row,
    TransformRecord,
    VerdictRecord,
    VolumeRecord,
)
from napari_coreg.errors import FileError
from napari_coreg.io.quality_files import (
    CSV_COLUMNS,
    quality_schema,
    read_limits,
    read_quality_json,
    write_limits,
    write_quality_csv,
    write_quality_json,
)


@pytest.fixture
def quality():
    grid = {
        "size_xyz": (4, 5, 6),
        "spacing_xyz": (1.0, 2.0, 3.0),
        "origin_lps": (0.0, 0.0, 0.0),
        "direction": (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
    }
    volumes = {role: VolumeRecord(name=role, fingerprint="sha256:0", **grid) for role in ("fixed", "moving")}
    rows = (
        Row(
            measure="tre_mean",
            group="Landmarks",
            name='error, "mean"',
            unit="mm",
            before=7.5,
            after=1.25,
            status="pass",
        ),
        Row(measure="correlation", group="Similarity", name="correlation", region="overlap", after=float("nan")),
    )
    return Quality(
        state="pass",
        headline=("PASS: fine",),
        **volumes,
        transform=TransformRecord(kind="rigid", is_linear=True, rigid_shift_mm=1.0, rigid_angle_degrees=2.0),
        verdict=VerdictRecord(state="good", reasons=("sound",), measures={"score": 0.5, "swap_mm": None}),
        rows=rows,
        landmarks=(LandmarkRow(name="nose", before_mm=7.5, after_mm=1.25, after_lps=(1.0, 0.5, -0.5)),),
        limits=DEFAULT_LIMITS,
        environment={"date": "2026-01-02T03:04:05+00:00"},
    )


def test_json_is_read_back_with_what_json_has_not_as_null(quality, tmp_path):
    path = write_quality_json(quality, tmp_path / "quality.json")
    found = read_quality_json(path)
    assert found.rows[0] == quality.rows[0]
    assert found.rows[1].after is None
    assert (found.limits, found.landmarks, found.verdict) == (quality.limits, quality.landmarks, quality.verdict)
    assert "NaN" not in path.read_text()


def test_json_is_by_the_schema(quality, tmp_path):
    jsonschema = pytest.importorskip("jsonschema")
    plain = json.loads(write_quality_json(quality, tmp_path / "quality.json").read_text())
    schema = quality_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(plain, schema)
    plain["rows"][0]["status"] = "splendid"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(plain, schema)


def test_csv_has_a_line_for_each_number_and_each_landmark(quality, tmp_path):
    with write_quality_csv(quality, tmp_path / "quality.csv").open(newline="") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
    assert tuple(reader.fieldnames) == CSV_COLUMNS
    assert [row["measure"] for row in rows] == ["tre_mean", "correlation", "landmark_error"]
    assert rows[0]["name"] == 'error, "mean"'
    assert (float(rows[0]["before"]), float(rows[0]["after"]), rows[0]["status"]) == (7.5, 1.25, "pass")
    assert (rows[2]["structure"], rows[2]["after"]) == ("nose", "1.25")
    assert {row["date"] for row in rows} == {"2026-01-02T03:04:05+00:00"}
    assert {row["measure"] for row in rows} <= set(CATALOGUE)


def test_limits_are_read_back(tmp_path):
    mine = Limits(name="mine", limits=(Limit(measure="dice", best="high", good=0.7, bad=0.5, source="me"),))
    assert read_limits(write_limits(mine, tmp_path / "limits.json")) == mine
    assert read_limits(write_limits(DEFAULT_LIMITS, tmp_path / "limits.json")) == DEFAULT_LIMITS


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"limits": [\n  {"measure": "dice",,}\n]}', "line 2, column 22: not JSON"),
        (
            '{"limits": [{"measure": "dice", "good": "much", "bad": 0.5}]}',
            "limits[0].good: Input should be a valid",
        ),
        ('{"limits": [{"measure": "dice", "good": 0.5}]}', "limits[0].bad: Field required"),
        ('{"limits": [{"measure": "tre_men", "good": 1, "bad": 2}]}', "did you mean tre_mean"),
        ('{"limits": [{"measure": "dice", "good": 1, "bad": 2}]}', "of dice high values are the better ones"),
        ('{"limits": [{"measure": "tre_max", "good": 3, "bad": 2}]}', "the wrong way round"),
        ('{"limits": [], "tolerance": 3}', "tolerance: Extra inputs are not permitted"),
        (
            '{"limits": [{"measure": "dice", "best": "high", "good": 1, "bad": 0}, {"measure": "dice", "best": "high", '
            '"good": 1, "bad": 0}]}',
            "more than one limit for dice",
        ),
    ],
)
def test_wrong_limits_are_told_with_their_place(tmp_path, text, told):
    (tmp_path / "limits.json").write_text(text)
    with pytest.raises(FileError) as error:
        read_limits(tmp_path / "limits.json")
    assert told in str(error.value)
    assert str(error.value).startswith(str(tmp_path / "limits.json"))


def test_limits_that_are_not_there_are_told(tmp_path):
    with pytest.raises(FileError, match="cannot be read"):
        read_limits(tmp_path / "none.json")


def test_nothing_half_written_is_left(quality, tmp_path):
    with pytest.raises(FileError):
        write_quality_json(quality, tmp_path / "missing" / "quality.json")
    assert list(tmp_path.iterdir()) == []
