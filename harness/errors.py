"""Named errors, by who can fix them. Only `harness.cli` turns them into exit codes."""


class HarnessError(Exception):
    """Base of every error that a user is meant to read: one line, with the fix in it."""

    exit_code = 1


class ConfigError(HarnessError):
    """The configuration is wrong; nothing was started. One line per problem."""

    exit_code = 2


class SetupError(HarnessError):
    """The machine lacks something: weights, memory, a package, a free port, a GPU."""

    exit_code = 3


class MeasurementError(HarnessError):
    """A stage started and could not finish; its record says at which stage and why."""

    exit_code = 4


class FactError(HarnessError):
    """A fact, price or record is missing, malformed or without a source."""

    exit_code = 5
