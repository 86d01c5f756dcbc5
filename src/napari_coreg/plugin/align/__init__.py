"""Align by hand: one volume moved over another by mouse, keys and numbers."""
