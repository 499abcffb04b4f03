"""Plays traffic through the signed webhooks under a fault ladder, and counts in the platforms' ledgers what came."""
