"""The words all parts share: frozen values, no I/O. Imports nothing of ours."""
