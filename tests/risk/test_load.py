"""harness.risk.load: what does not hold to the schema is refused with file and line."""

from pathlib import Path

import pytest

from harness.errors import FactError
from harness.risk.load import load_registry
from tests.risk.making import base, facts, model, party, registry, write_registry

SOURCES = """\
page:
  address: a page
  publisher: nobody
  published: null
  read: "2026-11-25"
  review_by: "2027-11-25"
"""
PLACE = """\
XX:
  name: Nowhere
  compulsion: {value: unknown, source: page, confidence: inferred}
"""


def folder(tmp_path: Path, text: str = PLACE, sources: str = SOURCES) -> Path:
    (tmp_path / "sources.yaml").write_text(sources, "utf-8")
    (tmp_path / "jurisdictions.yaml").write_text(text, "utf-8")
    return tmp_path


def test_a_fact_carries_what_its_source_says(tmp_path: Path) -> None:
    made = load_registry([folder(tmp_path)])

    fact = made.jurisdictions["XX"].compulsion.best
    assert (fact.value, fact.source, fact.publisher) == ("unknown", "a page", "nobody")


def test_several_facts_on_one_question_stand_in_a_list(tmp_path: Path) -> None:
    two = PLACE.replace(
        "{value: unknown, source: page, confidence: inferred}",
        "\n    - {value: unknown, source: page, confidence: inferred}"
        "\n    - {value: ordinary_process, source: page, confidence: reported}",
    )

    assert load_registry([folder(tmp_path, two)]).jurisdictions["XX"].compulsion.value == (
        "ordinary_process"
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("source: page, ", "", r"jurisdictions.yaml:3: XX: compulsion: a fact needs a source"),
        ("source: page", "source: pgae", r"yaml:3: XX: compulsion.source: no source 'pgae'"),
        ("  name:", "  nmae:", r"jurisdictions.yaml:2: XX"),
        ("inferred", "guessed", r"jurisdictions.yaml:3: XX: compulsion.*confidence"),
        ("  name: Nowhere\n", "  name: Nowhere\n  name: Again\n", r"yaml:3: name given more than"),
        ("XX:", "XX: [", r"jurisdictions.yaml:3: no YAML"),
    ],
    ids=["no source", "unknown source", "typo", "confidence", "doubled key", "syntax"],
)
def test_a_slip_is_one_line_with_file_and_line(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    with pytest.raises(FactError, match=said) as caught:
        load_registry([folder(tmp_path, PLACE.replace(old, new))])

    assert len(str(caught.value).splitlines()) == 1


def test_a_key_given_twice_names_both_places(tmp_path: Path) -> None:
    with pytest.raises(FactError, match=r"yaml:5: XX: given more than once, first at .*yaml:2: XX"):
        load_registry([folder(tmp_path, PLACE + PLACE)])


def test_a_date_in_the_future_is_refused(tmp_path: Path) -> None:
    later = SOURCES.replace('read: "2026-11-25"', 'read: "2126-11-25"')

    with pytest.raises(
        FactError, match=r"sources.yaml:5: page: read: .*2126-11-25 is in the future"
    ):
        load_registry([folder(tmp_path, PLACE, later)])


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    place = folder(tmp_path)
    (place / "jurisdictions.yaml").write_bytes("XX: é".encode("latin-1"))

    with pytest.raises(FactError, match="not UTF-8"):
        load_registry([place])


def test_a_dangling_base_is_refused(tmp_path: Path) -> None:
    made = registry(model(bases=(base("gone/m@*"),)))

    with pytest.raises(
        FactError, match=r"models.yaml:\d+: acme/tiny@\*: bases.0.model: no model .*gone/m"
    ):
        load_registry([write_registry(tmp_path, made)])


def test_a_cycle_is_refused_and_shown(tmp_path: Path) -> None:
    made = registry(model("a/m@*", bases=(base("b/m@*"),)), model("b/m@*", bases=(base("a/m@*"),)))

    with pytest.raises(FactError, match=r"lineage cycle: a/m@\* -> b/m@\* -> a/m@\*"):
        load_registry([write_registry(tmp_path, made)])


def test_a_party_both_listed_and_checked_as_not_found_is_refused(tmp_path: Path) -> None:
    from tests.risk.making import check, listing

    made = registry(parties=(party(listings=(listing(),), checks=(check(),)),))

    with pytest.raises(
        FactError, match=r"checks.0: not found under ban, which lists it since 2026-06-01"
    ):
        load_registry([write_registry(tmp_path, made)])


def test_an_entry_of_ones_own_takes_the_place_of_the_shipped_one(tmp_path: Path) -> None:
    own = party("ibm", ownership=facts("state_controlled"))
    made = registry(parties=(party(), own))

    assert load_registry([write_registry(tmp_path, made)]).parties["ibm"].ownership.value == (
        "state_controlled"
    )


def test_a_model_is_found_by_revision_then_by_repo() -> None:
    made = registry(model("acme/tiny@*"), model("acme/tiny@abc1234"))

    assert made.find("acme/tiny", "abc1234ffff").key == "acme/tiny@abc1234"  # type: ignore[union-attr]
    assert made.find("acme/tiny", "0000000").key == "acme/tiny@*"  # type: ignore[union-attr]
    assert made.find("acme/tiny@abc1234").key == "acme/tiny@abc1234"  # type: ignore[union-attr]
    assert made.find("acme/other") is None
