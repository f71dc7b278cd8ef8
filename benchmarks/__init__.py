"""What is measured, against whom; one command: `python -m benchmarks`."""
