"""From a model's configuration to a URL that answers, and nothing left behind afterwards."""
