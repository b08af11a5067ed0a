"""What benchmarks are made of: programs that they start beside themselves."""
