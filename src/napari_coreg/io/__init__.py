"""Files to core values and back: volumes, transforms, points and result folders."""
