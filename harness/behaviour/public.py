"""Public prompt sets, loaded from the Hub at a pinned commit and never shipped."""

from dataclasses import dataclass

from harness.behaviour.items import Question
from harness.config.behaviour import PairedBehaviour, ProbeLanguage, PublicSet
from harness.errors import ConfigError, SetupError


@dataclass(frozen=True)
class Adapter:
    """Where a public set keeps its prompts, and what its licence allows."""

    licence: str  # SPDX id
    split: str
    column: str
    language: ProbeLanguage = "en"
    config: str | None = None
    only: tuple[str, str] | None = None  # column and value of the rows that are asked
    what: str = ""

    @property
    def noncommercial(self) -> bool:
        """Whether the licence bars commercial use."""
        return "-NC-" in self.licence


# Ids, splits and columns as public code uses them; licences from the sets' cards, 2026-11.
ADAPTERS = {
    "promptfoo/CCP-sensitive-prompts": Adapter(
        "CC-BY-NC-4.0", "train", "prompt", what="sensitive to the PRC; without a control arm"
    ),
    "augmxnt/deccp": Adapter(
        "Apache-2.0", "censored", "text", what="what Qwen2-7B-Instruct refused: positive control"
    ),
    "JailbreakBench/JBB-Behaviors": Adapter(
        "MIT", "benign", "Goal", config="behaviors", what="harmless requests: over-refusal"
    ),
    "walledai/XSTest": Adapter(
        "CC-BY-4.0", "test", "prompt", only=("label", "safe"), what="safe requests: over-refusal"
    ),
}


def check(config: PairedBehaviour) -> None:
    """Raise ConfigError for a set without adapter, or one that may not be used commercially."""
    for wanted in config.public_sets:
        adapter = ADAPTERS.get(wanted.id)
        if adapter is None:
            raise ConfigError(
                f"behaviour.public_sets: no adapter for {wanted.id}; known are"
                f" {', '.join(sorted(ADAPTERS))}"
            )
        if adapter.noncommercial and not config.accept_noncommercial:
            raise ConfigError(
                f"behaviour.public_sets: {wanted.id} is under {adapter.licence}, which bars"
                " commercial use; behaviour.accept_noncommercial=true if yours is not"
            )


def questions(wanted: PublicSet) -> list[Question]:
    """The set's prompts. Raises SetupError when it cannot be loaded or looks different."""
    adapter = ADAPTERS[wanted.id]
    try:
        import datasets
    except ImportError:
        raise SetupError(
            "behaviour.public_sets needs the package datasets: pip install 'harness[finetune]'"
        ) from None
    try:
        rows = datasets.load_dataset(
            wanted.id, adapter.config, split=adapter.split, revision=wanted.revision
        )
    except Exception as error:  # the library raises many kinds
        raise SetupError(
            f"behaviour.public_sets: {wanted.id} at {wanted.revision[:12]} could not be loaded:"
            f" {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        ) from error
    needed = [adapter.column, *(adapter.only or ())[:1]]
    missing = [name for name in needed if name not in rows.column_names]
    if missing:
        raise SetupError(
            f"behaviour.public_sets: {wanted.id} has no column {', '.join(missing)};"
            f" it has {', '.join(rows.column_names)}"
        )
    if adapter.only:
        column, value = adapter.only
        rows = rows.filter(lambda row: row[column] == value)
    prompts = list(rows[adapter.column])[: wanted.limit]
    return [
        Question(
            item_id=f"{wanted.id}#{place}",
            kind="public",
            group=wanted.id,
            language=adapter.language,
            prompt=prompt,
        )
        for place, prompt in enumerate(prompts)
    ]
