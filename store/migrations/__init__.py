"""The schema's history; `store.migrate` runs it, `alembic -c` is not needed."""
