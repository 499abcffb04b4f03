"""The command line: one file per command, each a thin walk from arguments to the wiring and back to words."""
