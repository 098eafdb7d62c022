"""The way from the raw records to one figure of the table."""
