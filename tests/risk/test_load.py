"""harness.risk.load: what does not hold to the schema is refused with file and line."""

import datetime as dt
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from harness.errors import FactError
from harness.risk.load import load_registry
from harness.risk.registry import Identifier, Registry
from tests.risk.making import (
    DAY,
    FIRST,
    base,
    check,
    fact,
    facts,
    instrument,
    jurisdiction,
    licence,
    listing,
    model,
    owner,
    party,
    phase,
    registry,
    write_registry,
)

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


def test_a_fact_that_overrides_its_sources_day_with_one_in_the_future_is_refused(
    tmp_path: Path,
) -> None:
    later = PLACE.replace("source: page,", "source: page, published: 2126-11-25,")

    with pytest.raises(
        FactError, match=r"jurisdictions.yaml:3: XX: compulsion.0.published: .*2126-11-25 is in the"
    ):
        load_registry([folder(tmp_path, later)])


def test_a_file_in_another_encoding_is_refused_with_the_line(tmp_path: Path) -> None:
    place = folder(tmp_path)
    (place / "jurisdictions.yaml").write_bytes("XX:\n  name: Côte".encode("latin-1"))

    with pytest.raises(FactError, match=r"jurisdictions.yaml:2: not UTF-8") as caught:
        load_registry([place])

    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"jurisdictions.yaml:1: expected a mapping"),
        ("- a list\n", r"jurisdictions.yaml:1: expected a mapping"),
        ("XX:\n", r"jurisdictions.yaml:1: XX: entry: "),
        ("# ours\nXX: text\n", r"jurisdictions.yaml:2: XX: entry: "),
        ("# ours\n? [a, b]\n: text\n", r"jurisdictions.yaml:2: a key is text"),
        ("a: 1\n---\nb: 2\n", r"jurisdictions.yaml:\d: no YAML"),
        ("a: &x 1\nb: *y\n", r"jurisdictions.yaml:2: no YAML: .*undefined alias"),
    ],
    ids=["empty", "list", "null", "text", "key", "two documents", "alias"],
)
def test_a_file_of_another_form_is_refused_with_the_line(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(FactError, match=said) as caught:
        load_registry([folder(tmp_path, text)])

    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("value: unknown", "value: ordinary_proces", "is none of ordinary_process, "),
        ("{value: unknown, source: page, confidence: inferred}", "unknown", "compulsion"),
        ("{value: unknown, source: page, confidence: inferred}", "{value: unknown}",
         "compulsion: a fact needs a source"),
        ("source: page", "source: [page]", "no source"),
        ("value: unknown", "value: ", "value: Input should be a valid string"),
        ("value: unknown", "valeu: unknown", "valeu: Extra inputs"),
    ],
    ids=["answer", "bare", "no source", "list for a source", "empty", "typo in a fact"],
)  # fmt: skip
def test_a_fact_that_says_nothing_usable_is_refused_with_its_line(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    with pytest.raises(FactError, match=rf"jurisdictions.yaml:3: XX: .*{said}") as caught:
        load_registry([folder(tmp_path, PLACE.replace(old, new))])

    assert len(str(caught.value).splitlines()) == 1


def test_what_a_fact_says_stays_as_it_is_written(tmp_path: Path) -> None:
    # YAML would read Norway as false, a number with leading zeros as octal and a day as a date.
    number = {"kind": "cik", **fact("0001577552").model_dump()}
    made = registry(
        model(released=facts("2024-01-01")),
        parties=(party(headquarters=facts("NO"), identifiers=(Identifier(**number),)),),
        jurisdictions=(jurisdiction("NO", member_of=("NO", "EU")), jurisdiction("US")),
    )
    place = write_registry(tmp_path, made)
    for name in ("parties", "models", "jurisdictions"):
        path = place / f"{name}.yaml"
        path.write_text(path.read_text("utf-8").replace("'", ""), "utf-8")
    assert "value: 0001577552" in (place / "parties.yaml").read_text("utf-8")

    loaded = load_registry([place])

    assert loaded.parties["acme"].headquarters.value == "NO"
    assert loaded.parties["acme"].identifiers[0].value == "0001577552"
    assert loaded.models["acme/tiny@*"].released.value == "2024-01-01"
    assert loaded.jurisdictions["NO"].member_of == ("NO", "EU")


def test_a_registry_written_and_read_again_is_the_same(tmp_path: Path) -> None:
    made = registry(
        model(bases=(base("far/m@*"),), lineage=facts("derived"), api_operators=(fact("acme"),)),
        model("far/m@*", "far", licences=(licence(until=FIRST), licence("MIT", since=FIRST))),
        parties=(
            party(owners=(owner("far", 0.5),)),
            party("far", listings=(listing(),), checks=(check(until=FIRST),)),
        ),
    )

    loaded = load_registry([write_registry(tmp_path, made)])

    for kind in ("parties", "models", "instruments"):
        for key, entry in getattr(made, kind).items():
            assert getattr(loaded, kind)[key] == entry


# --- references ------------------------------------------------------------------------------


def line_of(path: Path, text: str) -> int:
    """Number of the first line with that text."""
    lines = path.read_text("utf-8").splitlines()
    return next(i for i, line in enumerate(lines, 1) if text in line)


@pytest.mark.parametrize(
    ("made", "file", "said"),
    [
        (registry(model(maker="gone")), "models", "developer.0.value: no party 'gone'"),
        (registry(model(licensor=facts("gone"))), "models", "licensor.0.value: no party 'gone'"),
        (registry(model(api_operators=(fact("gone"),))), "models",
         "api_operators.0.value: no party 'gone'"),
        (registry(model(hosts=(fact("gone"),))), "models", "hosts.0.value: no party 'gone'"),
        (registry(model(bases=(base("a/gone@*"),))), "models",
         "bases.0.model: no model (dangling base) 'a/gone@*'"),
        (registry(parties=(party(owners=(owner("gone", 0.5),)),)), "parties",
         "owners.0.party: no party 'gone'"),
        (registry(parties=(party(listings=(listing("gone"),)),)), "parties",
         "listings.0.instrument: no instrument 'gone'"),
        (registry(parties=(party(checks=(check("ban", "gone"),)),)), "parties",
         "checks.0.instruments.1: no instrument or series 'gone'"),
        (registry(parties=(party(control=facts("gone")),)), "parties",
         "control.0.value: no jurisdiction 'gone'"),
        (registry(instruments=(instrument(affiliates_under="gone"),)), "instruments",
         "affiliates_under: no instrument 'gone'"),
    ],
)  # fmt: skip
def test_a_reference_to_what_is_not_there_is_refused_on_its_line(
    tmp_path: Path, made: Registry, file: str, said: str
) -> None:
    path = write_registry(tmp_path, made) / f"{file}.yaml"

    with pytest.raises(FactError) as caught:
        load_registry([tmp_path])

    message = str(caught.value)
    assert message.startswith(f"{path}:{line_of(path, 'gone')}: ")
    assert said in message


def test_a_listing_that_has_ended_and_a_check_from_that_day_on_go_together(tmp_path: Path) -> None:
    off = dt.date(2026, 7, 1)
    made = registry(parties=(party(listings=(listing(until=off),), checks=(check(since=off),)),))

    assert "acme" in load_registry([write_registry(tmp_path, made)]).parties


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"history": (phase(), phase("withdrawn", DAY))}, "each phase begins on the day"),
        ({"history": (phase(until=FIRST), phase("withdrawn", DAY))}, "each phase begins on the"),
    ],
    ids=["overlap", "gap"],
)
def test_a_history_with_a_gap_or_an_overlap_is_refused(changes: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        instrument(**changes)


def test_days_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ValidationError, match="until 2026-05-31 lies before since 2026-06-01"):
        listing(until=FIRST - dt.timedelta(days=1))


def test_a_check_that_found_something_is_no_check() -> None:
    with pytest.raises(ValidationError, match="'listed' is neither not found nor unknown"):
        check(evidence=fact("listed"))


@pytest.mark.parametrize(
    ("make", "name", "answer"),
    [
        (model, "lineage", "from_scrach"),
        (model, "transparency", "open"),
        (model, "released", "June 2026"),
        (party, "ownership", "public"),
        (party, "founded", "2019"),
    ],
)
def test_an_answer_that_the_rubric_does_not_know_is_refused(
    make: Any, name: str, answer: str
) -> None:
    # Taken for known, a slip in the lineage would make the gate clear.
    with pytest.raises(ValidationError, match=name):
        make(**{name: facts(answer)})
    assert make(**{name: facts("unknown")})


def test_a_dangling_base_is_refused(tmp_path: Path) -> None:
    made = registry(model(bases=(base("gone/m@*"),)))

    with pytest.raises(
        FactError, match=r"models.yaml:\d+: acme/tiny@\*: bases.0.model: no model .*gone/m"
    ):
        load_registry([write_registry(tmp_path, made)])


def test_a_cycle_is_refused_and_shown(tmp_path: Path) -> None:
    made = registry(model("a/m@*", bases=(base("b/m@*"),)), model("b/m@*", bases=(base("a/m@*"),)))

    path = write_registry(tmp_path, made) / "models.yaml"

    with pytest.raises(FactError, match=r"lineage cycle: a/m@\* -> b/m@\* -> a/m@\*") as caught:
        load_registry([tmp_path])

    bases = line_of(path, "bases:") + 1  # the first entry of the list
    assert str(caught.value).startswith(f"{path}:{bases}: a/m@*: bases: ")


def test_a_party_both_listed_and_checked_as_not_found_is_refused(tmp_path: Path) -> None:
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


@pytest.mark.parametrize("name", ["model.yaml", "models/acme.yml", "parties/us/acme.yaml"])
def test_a_file_that_nothing_reads_is_refused_instead_of_passed_over(
    tmp_path: Path, name: str
) -> None:
    stray = tmp_path / name
    stray.parent.mkdir(parents=True, exist_ok=True)
    stray.write_text("{}", "utf-8")

    with pytest.raises(FactError, match=re.escape(f"{stray}: nothing reads it")):
        load_registry([tmp_path])


def test_a_model_is_found_by_revision_then_by_repo() -> None:
    made = registry(model("acme/tiny@*"), model("acme/tiny@abc1234"))

    pinned, any_revision = made.models["acme/tiny@abc1234"], made.models["acme/tiny@*"]
    assert made.find("acme/tiny", "abc1234ffff") == pinned
    assert made.find("acme/tiny", "0000000") == any_revision
    assert made.find("acme/tiny@abc1234") == pinned
    assert made.find("acme/other") is None


def test_the_longer_of_two_commits_may_be_given_for_the_shorter_and_the_other_way_round() -> None:
    whole = "abc1234" + "0" * 33
    near = model("acme/tiny@abc12340")
    made = registry(model(f"acme/two@{whole}"), model("acme/tiny@abc1234"), near)

    def key(repo: str, revision: str | None = None) -> str | None:
        found = made.find(repo, revision)
        return found.key if found else None

    assert key("acme/two", "abc1234") == f"acme/two@{whole}"
    assert key("acme/two", "abc123") is None  # too short to name a commit
    assert key("acme/two", "main") is None
    assert key("acme/two") is None  # no facts on the repo as a whole
    assert key("acme/tiny", whole) == "acme/tiny@abc12340"  # the nearest of the two
    assert key("acme/tiny", "abc1234f") == "acme/tiny@abc1234"


def test_an_abbreviation_that_fits_two_commits_names_neither() -> None:
    made = registry(
        model("acme/m@*"), *(model(f"acme/m@abc1234{digit}" + "0" * 32) for digit in "12")
    )

    found = made.find("acme/m", "abc1234")
    assert found is not None
    assert found.key == "acme/m@*"
