"""What each column means, for whoever shows or explains a figure.

The words are those of docs/metrics.md; scripts/make_glossary carries them into glossary.json.
"""

import functools
import json
from importlib import resources

from harness.fields import Frozen


class Definition(Frozen):
    """One column's; empty where the page says nothing."""

    meaning: str
    formula: str
    unit: str
    source: str  # the file or the configuration group that the value comes from


class Glossary(Frozen):
    """All columns by key, and what stands in place of a figure, by its first words."""

    columns: dict[str, Definition]
    reasons: dict[str, str]


@functools.cache
def glossary() -> Glossary:
    """As packaged."""
    text = resources.files("harness.report").joinpath("glossary.json").read_text("utf-8")
    return Glossary.model_validate(json.loads(text))
