"""The parser of the command line: its commands in their order, their help, and errors in one line."""

from __future__ import annotations

import argparse
from typing import NoReturn

import napari_coreg
from napari_coreg.cli.options import (
    apply,
    check,
    demo,
    evaluate,
    fit,
    info,
    limits,
    presets,
    register,
    report,
    rerun,
    simulate,
)

_COMMANDS = tuple(
    module.COMMAND
    for module in (register, rerun, check, apply, evaluate, report, limits, simulate, fit, presets, demo, info)
)
_EXIT_CODES = "exit codes: 0 done, 2 bad input, 3 the registration or its verdict is 'failed', 130 cancelled"


class _Parser(argparse.ArgumentParser):
    """Tells an error in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"napari-coreg: error: {' '.join(message.split())} (see {self.prog} --help)\n")


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command napari-coreg; the chosen command stands in `command`."""
    parser = _Parser(
        prog="napari-coreg",
        description="Register medical volumes (NIfTI, DICOM folders, NRRD, MetaImage): CT, MRI, PET.",
        epilog=f"{_examples('napari-coreg demo', 'napari-coreg register ct.nii.gz mr.nii.gz -o out')}\n\n{_EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"napari-coreg {napari_coreg.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    for command in _COMMANDS:
        its_parser = commands.add_parser(
            command.name,
            help=command.title,
            description=command.description,
            epilog=_examples(*command.examples),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_options(its_parser)
    return parser


def _examples(*lines: str) -> str:
    return "\n".join(["examples:", *(f"  {line}" for line in lines)])
