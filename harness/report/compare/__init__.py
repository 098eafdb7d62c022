"""What changed between two sweeps, or two judgements of one, and what it does."""
