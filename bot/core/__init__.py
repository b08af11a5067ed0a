"""Decisions and nothing else: no clock, chance, file, database or network."""
