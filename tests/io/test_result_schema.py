"""The published schema of result.json holds for what is written."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import SimpleITK as sitk

from napari_coreg import read_volume, register
from napari_coreg.core.result import SCHEMA_VERSION
from napari_coreg.io.records import load_record
from napari_coreg.io.result_schema import result_schema

FIXTURES = Path(__file__).parent / "fixtures"
PUBLISHED = Path(__file__).parents[2] / "docs" / "reference" / "result.schema.json"


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    fixed, moving = (read_volume(FIXTURES / f"{name}.nii.gz") for name in ("fixed", "moving"))
    start = sitk.Euler3DTransform((0, 0, 0), 0.01, 0.02, 0.03, (1, 2, 3))
    inputs = {"fixed": fixed.origin(), "moving": moving.origin()}
    result = register(fixed.image, moving.image, "translation", initial_transform=start, inputs=inputs)
    folder = result.save(tmp_path_factory.mktemp("schema") / "out")
    return json.loads((folder / "result.json").read_text(encoding="utf-8"))


def test_a_record_keeps_to_the_schema_and_the_schema_to_the_standard(record):
    jsonschema.Draft202012Validator.check_schema(result_schema())
    jsonschema.validate(record, result_schema())


def test_every_key_that_is_written_is_told_by_the_schema(record):
    assert set(record) == set(result_schema()["properties"])
    assert record["schema_version"] == SCHEMA_VERSION


def test_a_migrated_record_keeps_to_the_schema():
    jsonschema.validate(load_record(FIXTURES / "result_v1"), result_schema())


@pytest.mark.parametrize("change", [{"schema_version": 1}, {"verdict": "fine"}, {"inputs": {"fixed": "ct.nii"}}])
def test_what_is_wrong_is_refused(record, change):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**record, **change}, result_schema())


def test_the_published_schema_is_that_of_this_version():
    assert json.loads(PUBLISHED.read_text(encoding="utf-8")) == result_schema()
