"""harness.risk.facts: a fact without a source does not load, and an error names its place."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.config.load import CONF_DIR
from harness.errors import FactError
from harness.risk.assess import _COMPULSION, _LICENCE, _LINEAGE, _OWNERSHIP, _TRANSPARENCY
from harness.risk.facts import Registry, facts_of, load_registry, weight_line
from tests.builders import (
    DAY,
    base,
    developer,
    fact,
    instrument,
    listing,
    model,
    parse_shipped_once,
    registry,
    write_registry,
)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    parse_shipped_once(monkeypatch)


@pytest.fixture(scope="module")
def shipped() -> Registry:
    return load_registry()


def edited(folder: Path, name: str, old: str, new: str) -> Path:
    """The minimal registry with one piece of text in a file replaced."""
    write_registry(folder, registry(instruments=(instrument(),)))
    path = folder / f"{name}.yaml"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    return path


def line_of(path: Path, text: str) -> int:
    return 1 + path.read_text("utf-8").splitlines().index(text)


# --- the shipped registry --------------------------------------------------------------------


def test_the_shipped_registry_loads_with_a_source_for_every_fact(shipped: Registry) -> None:
    entries = [*shipped.developers.values(), *shipped.models.values()]
    facts = [one for entry in entries for one in facts_of(entry)]

    assert len(facts) > 100
    assert all(one.source and one.review_by >= one.read for one in facts)


@pytest.mark.parametrize(
    ("name", "levels"),
    [
        ("licence_terms", _LICENCE),
        ("lineage", _LINEAGE),
        ("transparency", _TRANSPARENCY),
        ("ownership", _OWNERSHIP),
        ("compulsion", _COMPULSION),
    ],
)
def test_every_shipped_value_has_a_level(
    shipped: Registry, name: str, levels: dict[str, float]
) -> None:
    holders: list[Any] = [*shipped.models.values(), *shipped.developers.values()]
    values = {getattr(h, name).value for h in holders if hasattr(h, name)}

    assert values <= {*levels, "unknown"}


@pytest.mark.parametrize("path", sorted((CONF_DIR / "model").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_model_option_is_in_the_registry_under_the_same_developer_and_licence(
    shipped: Registry, path: Path
) -> None:
    option = yaml.safe_load(path.read_text("utf-8"))

    known = shipped.models[option["key"]]

    assert known.developer == option["developer"]
    assert known.licence.value == option["licence"]["value"]


# --- a registry of one's own -----------------------------------------------------------------


def test_a_companys_own_folder_is_laid_over_the_shipped_one_entry_by_entry(
    tmp_path: Path, shipped: Registry
) -> None:
    ours = registry(model("acme/tiny"), model("HuggingFaceTB/SmolLM2-135M"))

    merged = load_registry([write_registry(tmp_path, ours)])

    assert merged.models["acme/tiny"] == ours.models["acme/tiny"]
    assert merged.models["HuggingFaceTB/SmolLM2-135M"].developer == "acme"
    assert set(merged.models) == {*shipped.models, "acme/tiny"}
    assert merged.developers["deepseek"] == shipped.developers["deepseek"]


def test_a_folder_may_hold_only_some_of_the_files(tmp_path: Path) -> None:
    write_registry(tmp_path, registry())
    (tmp_path / "instruments.yaml").unlink()

    assert "acme/tiny" in load_registry([tmp_path]).models


@pytest.mark.parametrize(
    ("name", "old", "new", "entry", "said"),
    [
        (
            "models",
            "    publisher: nobody\n",
            "",
            "acme/tiny:",
            "licence.publisher: Field required",
        ),
        (
            "models",
            "source: made up for tests",
            "source: ''",
            "acme/tiny:",
            "licence.source: String should have at least 4 characters",
        ),
        (
            "developers",
            "confidence: official",
            "confidence: certain",
            "acme:",
            "compulsion.confidence: ",
        ),
        ("instruments", "kind: use_ban", "kind: whim", "ban:", "kind: "),
        ("models", "  developer: acme\n", "  developer: acme\n  mood: x\n", "acme/tiny:", "mood: "),
        ("instruments", "us_federal_civilian: blocked", "us_navy: blocked", "ban:", "gates."),
    ],
    ids=["no publisher", "empty source", "confidence", "kind", "unknown key", "buyer"],
)
def test_an_entry_that_breaks_the_schema_is_refused_with_file_line_and_key(
    tmp_path: Path, name: str, old: str, new: str, entry: str, said: str
) -> None:
    path = edited(tmp_path, name, old, new)

    with pytest.raises(FactError) as caught:
        load_registry([tmp_path])

    [message] = str(caught.value).splitlines()
    assert message.startswith(f"{path}:{line_of(path, entry)}: {entry} ")
    assert said in message


def test_a_fact_without_a_source_is_refused_with_file_and_line(tmp_path: Path) -> None:
    write_registry(tmp_path, registry(model("acme/first"), model("acme/second")))
    path = tmp_path / "models.yaml"
    entries = yaml.safe_load(path.read_text("utf-8"))
    del entries["acme/second"]["transparency"]["source"]
    path.write_text(yaml.safe_dump(entries), "utf-8")
    line = line_of(path, "acme/second:")

    with pytest.raises(FactError) as caught:
        load_registry([tmp_path])

    assert str(caught.value) == f"{path}:{line}: acme/second: transparency.source: Field required"


def test_a_fact_read_in_the_future_is_refused(tmp_path: Path) -> None:
    later = dt.date.today() + dt.timedelta(days=1)
    ahead = registry(model(licence=fact("MIT", read=later, review_by=later)))

    with pytest.raises(FactError, match=rf"models\.yaml:1: acme/tiny: read on {later}"):
        load_registry([write_registry(tmp_path, ahead)])


@pytest.mark.parametrize("text", ["", "- a list\n", "just text\n"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "models.yaml").write_text(text, "utf-8")

    with pytest.raises(FactError, match=r"models\.yaml: expected a mapping"):
        load_registry([tmp_path])


@pytest.mark.parametrize("body", ["", " text", " [1]"], ids=["empty", "text", "list"])
def test_an_entry_that_is_no_mapping_is_refused_with_its_line(tmp_path: Path, body: str) -> None:
    (tmp_path / "models.yaml").write_text(f"# ours\nacme/tiny:{body}\n", "utf-8")

    with pytest.raises(FactError, match=r"models\.yaml:2: acme/tiny: "):
        load_registry([tmp_path])


def test_broken_yaml_is_one_line_with_the_file(tmp_path: Path) -> None:
    (tmp_path / "models.yaml").write_text("a: [1\nb: 2\n", "utf-8")

    with pytest.raises(FactError, match=r"models\.yaml: ") as caught:
        load_registry([tmp_path])

    assert len(str(caught.value).splitlines()) == 1


def test_a_repo_id_without_owner_is_refused(tmp_path: Path) -> None:
    write_registry(tmp_path, registry())
    path = tmp_path / "models.yaml"
    path.write_text(path.read_text("utf-8").replace("acme/tiny:", "tiny:"), "utf-8")

    with pytest.raises(FactError, match=r"models\.yaml:1: tiny: key: "):
        load_registry([tmp_path])


# --- references and lineage ------------------------------------------------------------------


def test_a_dangling_base_is_an_error_with_both_keys(tmp_path: Path) -> None:
    facts = registry(model(bases=(base("acme/gone"),)))

    with pytest.raises(FactError, match="acme/tiny: dangling base acme/gone"):
        load_registry([write_registry(tmp_path, facts)])


def test_a_model_without_its_developer_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FactError, match="acme/tiny: no developer nobody"):
        load_registry([write_registry(tmp_path, registry(model(developer="nobody")))])


def test_a_listing_under_an_unknown_instrument_is_an_error(tmp_path: Path) -> None:
    facts = registry(developers=(developer(listings=(listing("gone"),)),))

    with pytest.raises(FactError, match="acme: no instrument gone"):
        load_registry([write_registry(tmp_path, facts)])


@pytest.mark.parametrize(
    "models",
    [
        [model("acme/a", bases=(base("acme/a"),))],
        [model("acme/a", bases=(base("acme/b"),)), model("acme/b", bases=(base("acme/a"),))],
        [
            model("acme/a", bases=(base("acme/b"),)),
            model("acme/b", bases=(base("acme/c"),)),
            model("acme/c", bases=(base("acme/a"),)),
        ],
    ],
    ids=["itself", "pair", "ring"],
)
def test_a_cycle_in_the_weights_is_an_error_with_its_keys(tmp_path: Path, models: Any) -> None:
    with pytest.raises(FactError, match=r"lineage cycle: acme/a -> .*acme/a$"):
        load_registry([write_registry(tmp_path, registry(*models))])


def test_models_that_learnt_from_each_others_outputs_are_no_cycle(tmp_path: Path) -> None:
    facts = registry(
        model("acme/a", bases=(base("acme/b", edge="distilled_outputs"),)),
        model("acme/b", bases=(base("acme/a", edge="distilled_outputs"),)),
    )

    assert "acme/a" in load_registry([write_registry(tmp_path, facts)]).models


def test_the_line_of_weights_has_a_path_to_each_ancestor_nearest_first() -> None:
    facts = registry(
        model("acme/a", bases=(base("acme/b"), base("acme/d", edge="data"))),
        model("acme/b", bases=(base("acme/c"),)),
        model("acme/c"),
        model("acme/d"),
    )

    assert weight_line(facts, "acme/a") == [
        ("acme/a",),
        ("acme/a", "acme/b"),
        ("acme/a", "acme/b", "acme/c"),
    ]


def test_a_merge_of_two_models_with_one_root_is_no_cycle() -> None:
    facts = registry(
        model("acme/merge", bases=(base("acme/l"), base("acme/r"))),
        model("acme/l", bases=(base("acme/root"),)),
        model("acme/r", bases=(base("acme/root"),)),
        model("acme/root"),
    )

    ends = [path[-1] for path in weight_line(facts, "acme/merge")]

    assert ends == ["acme/merge", "acme/l", "acme/r", "acme/root", "acme/root"]


# --- dates -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "holds"),
    [
        (dt.date(2026, 5, 31), False),
        (dt.date(2026, 6, 1), True),
        (dt.date(2026, 6, 30), True),
        (dt.date(2026, 7, 1), False),
    ],
    ids=["day before", "first day", "last day", "day of its end"],
)
def test_an_instrument_holds_from_its_first_day_until_before_its_end(
    day: dt.date, holds: bool
) -> None:
    assert instrument(valid_to=dt.date(2026, 7, 1)).holds(day) is holds


@pytest.mark.parametrize("status", ["suspended", "proposed", "withdrawn", "approved_unpublished"])
def test_an_instrument_that_is_not_in_force_never_holds(status: str) -> None:
    assert not instrument(status=status, valid_from=None).holds(DAY)


def test_a_fact_is_stale_the_day_after_its_review() -> None:
    reviewed = fact(review_by=DAY)

    assert not reviewed.stale(DAY)
    assert reviewed.stale(DAY + dt.timedelta(days=1))
