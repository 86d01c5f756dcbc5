"""A B-spline registration engine whose loops over voxels are compiled by numba."""
