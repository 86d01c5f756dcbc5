"""Landmarks: pairs of points set in two volumes, and what they fit."""
