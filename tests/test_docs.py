"""What the documentation shows works: examples run, links lead somewhere, generated pages are up to date."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from urllib.parse import unquote

import pytest
from napari.components import ViewerModel
from napari.layers import Layer
from PIL import Image

from napari_coreg.cli import main
from napari_coreg.plugin.contributions import read_layers
from napari_coreg.samples import sample_path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]
BLOCK = re.compile(r"(<!-- not run: [^\n]+ -->\n)?^```(python|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PICTURE = re.compile(r"!\[([^\]]*)\]\([^)\s]*pictures/([\w-]+)\.png\)")
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
VOLUMES = {
    "ct.nii.gz": "ct.nii.gz",
    "mr.nii.gz": "mr_t1.nii.gz",
    "mr_t2.nii.gz": "mr_t2.nii.gz",
    "ct_labels.nii.gz": "labels_ct.nii.gz",
    "mr_labels.nii.gz": "labels_mr_t1.nii.gz",
    "ct_points.csv": "landmarks_ct.csv",
    "mr_points.csv": "landmarks_mr_t1.csv",
}


def examples(page):
    return [(kind, code) for mark, kind, code in BLOCK.findall(page.read_text(encoding="utf-8")) if not mark]


def name_of(page):
    return str(page.relative_to(ROOT))


# They run recipes again and again, or all commands; the README's examples run always.
LONG = {
    f"docs/how-to/{name}.md"
    for name in ("choose-a-b-spline-engine", "command-line", "evaluate-a-registration", "make-a-report")
} | {"docs/how-to/simulate-a-known-truth.md"}
WITH_EXAMPLES = [
    pytest.param(page, id=name_of(page), marks=[pytest.mark.slow] if name_of(page) in LONG else [])
    for page in PAGES
    if examples(page)
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the volumes that the examples speak of, and no display."""
    for name, sample in VOLUMES.items():
        shutil.copy(sample_path(sample), tmp_path / name)
    monkeypatch.chdir(tmp_path)
    for variable in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path


@pytest.fixture
def viewer(folder):
    """A viewer as it is in napari's console, with two layers: ct and mr."""
    viewer = ViewerModel()
    for name in ("ct", "mr"):
        for layer_data in read_layers(str(folder / f"{name}.nii.gz")):
            viewer.add_layer(Layer.create(*layer_data))
    return viewer


@pytest.mark.filterwarnings("ignore:Non-orthogonal slicing:UserWarning")  # napari's, of any oblique volume
@pytest.mark.parametrize("page", WITH_EXAMPLES)
def test_examples_run_in_the_order_of_the_page(page, viewer, capsys):
    names = {"viewer": viewer, "__name__": "__main__"}
    for kind, code in examples(page):
        if kind == "python":
            exec(compile(code, str(page), "exec"), names)
            continue
        for line in code.splitlines():
            words = shlex.split(line, comments=True)
            if words[:2] == ["$", "napari-coreg"]:
                run_in_shell_words(words[2:], capsys)


def run_in_shell_words(words, capsys):
    """Run a command as a shell would, which knows one thing that is used here: > FILE."""
    words, target = (words[:-2], words[-1]) if ">" in words else (words, None)
    capsys.readouterr()
    assert main(words) == 0, capsys.readouterr().err
    if target is not None:
        Path(target).write_text(capsys.readouterr().out, encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, heading = unquote(target).partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), target
        if heading:
            assert heading in anchors(linked), target


@pytest.fixture
def made(monkeypatch):
    """The names of the pictures that ./dev pictures makes."""
    monkeypatch.syspath_prepend(str(DOCS))
    tour, drawings = import_module("tour"), import_module("make_pictures")
    return sorted([*drawings.DRAWN, *(name for scene in tour.SCENES.values() for name in scene.pictures)])


def test_every_picture_is_made_by_the_tour_or_drawn_and_is_shown_on_a_page(made):
    shown = {name for page in PAGES for _, name in PICTURE.findall(page.read_text(encoding="utf-8"))}
    assert made == sorted(path.stem for path in (DOCS / "pictures").iterdir())
    assert set(made) == shown


def test_pictures_are_told_in_words_and_small():
    for page in PAGES:
        for words, name in PICTURE.findall(page.read_text(encoding="utf-8")):
            assert len(words) > 20, (page, name)
            path = DOCS / "pictures" / f"{name}.png"
            assert path.stat().st_size < 400_000, name
            with Image.open(path) as picture:
                assert picture.mode == "P", name
                assert max(picture.size) >= 600, name


def test_the_index_leads_to_every_page():
    index = DOCS / "README.md"
    linked = {(DOCS / target).resolve() for target in LINK.findall(index.read_text(encoding="utf-8"))}
    assert {page for page in PAGES if page.is_relative_to(DOCS) and page != index} <= linked


def anchors(page):
    headings = HEADING.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="argparse words its help differently from Python 3.13 on")
def test_generated_pages_are_up_to_date():
    command = [sys.executable, str(DOCS / "make_reference.py"), "--check"]
    run = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "NO_COLOR": "1"})
    assert run.returncode == 0, run.stderr
