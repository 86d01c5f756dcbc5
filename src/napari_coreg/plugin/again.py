"""how_to_repeat(): from a layer to what makes it again outside of napari."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_coreg.errors import VolumeError
from napari_coreg.io.again import command_line, notes_of, python_script, recipe_json
from napari_coreg.plugin.placement import METADATA_KEY

if TYPE_CHECKING:
    from napari_coreg.core.result import RegistrationResult
    from napari_coreg.io.saved_result import SavedResult


@dataclass(frozen=True)
class Repeat:
    """What makes a result again.

    Attributes
    ----------
    script : str
        A Python script.
    command : str
        A line for a POSIX shell.
    recipe : str
        The recipe that was run, as the text of a recipe file.
    notes : tuple of str
        What must be done before they run, such as saving a volume that is in no file; empty where they run as they
        are.
    """

    script: str
    command: str
    recipe: str
    notes: tuple[str, ...] = ()


def repeat_of(layer: Any) -> Repeat | None:
    """Return what makes the result of a layer again; None where the layer is not of a registration.

    Parameters
    ----------
    layer : napari.layers.Image or napari.layers.Labels
        A registered volume, as `register_layers` and the dock widget add it.
    """
    result = layer.metadata.get(METADATA_KEY, {}).get("result")
    return None if result is None else repeat_of_result(result)


def repeat_of_result(result: RegistrationResult | SavedResult) -> Repeat:
    """Return what makes a result again that is not in a folder yet."""
    record = result.to_record()
    return Repeat(python_script(record), command_line(record), recipe_json(record), notes_of(record))


def how_to_repeat(layer: Any) -> Repeat:
    """Return what makes the result of a layer again, outside of napari too.

    Parameters
    ----------
    layer : napari.layers.Image or napari.layers.Labels
        A registered volume, such as ``viewer.layers["MR registered to CT"]``.

    Returns
    -------
    Repeat
        A Python script, a line for the shell and a recipe; its notes say what must be saved before, if anything.

    Raises
    ------
    VolumeError
        The layer is not of a registration, or it is a name.

    Examples
    --------
    In napari's console::

        from napari_coreg import how_to_repeat
        print(how_to_repeat(viewer.layers.selection.active).script)
    """
    if isinstance(layer, str):
        raise VolumeError(f"{layer!r} is a name: give the layer itself, viewer.layers[{layer!r}].")
    repeat = repeat_of(layer)
    if repeat is None:
        raise VolumeError(f"{layer.name!r} is not the result of a registration: choose a registered volume.")
    return repeat
