"""Suites that say whether the product is better: questions with right entries, scripted turns with right outcomes."""
