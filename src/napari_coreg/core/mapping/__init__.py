"""Transforms as compiled maps of many points, with their Jacobians, and solved for the points they come from."""
