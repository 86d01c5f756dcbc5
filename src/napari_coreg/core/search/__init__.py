"""Looks at two volumes in all poses, coarsely, to find where a registration starts and what else would fit."""
