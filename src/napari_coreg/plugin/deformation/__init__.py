"""Deformation: what a transform does to space, as arrows, grid and maps."""
