"""Our estimators against what others published: `python -m tests.parity` fetches what it can and prints the table."""
