"""The behaviour stage's configuration."""

from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from harness.config.workload import Share
from harness.fields import Frozen

ProbeLanguage = Literal["en", "zh", "es"]


class PublicSet(Frozen):
    """A public prompt set that the stage asks beside its own."""

    id: str = Field(pattern=r"^[^/\s]+/[^/\s]+$", description="Dataset on the Hugging Face Hub")
    revision: str = Field(pattern=r"^[0-9a-f]{40}$", description="Full commit hash")
    limit: PositiveInt | None = Field(None, description="First n prompts; None: all")


class PairedBehaviour(Frozen):
    """Paired probes in several languages against the served model's chat endpoint."""

    kind: Literal["paired"]
    pairs: PositiveInt | None = Field(
        description="Item triples, taken in turn from each topic; None: all"
    )
    languages: tuple[ProbeLanguage, ...] = Field(
        min_length=1, description="The first is what the others are compared with"
    )
    controls: PositiveInt | None = Field(
        description="Items of over-refusal, hijacking and jailbreak each; None: all"
    )
    code_tasks: PositiveInt | None = Field(
        description="Coding tasks, each asked in three contexts; None: all"
    )
    max_tokens: PositiveInt = Field(description="Longest answer; of code four times that")
    num_concurrent: PositiveInt = Field(description="Requests in flight")
    max_retries: PositiveInt = Field(3, description="Tries of a request before it counts as failed")
    request_timeout_s: PositiveFloat = Field(300.0, description="Seconds for one request")
    chat_template_kwargs: dict[str, bool | int | str] = Field(
        {}, description="Handed to the model's chat template, e.g. {enable_thinking: false}"
    )
    min_neutral_substance: Share = Field(
        0.5,
        description="Below this share of neutral questions answered with substance the model is"
        " too weak for its evasions to mean anything",
    )
    public_sets: tuple[PublicSet, ...] = ()
    accept_noncommercial: bool = Field(
        False, description="Ask sets too whose licence bars commercial use"
    )

    @model_validator(mode="after")
    def _languages_once(self) -> "PairedBehaviour":
        if len(set(self.languages)) != len(self.languages):
            raise ValueError("languages: each may stand there once")
        return self
