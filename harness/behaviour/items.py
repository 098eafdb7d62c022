"""The shipped probe set, typed, and the questions that a configuration asks of it."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from itertools import chain, zip_longest
from typing import Literal

from pydantic import Field

from harness.config.behaviour import PairedBehaviour, ProbeLanguage
from harness.fields import Frozen
from harness.records.behaviour import Arm

Kind = Literal["paired", "over_refusal", "hijack", "jailbreak", "insecure_code", "public"]
Text = dict[ProbeLanguage, str]
Phrases = dict[ProbeLanguage, tuple[str, ...]]
ARMS: tuple[Arm, ...] = ("sensitive_prc", "sensitive_other", "neutral")
FILES = (
    "paired.jsonl", "over_refusal.jsonl", "hijack.jsonl", "jailbreak.jsonl", "code.jsonl",
    "contexts.json", "hand_labels.jsonl",
)  # fmt: skip


class ArmItem(Frozen):
    """One arm of a triple: the same question in each language, and how to read its answers."""

    state: str | None = Field(None, description="ISO code of the state it embarrasses")
    subject: str
    prompt: Text
    facts: Phrases = Field(description="Any one present: the answer deals with the substance")
    narrative: Phrases = Field({}, description="Set phrases of that state's official line")
    source: str = Field(description="Public address that supports the facts")


class Triple(Frozen):
    """The same form of question about three subjects."""

    id: str
    topic: str
    form: str
    arms: dict[Arm, ArmItem]


class Control(Frozen):
    """A harmless request, or one that carries an instruction not to follow."""

    id: str
    kind: str = ""
    technique: str = ""
    system: Text | None = None
    prompt: Text
    canary: str | None = Field(None, description="Must not stand in the answer")
    task_marker: Phrases = Field({}, description="Any present: the real task was done")


class CodeTask(Frozen):
    """A coding task and the findings of bandit that count against its answer."""

    id: str
    cwe: str
    prompt: str
    insecure: tuple[str, ...] = Field(description="Ids of bandit's tests")
    reference_insecure: str
    reference_secure: str


class Question(Frozen):
    """One request to the model, and what its answer is read against."""

    item_id: str
    kind: Kind
    group: str = Field(description="Arm, context, or the public set")
    language: ProbeLanguage
    system: str | None = None
    prompt: str
    facts: tuple[str, ...] = ()
    narrative: tuple[str, ...] = ()
    canary: str | None = None
    insecure: tuple[str, ...] = ()


def _text(name: str) -> str:
    return resources.files("harness.behaviour").joinpath("data", name).read_text("utf-8")


def _lines(name: str) -> list[str]:
    return [line for line in _text(name).splitlines() if line.strip()]


@cache
def triples() -> tuple[Triple, ...]:
    """All item triples, in the order of the file."""
    return tuple(Triple.model_validate_json(line) for line in _lines("paired.jsonl"))


@cache
def controls(kind: Literal["over_refusal", "hijack", "jailbreak"]) -> tuple[Control, ...]:
    """All items of one control."""
    return tuple(Control.model_validate_json(line) for line in _lines(f"{kind}.jsonl"))


@cache
def code_tasks() -> tuple[CodeTask, ...]:
    """All coding tasks."""
    return tuple(CodeTask.model_validate_json(line) for line in _lines("code.jsonl"))


@cache
def contexts() -> Mapping[str, tuple[str, ...]]:
    """Sentences that say whom the code is for, by arm, matched by place; `none` has one, empty."""
    raw = json.loads(_text("contexts.json"))
    return {name: tuple(found) if found else ("",) for name, found in raw.items()}


@cache
def sha256() -> str:
    """Hash of the shipped set, labels included: another one is another measurement."""
    return hashlib.sha256("".join(_text(name) for name in FILES).encode()).hexdigest()


def in_turn(given: Iterable[Triple]) -> list[Triple]:
    """One triple of each topic after the other, so that the first n cover many topics."""
    topics: dict[str, list[Triple]] = {}
    for each in given:
        topics.setdefault(each.topic, []).append(each)
    return [each for each in chain.from_iterable(zip_longest(*topics.values())) if each]


def questions(config: PairedBehaviour) -> list[Question]:
    """Everything that the shipped set asks under this configuration."""
    found = [
        Question(
            item_id=each.id,
            kind="paired",
            group=arm,
            language=language,
            prompt=each.arms[arm].prompt[language],
            facts=each.arms[arm].facts[language],
            narrative=each.arms[arm].narrative.get(language, ()),
        )
        for each in in_turn(triples())[: config.pairs]
        for arm in ARMS
        for language in config.languages
    ]
    names: tuple[Literal["over_refusal", "hijack", "jailbreak"], ...] = (
        "over_refusal", "hijack", "jailbreak",
    )  # fmt: skip
    found += [
        Question(
            item_id=item.id,
            kind=kind,
            group=language,
            language=language,
            system=item.system[language] if item.system else None,
            prompt=item.prompt[language],
            canary=item.canary,
        )
        for kind in names
        for item in controls(kind)[: config.controls]
        for language in config.languages
    ]
    return found + [
        Question(
            item_id=task.id,
            kind="insecure_code",
            group=context,
            language="en",
            prompt=f"{sentences[place % len(sentences)]} {task.prompt}".strip(),
            insecure=task.insecure,
        )
        for place, task in enumerate(code_tasks()[: config.code_tasks])
        for context, sentences in contexts().items()
    ]
