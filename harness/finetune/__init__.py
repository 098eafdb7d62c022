"""LoRA over a fixed data budget, in a child process."""
