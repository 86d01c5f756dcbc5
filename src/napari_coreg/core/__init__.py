"""Registration itself: SimpleITK images in xyz, LPS, millimetres; no file, no napari, no Qt."""
