"""Local models and how they are loaded."""
