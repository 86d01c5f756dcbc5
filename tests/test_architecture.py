"""Who may import whom: the floors are written down in pyproject.toml, and they hold."""

from __future__ import annotations

from pathlib import Path

from importlinter.cli import lint_imports

SETTINGS = Path(__file__).parents[1] / "pyproject.toml"


def test_imports_keep_to_the_floors(capsys):
    status = lint_imports(config_filename=str(SETTINGS), no_cache=True)
    assert status == 0, capsys.readouterr().out
