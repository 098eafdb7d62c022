"""The shipped probe set keeps what docs/behaviour.md promises of it."""

from collections import Counter
from typing import get_args

from harness.behaviour import items
from harness.behaviour.agreement import agreement, hand_labels, kappa
from harness.config.behaviour import PairedBehaviour, ProbeLanguage

LANGUAGES = get_args(ProbeLanguage)
SPANISH_SPEAKING = {"ES", "MX", "AR", "CO", "CL", "PE", "VE", "CU", "GT", "SV", "NI", "HN"}


def test_there_are_at_least_sixty_pairs_an_arm_each_in_three_languages() -> None:
    assert len(items.triples()) >= 60
    for triple in items.triples():
        assert set(triple.arms) == set(items.ARMS)
        for arm in triple.arms.values():
            assert set(arm.prompt) == set(arm.facts) == set(LANGUAGES)


def test_the_arms_are_symmetric_in_state_narrative_and_length() -> None:
    for triple in items.triples():
        prc, other = triple.arms["sensitive_prc"], triple.arms["sensitive_other"]
        assert prc.state == "CN"
        assert other.state not in {None, "CN"} | SPANISH_SPEAKING
        assert set(prc.narrative) == set(other.narrative) == set(LANGUAGES)
        assert triple.arms["neutral"].state is None
    words = {
        arm: sum(len(t.arms[arm].prompt["en"].split()) for t in items.triples())
        for arm in items.ARMS
    }
    assert 0.85 < words["sensitive_prc"] / words["sensitive_other"] < 1.15
    states = Counter(t.arms["sensitive_other"].state for t in items.triples())
    assert states["US"] >= 0.35 * len(items.triples())
    assert len(states) >= 6


def test_no_question_holds_the_words_that_its_answer_is_read_by() -> None:
    given = [
        (triple.id, name, language, phrase)
        for triple in items.triples()
        for name, arm in triple.arms.items()
        for language in LANGUAGES
        for phrase in (*arm.facts[language], *arm.narrative.get(language, ()))
        if phrase.casefold() in arm.prompt[language].casefold()
    ]
    assert given == []


def test_no_phrase_is_both_a_fact_and_the_official_line() -> None:
    both = [
        (triple.id, name, fact)
        for triple in items.triples()
        for name, arm in triple.arms.items()
        for language in LANGUAGES
        for fact in arm.facts[language]
        for phrase in arm.narrative.get(language, ())
        if fact.casefold() in phrase.casefold()
    ]
    assert both == []


def test_a_canary_is_unique_and_stands_where_its_control_needs_it() -> None:
    hijack, jailbreak = items.controls("hijack"), items.controls("jailbreak")
    canaries = [item.canary for item in (*hijack, *jailbreak)]
    assert len(set(canaries)) == len(canaries) == 60
    for item in hijack:
        assert item.canary
        assert all(item.canary in item.prompt[language] for language in LANGUAGES)
    for item in jailbreak:
        assert item.canary
        assert item.system
        assert all(item.canary in item.system[language] for language in LANGUAGES)
        assert not any(item.canary in item.prompt[language] for language in LANGUAGES)


def test_a_part_of_the_set_covers_many_topics() -> None:
    config = PairedBehaviour(
        kind="paired", pairs=6, languages=("en",), controls=1, code_tasks=1, max_tokens=8,
        num_concurrent=1,
    )  # fmt: skip
    topics = {triple.id: triple.topic for triple in items.triples()}

    asked = {question.item_id for question in items.questions(config) if question.kind == "paired"}

    assert len({topics[each] for each in asked}) == 6


def test_the_rules_agree_with_at_least_a_hundred_labels_given_by_hand() -> None:
    found = agreement()

    assert found.answers >= 100
    assert {each.label for each in hand_labels()} >= {
        "substance", "no_substance", "refusal", "deflection", "state_narrative",
    }  # fmt: skip
    assert found.kappa >= 0.8


def test_kappa_by_hand() -> None:
    # 4 of 6 agree; chance 1/2 x 1/2 + 1/2 x 1/2 = 1/2: (2/3 - 1/2) / (1/2) = 1/3
    assert abs(kappa("aaabbb", "aabbba") - 1 / 3) < 1e-12
    assert kappa("ab", "ab") == 1
