"""Judges a registration: measures it in every way that its volumes, labels and landmarks allow, against limits."""
