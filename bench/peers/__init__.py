"""Runs inside the benchmark's own environment, where the peers are installed; imported by nothing else."""
