"""The specialists: each takes words and gives a finding or a text."""
