"""Attempts: the table of finished runs, and project folders."""
