"""Quality: measures a registration, shows what is within the limits and what is not, and keeps it."""
