"""The command napari-coreg: registers, applies, evaluates and shows, without napari or Qt."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING

from napari_coreg.cli.parser import make_parser
from napari_coreg.errors import CoregError, RegistrationCancelled, RegistrationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DONE, BAD_INPUT, FAILED, CANCELLED = 0, 2, 3, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        The words after the command's name; those of this process when not given.

    Returns
    -------
    int
        Exit code: 0 done, 2 bad input, 3 the registration failed or its verdict is "failed", 130 cancelled.
    """
    options = make_parser().parse_args(arguments)
    try:
        with _quiet_libraries():
            code: int | None = import_module(f"napari_coreg.cli.{options.command}").run(options)
            sys.stdout.flush()
    except RegistrationCancelled:
        _tell("cancelled; nothing was written")
        return CANCELLED
    except KeyboardInterrupt:  # while reading, writing or looking; what was begun is cleared away, what was done stays
        _tell("cancelled")
        return CANCELLED
    except RegistrationError as error:
        _tell(f"error: {error}")
        return FAILED
    except BrokenPipeError:  # the reader of our output has seen enough, as in: napari-coreg presets | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except (CoregError, OSError) as error:
        _tell(f"error: {error}")
        return BAD_INPUT
    return code or DONE


def _tell(text: str) -> None:
    print("napari-coreg:", " ".join(text.split()), file=sys.stderr)


@contextmanager
def _quiet_libraries() -> Iterator[None]:
    """Keep what libraries say to programmers from the terminal; what a user must know comes as notes and errors."""
    silent = logging.NullHandler()
    root = logging.getLogger()
    root.addHandler(silent)
    try:
        with warnings.catch_warnings():
            if not sys.warnoptions:
                warnings.simplefilter("ignore")
            yield
    finally:
        root.removeHandler(silent)
