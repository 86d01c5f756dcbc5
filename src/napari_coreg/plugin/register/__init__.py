"""Register volumes: the dock widget that runs a registration."""
