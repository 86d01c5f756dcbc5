"""The report of a registration: one HTML file to hand over, read and print."""

from napari_coreg.io.report.write import require_report as require_report
from napari_coreg.io.report.write import write_report as write_report
