"""What is measured, held against a baseline in the same run; `python -m tests.benchmarks` prints the table."""
