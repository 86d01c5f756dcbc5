"""Draws the beginning of a report as a browser shows it: its first screens, by a headless Chromium or Chrome."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from napari_coreg.core.quality.assess import assess
from napari_coreg.io.report import write_report

if TYPE_CHECKING:
    from napari_coreg.core.quality.subject import Subject

SIZE, SHOWN = (1280, 1640), (960, 1230)
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
QUIET = ("--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync")


def draw_report(path: Path, subject: Subject) -> bool:
    """Draw it, or leave the picture as it was where there is no browser to draw it; return whether it was drawn."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        return False
    with tempfile.TemporaryDirectory() as folder:
        page = write_report(Path(folder) / "report.html", subject, assess(subject), signed_by=("A. Physicist",))
        size = ",".join(map(str, SIZE))
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", *QUIET]
        command += [f"--user-data-dir={folder}/profile", f"--window-size={size}", f"--screenshot={path}", page.as_uri()]
        subprocess.run(command, check=True, capture_output=True)
    with Image.open(path) as picture:
        picture.convert("RGB").resize(SHOWN, Image.Resampling.LANCZOS).save(path)
    return True
