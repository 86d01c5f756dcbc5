"""Warp layers: carries images, labels, points, vectors, surfaces and shapes through a registration, or its inverse."""
