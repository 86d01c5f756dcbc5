"""What each command is called with, one module a command; imports nothing heavy, so that --help is quick."""
