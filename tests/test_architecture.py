"""What holds in all of the source: who may import whom, and that no array looks into freed memory."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

SETTINGS = Path(__file__).parents[1] / "pyproject.toml"


def test_imports_keep_to_the_floors(capsys):
    status = lint_imports(config_filename=str(SETTINGS), no_cache=True)
    assert status == 0, capsys.readouterr().out


def _views_of_temporaries(source):
    """Lines where an array looks into an image that nothing keeps alive, or that only a function's own name keeps."""
    lines = []
    for function in [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]:
        arguments = {each.arg for each in [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]}
        views = [node for node in ast.walk(function) if isinstance(node, ast.Call) and _makes_a_view(node)]
        lines += [view.lineno for view in views if not isinstance(view.args[0], ast.Name | ast.Attribute)]
        own = {id(view) for view in views if isinstance(view.args[0], ast.Name) and view.args[0].id not in arguments}
        named = {
            target.id
            for node in ast.walk(function)
            if isinstance(node, ast.Assign | ast.AnnAssign) and id(node.value) in own
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(function):
            value = node.value if isinstance(node, ast.Return | ast.Yield) else None
            is_view = id(value) in own or (isinstance(value, ast.Name) and value.id in named)
            lines += [node.lineno] if is_view else []
    return sorted(set(lines))


def _makes_a_view(call):
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    return name == "GetArrayViewFromImage"


@pytest.mark.parametrize(
    "body",
    [
        "return sitk.GetArrayViewFromImage(sitk.Abs(image)).max()",
        "return sitk.GetArrayViewFromImage(mask != 0).any()",
        "return sitk.GetArrayViewFromImage(images[0])",
        "found = sitk.Abs(image)\n    return sitk.GetArrayViewFromImage(found)",
        "found = sitk.Abs(image)\n    values = sitk.GetArrayViewFromImage(found)\n    return values",
    ],
)
def test_a_view_of_an_image_that_dies_is_found(body):
    assert _views_of_temporaries(f"def f(image, mask, images):\n    {body}")


@pytest.mark.parametrize(
    "body",
    [
        "return sitk.GetArrayViewFromImage(image)",
        "found = sitk.Abs(image)\n    return sitk.GetArrayViewFromImage(found).max()",
        "return sitk.GetArrayFromImage(sitk.Abs(image))",
    ],
)
def test_a_view_of_an_image_that_lives_is_let_through(body):
    assert not _views_of_temporaries(f"def f(image):\n    {body}")


def test_no_array_looks_into_an_image_that_is_gone():
    """SimpleITK's views do not keep the memory of their image: what they look at is freed with it."""
    places = [path for folder in ("src", "tests", "docs") for path in SETTINGS.parent.joinpath(folder).rglob("*.py")]
    found = {str(path): _views_of_temporaries(path.read_text(encoding="utf-8")) for path in places}
    assert not {path: lines for path, lines in found.items() if lines}
