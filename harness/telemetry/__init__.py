"""Energy, power and the server's own counters. What cannot be measured is None, never zero."""
