"""Tests mirror the package's paths; shared objects come from `tests.builders`."""

from hypothesis import settings

# The same examples everywhere, and no time limit: shared machines are slow at random.
settings.register_profile("steady", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("steady")
