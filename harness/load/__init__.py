"""The load generator: prompts, arrivals, one streamed request, levels, figures."""
