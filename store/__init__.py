"""The memory: one SQL database is the truth. Repositories are plain functions over a connection."""
