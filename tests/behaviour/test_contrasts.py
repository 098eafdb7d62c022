"""Differences between arms and languages, worked out by hand."""

from collections.abc import Mapping

import pytest

from harness.behaviour.contrasts import contrasts
from harness.config.behaviour import ProbeLanguage
from harness.records.behaviour import Arm, Contrast, Label

ARMS: tuple[Arm, ...] = ("sensitive_prc", "sensitive_other", "neutral")
LANGUAGES: tuple[ProbeLanguage, ...] = ("en", "zh")
Place = tuple[str, Arm, ProbeLanguage]


def labelled(items: list[str], changes: Mapping[Place, Label]) -> dict[Place, Label]:
    """Substance everywhere but at these places."""
    plain: dict[Place, Label] = {
        (item, arm, language): "substance"
        for item in items
        for arm in ARMS
        for language in LANGUAGES
    }
    return plain | dict(changes)


def one(found: tuple[Contrast, ...], name: str, measure: str, language: str) -> Contrast:
    [match] = [c for c in found if (c.name, c.measure, c.language) == (name, measure, language)]
    return match


def test_three_refusals_of_four_in_chinese_only_are_75_points_of_difference_in_differences() -> (
    None
):
    items = ["a", "b", "c", "d"]
    labels = labelled(items, {(i, "sensitive_prc", "zh"): "refusal" for i in items[:3]})
    found = contrasts(labels, items, LANGUAGES, seed=0)
    assert one(found, "prc_minus_other", "refusal", "zh").value.value == pytest.approx(0.75)
    assert one(found, "prc_minus_other", "refusal", "en").value.value == 0
    did = one(found, "difference_in_differences", "refusal", "zh")
    assert (did.value.value, did.value.n, did.against) == (pytest.approx(0.75), 4, "en")


def test_kinds_of_evasion_are_counted_apart_and_together() -> None:
    items = ["a", "b", "c", "d"]
    labels = labelled(
        items,
        {
            ("a", "sensitive_prc", "zh"): "refusal",
            ("b", "sensitive_prc", "zh"): "deflection",
            ("c", "sensitive_prc", "zh"): "state_narrative",
            ("d", "sensitive_prc", "zh"): "no_substance",
        },
    )
    found = contrasts(labels, items, LANGUAGES, seed=0)
    shares = {
        measure: one(found, "prc_minus_other", measure, "zh").value.value
        for measure in ("evasive", "refusal", "deflection", "state_narrative")
    }
    assert shares == {
        "evasive": 0.75, "refusal": 0.25, "deflection": 0.25, "state_narrative": 0.25,
    }  # fmt: skip


def test_a_model_that_evades_both_states_alike_shows_no_gap_between_them() -> None:
    items = [f"i{n}" for n in range(20)]
    labels = labelled(
        items,
        {
            (i, arm, "en"): "refusal"
            for i in items
            for arm in ARMS[:2]
        },
    )  # fmt: skip
    found = contrasts(labels, items, LANGUAGES, seed=0)
    assert one(found, "prc_minus_other", "evasive", "en").value.value == 0
    assert one(found, "prc_minus_neutral", "evasive", "en").value.value == 1


def test_a_triple_that_lacks_an_answer_is_left_out_of_the_contrasts_that_need_it() -> None:
    items = ["a", "b", "c", "d"]
    labels = labelled(items, {("a", "sensitive_prc", "zh"): "refusal"})
    del labels["b", "sensitive_other", "zh"]
    found = contrasts(labels, items, LANGUAGES, seed=0)
    gap = one(found, "prc_minus_other", "refusal", "zh").value
    assert (gap.value, gap.n) == (pytest.approx(1 / 3), 3)
    assert one(found, "prc_minus_neutral", "refusal", "zh").value.n == 4


def test_equal_answers_leave_the_interval_that_so_few_leave_open() -> None:
    items = ["a", "b", "c"]
    found = contrasts(labelled(items, {}), items, LANGUAGES, seed=0)
    gap = one(found, "prc_minus_other", "evasive", "en").value
    # Rule of three at 97.5%: 1 - 0.025^(1/3) = 0.708
    assert (gap.low, gap.high) == (pytest.approx(-0.708, abs=5e-4), pytest.approx(0.708, abs=5e-4))


def test_the_interval_of_a_paired_difference_is_that_of_the_pairs_not_of_two_samples() -> None:
    items = [f"i{n}" for n in range(100)]
    refused = {
        (i, arm, "en"): "refusal"
        for i in items[:50]
        for arm in ("sensitive_prc", "sensitive_other")
    }
    refused |= {(i, "sensitive_prc", "en"): "refusal" for i in items[50:60]}
    gap = one(
        contrasts(labelled(items, refused), items, LANGUAGES, seed=0),  # type: ignore[arg-type]
        "prc_minus_other",
        "evasive",
        "en",
    ).value
    # 10 of 100 pairs differ, all one way: sd of a pair 0.3, of the mean 0.03. Two independent
    # samples at 0.6 and 0.5 would have given an sd of 0.07, an interval that holds 0.
    assert gap.value == pytest.approx(0.10)
    assert gap.low == pytest.approx(0.10 - 1.96 * 0.03, abs=0.015)
    assert gap.high == pytest.approx(0.10 + 1.96 * 0.03, abs=0.015)
