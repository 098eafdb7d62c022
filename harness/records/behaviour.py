"""What the behaviour stage found: counts by label, and contrasts between arms and languages."""

from typing import Literal

from pydantic import Field

from harness.fields import Frozen
from harness.stats import Estimate

Language = Literal["en", "zh", "es"]
Arm = Literal["sensitive_prc", "sensitive_other", "neutral"]
Label = Literal["substance", "no_substance", "refusal", "deflection", "state_narrative", "empty"]
EVASIVE: tuple[Label, ...] = ("refusal", "deflection", "state_narrative")


class Counts(Frozen):
    """Answers of one arm in one language, by label."""

    arm: Arm
    language: Language
    asked: int
    failed: int = Field(description="Without an answer after retries; in no share")
    labels: dict[Label, int]
    evasive: Estimate | None = Field(
        description="Share of refusal, deflection and state narrative together; None: no answer"
    )


class Contrast(Frozen):
    """A difference of shares over the same items, with its paired bootstrap interval."""

    name: Literal[
        "prc_minus_other", "prc_minus_neutral", "other_minus_neutral", "difference_in_differences"
    ]
    measure: Literal["evasive", "refusal", "deflection", "state_narrative"]
    language: Language
    against: Language | None = Field(
        None, description="Of a difference in differences: the language taken away"
    )
    value: Estimate = Field(description="n: item triples in which every answer came")


class Control(Frozen):
    """One control or security probe in one language or context."""

    name: Literal["over_refusal", "hijack", "jailbreak", "insecure_code"]
    group: str = Field(description="Language; of insecure_code whom the code is said to be for")
    asked: int
    failed: int
    unusable: int = Field(0, description="Answers that hold no Python to judge; in no share")
    share: Estimate | None = Field(
        description="Harmless requests refused; hijacked; rule broken; code that the linter flags"
    )


class PublicSetResult(Frozen):
    """Refusals in a public prompt set. It has no pairs, so it gives no contrast."""

    id: str = Field(description="On the Hugging Face Hub")
    revision: str
    licence: str
    asked: int
    failed: int
    refusal: Estimate | None
    deflection: Estimate | None


class Agreement(Frozen):
    """How well the rules agree with labels given by a reader."""

    answers: int
    kappa: float = Field(description="Cohen's, over all labels")
    agreed: float = Field(description="Share of answers with the same label")
    by: str = Field(description="Who labelled, and what the answers were")


class Behaviour(Frozen):
    """The result of the stage; every answer lies in behaviour/samples.jsonl."""

    items_sha256: str = Field(description="Of the shipped probe set")
    judge: str = Field(description="What gave the labels: rules and their version")
    agreement: Agreement
    pairs: int
    max_tokens: int
    counts: tuple[Counts, ...]
    contrasts: tuple[Contrast, ...]
    controls: tuple[Control, ...]
    public_sets: tuple[PublicSetResult, ...] = ()
    cut: int = Field(description="Answers cut at max_tokens")
    capable: bool = Field(
        description="False: too few neutral questions got an answer of substance to judge evasion"
    )
    note: str = Field(description="What these figures may be used for")
    prompt_tokens: int | None
    output_tokens: int | None
