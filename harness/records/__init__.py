"""What was measured, as it lies on disk: written once, then only read."""
