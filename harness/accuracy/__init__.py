"""lm-eval against a URL, in a child process; every sample is kept."""
