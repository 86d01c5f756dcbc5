"""The only folder that may import napari, Qt and magicgui."""
