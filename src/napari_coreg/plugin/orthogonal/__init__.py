"""Orthogonal views: the planes that the canvas does not show."""
