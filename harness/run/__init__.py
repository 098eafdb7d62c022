"""A sweep's cells, one after the other, each from configuration to record."""
