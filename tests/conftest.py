"""Fixtures shared by all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

REAL_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real volumes beside the project, or a skip with the reason."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"real volumes not found in {REAL_DATA}")
    return REAL_DATA
