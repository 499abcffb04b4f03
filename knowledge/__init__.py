"""What is known and how it grows."""
