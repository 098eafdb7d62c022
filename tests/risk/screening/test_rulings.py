"""harness.risk.screening.rulings: decisions read from files, and lists that left them behind."""

from pathlib import Path

import pytest

from harness.errors import FactError
from harness.risk.screening.rulings import changed, load_rulings
from tests.risk.screening.made import entry, ruling

ITEM = """- list_key: us-1260h
  entry: Acme Ltd.
  entry_text_sha256: {sha}
  party: acme
  ruling: {said}
  by: a tester
  on: {on}
  why: another company of that name
"""


def write(folder: Path, *items: str) -> Path:
    (folder / "rulings.yaml").write_text("".join(items), "utf-8")
    return folder


def item(said: str = "not_same", on: str = '"2026-11-25"', sha: str = "a" * 64) -> str:
    return ITEM.format(said=said, on=on, sha=sha)


def test_a_companys_rulings_are_laid_over_the_shipped_ones(tmp_path: Path) -> None:
    shipped = load_rulings()

    found = load_rulings([write(tmp_path, item())])

    assert len(found) == len(shipped) + 1
    assert (found[-1].party, found[-1].ruling) == ("acme", "not_same")


def test_a_later_folder_rules_again_on_the_same_text(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.mkdir()
    second.mkdir()

    found = load_rulings([write(first, item()), write(second, item("same"))])

    assert [r.ruling for r in found if r.party == "acme"] == ["same"]


def test_a_folder_need_not_hold_rulings(tmp_path: Path) -> None:
    assert load_rulings([tmp_path]) == load_rulings()


@pytest.mark.parametrize(
    ("items", "problem"),
    [
        ((item(said="maybe"),), r"rulings.yaml:5: ruling: .*'same' or 'not_same'"),
        ((item(sha="12"),), r"rulings.yaml:3: entry_text_sha256: "),
        ((item(on='"2999-01-01"'),), r"rulings.yaml:7: on: 2999-01-01 is in the future"),
        ((item() + "  colour: red\n",), r"rulings.yaml:9: colour: "),
        ((item() + "  by: someone else\n",), r"rulings.yaml:1: a key of this ruling is given tw"),
        ((item(), item()), r"rulings.yaml:9: 'Acme Ltd.' and acme are ruled on twice"),
        (("- party: acme\n",), r"rulings.yaml:1: list_key: Field required"),
        (("- acme\n",), r"rulings.yaml:1: expected a ruling"),
        (("acme: same\n",), r"rulings.yaml:1: expected a list of rulings"),
        (("- [\n",), r"rulings.yaml: "),
    ],
)
def test_a_malformed_ruling_is_refused_with_file_and_line(
    tmp_path: Path, items: tuple[str, ...], problem: str
) -> None:
    with pytest.raises(FactError, match=problem) as caught:
        load_rulings([write(tmp_path, *items)])

    assert "\n" not in str(caught.value)


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rulings.yaml").write_bytes("# 华为\n".encode("gb18030"))

    with pytest.raises(FactError, match="not UTF-8"):
        load_rulings([tmp_path])


def test_a_ruling_on_the_text_as_it_is_stands() -> None:
    acme = entry("Acme Ltd.", "Acme")

    assert changed([ruling(acme, "acme")], [acme, entry("Bolt Ltd.")]) == ()


def test_an_entry_with_another_alias_has_changed() -> None:
    found = changed([ruling(entry("Acme Ltd."), "acme")], [entry("Acme Ltd.", "Acme Star")])

    assert [c.state for c in found] == ["changed"]
    assert found[0].text == (
        "us-1260h: 'Acme Ltd.' has another text now; it was ruled not_same for acme on 2026-11-25;"
        " rule again and give its hash"
    )


def test_another_row_or_edition_of_the_same_text_has_not_changed() -> None:
    now = entry("Acme Ltd.", row=77, edition="2027-01-31")

    assert changed([ruling(entry("Acme Ltd."), "acme")], [now]) == ()


def test_an_entry_that_left_its_list_is_gone() -> None:
    found = changed([ruling(entry("Acme Ltd."), "acme")], [entry("Bolt Ltd.")])

    assert [c.state for c in found] == ["gone"]
    assert "is gone from the list" in found[0].text


def test_a_list_that_was_not_loaded_says_nothing_about_its_rulings() -> None:
    elsewhere = entry("Bolt Ltd.", list_key="us-csl")

    assert changed([ruling(entry("Acme Ltd."), "acme")], [elsewhere]) == ()
