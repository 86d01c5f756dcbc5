"""Compiled loops that measure volumes, surfaces and deformations voxel by voxel."""
