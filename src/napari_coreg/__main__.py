"""Run the command line as ``python -m napari_coreg``."""

import sys

from napari_coreg.cli import main

if __name__ == "__main__":
    sys.exit(main())
