"""The report says first what matters, leaves nothing out, needs nothing else, and cannot be written to from outside."""

from __future__ import annotations

import base64
import io
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from napari_coreg.core.quality.record import InputRecord, Quality
from napari_coreg.core.quality.subject import Assessment, Subject
from napari_coreg.core.recipe import Recipe
from napari_coreg.errors import CoregError, FileError
from napari_coreg.io.report import write_report

HOSTILE = '<script>alert("x")</script>"\'&</style><img src=http://evil.example/a.png>'
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
VOID = {"meta", "img", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """What a browser would see: elements, the text of each table row, and the text outside style and head."""

    def __init__(self, path):
        super().__init__()
        self.elements, self.rows, self.words = [], [], []
        self._open = []
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "tr":
            self.rows.append("")

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if not {"style", "title"} & set(self._open):
            self.words.append(data)
        if "tr" in self._open:
            self.rows[-1] += data + " "

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words)).strip()

    def row(self, *words):
        """The one row of a table with all these words."""
        (found,) = [row for row in map(_joined, self.rows) if all(word in row for word in words)]
        return found

    def all(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]


def _joined(text):
    return re.sub(r"\s+", " ", text).strip()


@pytest.fixture(scope="module")
def page(good, tmp_path_factory):
    return Page(write_report(tmp_path_factory.mktemp("page") / "report.html", *good, signed_by=("Ada", "Ben")))


def test_the_file_needs_nothing_else_and_runs_nothing(page):
    assert not {"script", "link", "iframe", "object", "embed", "base", "form"} & {tag for tag, _ in page.elements}
    for _, attrs in page.elements:
        assert not [name for name in attrs if name.startswith("on")]
        assert attrs.get("src", "data:image/").startswith("data:image/")
        assert attrs.get("href", "#").startswith("#")
    (style,) = re.findall(r"<style>(.*?)</style>", page.source, re.DOTALL)
    assert "@import" not in style
    assert "url(" not in style
    assert len(page.source) < 5_000_000


def test_every_picture_can_be_decoded_and_is_told_in_words(page):
    pictures = page.all("img")
    assert len(pictures) == 18  # three planes, before and after, of checkerboard, contours and outlines
    for attrs in pictures:
        kind, data = attrs["src"].split(";base64,")
        with Image.open(io.BytesIO(base64.b64decode(data, validate=True))) as picture:
            picture.load()
            assert f"data:image/{picture.format.lower()}" == kind
            assert picture.size == (int(attrs["width"]), int(attrs["height"]))
        assert len(attrs["alt"]) > 20
    assert "Checkerboard, before the registration: axial plane (R left, L right, A top, P bottom)" in pictures[0]["alt"]


def test_the_first_lines_say_pair_state_and_headline(page):
    first = page.text[:800]
    assert "moving.nii.gz (moving) onto fixed.nii.gz (fixed)" in first
    assert "▲ LOOK" in first
    assert "One structure must be looked at" in first
    assert "<title>LOOK: registration of moving.nii.gz onto fixed.nii.gz" in page.source


def test_every_row_is_there_with_its_numbers_and_its_word(page, good):
    for words in (
        ("target registration error, mean", "9.00", "1.50", "mm", "pass ≤ 4, else fail", "✓ pass"),
        ("target registration error, maximum", "12.00", "6.00", "✕ fail"),
        ("correlation", "(overlap)", "0.200", "0.900", "–"),
        ("core", "0.600 → 0.950 ✓ pass", "3.00 → 0.40 ✓ pass", "−2.50"),
        ("rim", "0.500 → 0.850 ▲ look", "3.00 → 9.00 ✕ fail"),
        ("apex", "12.00", "6.00", "1.00", "−5.90", "0.20"),
        ("base", "9.00", "1.00"),
    ):
        assert page.row(*words)
    told = page.text
    statuses = [row.status for row in good[1].quality.rows if row.status != "info"]
    for status in ("pass", "look", "fail"):
        sign = {"pass": "✓ pass", "look": "▲ look", "fail": "✕ fail"}[status]
        assert told.count(sign) >= statuses.count(status)


def test_the_gravest_structure_comes_first(page):
    assert page.text.index("rim 0.500") < page.text.index("core 0.600")


def test_of_structures_that_fail_the_worst_comes_first(subject, tmp_path, helpers, grader):
    rows = [grader.row("dice", value, structure=name) for name, value in (("near", 0.7), ("far", 0.1), ("mid", 0.4))]
    rows.append(grader.row("mean_surface_distance", 40.0, structure="mid"))
    page = Page(write_report(tmp_path / "report.html", subject, helpers.assessed(subject, rows, "fail")))
    assert page.text.index("mid 0.400") < page.text.index("far 0.100") < page.text.index("near 0.700")


def test_what_was_used_beside_the_volumes_is_named_with_its_fingerprint(subject, tmp_path, helpers):
    inputs = (
        InputRecord(role="fixed_labels", name="seg", path="/data/seg.nii.gz", fingerprint="sha256:" + "cd" * 32),
        InputRecord(role="fixed_points", name="markers.csv"),
    )
    page = Page(write_report(tmp_path / "report.html", subject, helpers.assessed(subject, inputs=inputs)))
    assert page.row("Fixed", "/data/fixed.nii.gz", "ab" * 32)
    assert page.row("Fixed labels", "/data/seg.nii.gz", "cd" * 32)
    assert page.row("Fixed points", "markers.csv", "–")


def test_geometry_is_told_in_words(page):
    assert page.row("Axes point to", "RPS, oblique 9.4 degrees, left-handed")
    assert page.row("Spacing x y z, mm", "2 × 2.5 × 4")
    assert "fixed → moving, LPS mm. Turned by 3.00 degrees , shifted by 5.00 mm" in page.text


def test_measures_in_use_are_explained_with_what_they_cannot_tell_and_limits_with_their_source(page):
    assert "Rohlfing, Image similarity and tissue overlaps" in page.text
    assert page.text.count("a wrong one can score better than a right one") == 1
    assert page.row("[1]", "target registration error, mean", "TG-132")
    targets = {attrs["id"] for _, attrs in page.elements if "id" in attrs}
    assert {attrs["href"][1:] for attrs in page.all("a")} <= targets


def test_a_linear_transform_has_no_pictures_of_its_deformation_and_the_report_says_why(page):
    assert "the transform is linear" in page.text
    assert "Jacobian determinant:" not in page.text


def test_names_stand_on_the_signature_lines(page):
    assert page.row("Made by", "Ada")
    assert page.row("Checked by", "Ben")
    assert page.row("Approved by") == "Approved by"


def test_tables_have_heads_with_a_scope_and_the_page_has_a_language(page):
    assert page.all("html")[0]["lang"] == "en"
    assert all("scope" in attrs for attrs in page.all("th"))
    assert len(page.all("h1")) == 1


def test_a_folded_field_fails_in_the_first_lines_and_its_folds_are_shown(subject, grader, tmp_path, helpers):
    subject = replace(subject, transform=helpers.folding(subject.fixed))
    rows = (grader.row("folded_in_body", 3.2), grader.row("folded", 2.0))
    found = helpers.assessed(subject, rows, state="fail", headline=("FAIL: 3.2 % of the body is folded",))
    page = Page(write_report(tmp_path / "report.html", subject, found))
    assert "✕ FAIL" in page.text[:800]
    assert "3.2 % of the body is folded" in page.text[:800]
    assert "FAIL: FAIL" not in page.text
    assert page.row("folded, inside the body", "3.20", "%", "✕ fail")
    assert "lowest determinant, −" in page.text
    pictures = [attrs for attrs in page.all("img") if attrs["alt"].startswith("Jacobian determinant")]
    assert len(pictures) == 3
    for attrs in pictures:
        with Image.open(io.BytesIO(base64.b64decode(attrs["src"].split(",")[1]))) as picture:
            red, green, blue = np.moveaxis(np.asarray(picture.convert("RGB")).astype(int), -1, 0)
        assert ((red > 220) & (green > 190) & (blue < 80)).sum() > 50  # yellow


def test_maps_of_the_long_checks_are_shown_where_they_were_made(subject, tmp_path, helpers):
    found = helpers.assessed(subject)
    maps = {**found.maps, "repeatability_mm": sitk.Cast(subject.fixed * 0 + 0.7, sitk.sitkFloat32)}
    page = Page(write_report(tmp_path / "report.html", subject, Assessment(found.quality, maps)))
    assert "What registering again says" in page.text
    assert "The largest is 0.70 mm" in page.text
    assert "Error on a known motion" not in page.text


def test_what_comes_from_outside_stays_text(subject, grader, tmp_path, helpers):
    row = grader.row("dice", 0.9, 0.1, structure=HOSTILE)
    found = helpers.assessed(
        subject,
        (row,),
        headline=(HOSTILE,),
        remarks=(HOSTILE,),
        environment={HOSTILE: HOSTILE},
        run={"notes": [HOSTILE]},
    )
    volumes = {role: getattr(found.quality, role).model_copy(update={"name": HOSTILE}) for role in ("fixed", "moving")}
    quality = found.quality.model_copy(update={**volumes, "recipe": {"name": HOSTILE, "stages": []}})
    page = Page(write_report(tmp_path / "report.html", subject, Assessment(quality, found.maps), signed_by=(HOSTILE,)))
    assert page.all("script") == []
    assert all(attrs["src"].startswith("data:image/") for attrs in page.all("img"))
    assert page.source.count("</style>") == 1
    assert page.text.count(HOSTILE) >= 9
    assert HOSTILE not in page.source


def test_the_recipe_is_told_in_short_and_in_full(subject, tmp_path, helpers):
    recipe = Recipe(name="mine", title="My own", stages=({"kind": "rigid"}, {"kind": "bspline"}))
    quality = helpers.assessed(subject).quality
    quality = Quality.model_validate(
        {**quality.model_dump(), "recipe": recipe.model_dump(mode="json"), "run": {"seed": 7}}
    )
    page = Page(write_report(tmp_path / "report.html", subject, Assessment(quality, {})))
    assert "Recipe: My own" in page.text
    assert page.row("1. Rigid", "Mattes mutual information")
    assert page.row("2. B-spline", "control points")
    assert page.row("Seed", "7")
    assert '"number_of_histogram_bins"' in page.text
    assert '"shrink_factors": [8, 4, 2]' in page.text
    assert page.all("details")


def test_a_2d_pair_has_a_report(tmp_path, helpers, grader):
    image = sitk.GaussianSource(sitk.sitkFloat32, [40, 30], [6, 6], [20, 15])
    subject = Subject(image, image, sitk.TranslationTransform(2, (1.0, 2.0)))
    page = Page(write_report(tmp_path / "report.htm", subject, helpers.assessed(subject, (grader.row("tre_mean", 1),))))
    assert [attrs["alt"].split(":")[1].strip() for attrs in page.all("img")] == ["image, scale bar 10 mm"] * 4


def test_a_name_that_is_no_html_file_is_refused_before_anything_is_made(good, tmp_path):
    with pytest.raises(FileError, match=r"\.html"):
        write_report(tmp_path / "report.pdf", *good)
    with pytest.raises(FileError, match="does not exist"):
        write_report(tmp_path / "none" / "report.html", *good)
    with pytest.raises(CoregError, match="3 signature lines"):
        write_report(tmp_path / "report.html", *good, signed_by=("a", "b", "c", "d"))
    assert list(tmp_path.iterdir()) == []


def test_a_report_that_fails_half_way_leaves_the_old_one(good, tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("old", encoding="utf-8")
    monkeypatch.setattr(
        "pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )
    with pytest.raises(FileError, match="No space left"):
        write_report(path, *good)
    assert path.read_text(encoding="utf-8") == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["report.html"]


@pytest.mark.slow
@pytest.mark.skipif(not (BROWSER and shutil.which("pdftotext")), reason="needs Chromium and pdftotext")
def test_on_paper_each_page_names_the_pair_and_what_is_folded_on_the_screen_is_there(good, tmp_path):
    subject, assessment = good
    recipe = Recipe(name="mine", stages=({"kind": "rigid"},)).model_dump(mode="json")
    assessment = Assessment(assessment.quality.model_copy(update={"recipe": recipe}), assessment.maps)
    page = write_report(tmp_path / "report.html", subject, assessment)
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    options += [f"--user-data-dir={tmp_path / 'profile'}", "--no-pdf-header-footer"]
    subprocess.run(
        [BROWSER, *options, f"--print-to-pdf={tmp_path / 'report.pdf'}", page.as_uri()], check=True, capture_output=True
    )
    subprocess.run(["pdftotext", "-layout", tmp_path / "report.pdf", tmp_path / "report.txt"], check=True)
    *pages, rest = (tmp_path / "report.txt").read_text(encoding="utf-8").split("\f")
    assert rest == ""
    for number, text in enumerate(pages, start=1):
        assert "moving.nii.gz onto fixed.nii.gz" in text
        assert "LOOK" in text
        assert f"page {number} of {len(pages)}" in text
    assert '"number_of_histogram_bins"' in "".join(pages)
