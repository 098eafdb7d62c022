"""Snapshots: nothing gets lost, nothing altered passes, a broken download clears nobody."""

import datetime as dt
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import FactError
from harness.fetch import sha256_file
from harness.risk.lists import snapshots
from harness.risk.lists.snapshots import Snapshot, add, all_latest, history, latest
from tests.risk.lists.making import company, csl_of, dod

Keep = Callable[..., Snapshot]
TEN = [f"Works No. {number}" for number in range(10)]


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty store beside the shipped snapshots."""
    monkeypatch.setenv("HARNESS_LISTS", str(tmp_path / "lists"))
    return tmp_path / "lists"


@pytest.fixture
def keep(tmp_path: Path) -> Keep:
    """Adds a text as a list."""

    def added(text: str, list_key: str = "us-csl", **options: object) -> Snapshot:
        path = tmp_path / "download.csv"
        path.write_text(text)
        return add(path, list_key, **options)

    return added


def names(snapshot: Snapshot | None) -> list[str]:
    assert snapshot is not None
    return [entry.name for entry in snapshot.entries]


def test_a_snapshot_says_what_it_is_and_where_it_came_from(keep: Keep, store: Path) -> None:
    kept = keep(csl_of(TEN), edition="2026-11-01", address="https://example.gov/csl.csv")
    meta = json.loads((kept.folder / "meta.json").read_text())
    assert kept.folder == store / "us-csl" / f"2026-11-01-{meta['sha256'][:12]}"
    assert meta["sha256"] == sha256_file(kept.path)
    assert (meta["rows"], meta["bytes"]) == (10, kept.path.stat().st_size)
    assert (meta["source"], meta["shipped"]) == ("https://example.gov/csl.csv", False)
    assert meta["fetched_at"].startswith(str(dt.datetime.now(dt.UTC).year))


def test_the_newest_edition_wins_whenever_it_was_added(keep: Keep) -> None:
    keep(csl_of([*TEN, "New"]), edition="2026-11-01")
    keep(csl_of(TEN), edition="2026-10-01")
    assert "New" in names(latest("us-csl"))
    assert [each.edition for each in history("us-csl")] == ["2026-10-01", "2026-11-01"]


def test_a_day_in_the_past_is_answered_by_the_edition_of_that_day(keep: Keep) -> None:
    keep(csl_of(TEN), edition="2026-10-01")
    keep(csl_of([*TEN, "New"]), edition="2026-11-01")
    assert "New" not in names(latest("us-csl", dt.date(2026, 10, 31)))
    assert "New" in names(latest("us-csl", dt.date(2026, 11, 1)))
    assert latest("us-csl", dt.date(2026, 9, 30)) is None


def test_the_same_bytes_add_nothing(keep: Keep, store: Path) -> None:
    first = keep(csl_of(TEN), edition="2026-10-01")
    again = keep(csl_of(TEN), edition="2026-11-01")
    assert again.folder == first.folder
    assert len(list((store / "us-csl").iterdir())) == 1


def test_a_list_taken_back_to_an_earlier_text_is_in_force_again(keep: Keep) -> None:
    keep(csl_of(TEN), edition="2026-11-01")
    keep(csl_of([*TEN, "New"]), edition="2026-11-01")
    keep(csl_of(TEN), edition="2026-11-01")
    assert names(latest("us-csl")) == TEN
    assert len(history("us-csl")) == 2


def test_a_list_of_less_than_half_is_refused_and_the_one_before_stays(keep: Keep) -> None:
    keep(csl_of(TEN), edition="2026-10-01")
    with pytest.raises(FactError) as error:
        keep(csl_of(TEN[:4]), edition="2026-11-01")
    for told in ("4 rows", "2026-10-01 has 10", "--confirm-shrink"):
        assert told in str(error.value)
    assert names(latest("us-csl")) == TEN


def test_half_of_a_list_is_accepted_and_less_on_request(keep: Keep) -> None:
    keep(csl_of(TEN), edition="2026-10-01")
    keep(csl_of(TEN[:5]), edition="2026-10-02")
    keep(csl_of(TEN[:2]), edition="2026-10-03", confirm_shrink=True)
    assert names(latest("us-csl")) == TEN[:2]


def test_a_fetched_list_must_not_shrink_against_the_shipped_one_either(keep: Keep) -> None:
    with pytest.raises(FactError, match=r"1 rows in force, the snapshot of 2026-06-08 has 188"):
        keep(dod(("Acme", "2026-07-01", "")), "us-1260h")


def test_a_file_that_does_not_read_leaves_nothing_behind(keep: Keep, store: Path) -> None:
    with pytest.raises(FactError, match="unknown column 'nome'"):
        keep("nome\nAcme\n")
    assert not store.exists()
    assert latest("us-csl") is None


def test_an_altered_file_is_refused_by_name(keep: Keep) -> None:
    kept = keep(csl_of(TEN), edition="2026-11-01")
    kept.path.write_text(csl_of(TEN[:9]))
    found = latest("us-csl")
    assert found is not None
    with pytest.raises(FactError, match=rf"{kept.path}: is missing or not the file"):
        _ = found.entries


def test_a_broken_meta_file_is_refused_by_name(keep: Keep) -> None:
    kept = keep(csl_of(TEN), edition="2026-11-01")
    (kept.folder / "meta.json").write_text('{"list_key": "us-csl"}')
    with pytest.raises(FactError, match=r"meta\.json: format: Field required"):
        latest("us-csl")


def test_half_written_folders_are_not_seen(keep: Keep, store: Path) -> None:
    keep(csl_of(TEN), edition="2026-11-01")
    (store / "us-csl" / ".2026-11-02-abc-x1" / "work").mkdir(parents=True)
    assert len(history("us-csl")) == 1


def test_bytes_are_added_like_a_file() -> None:
    kept = add(csl_of(TEN).encode(), "us-csl", edition="2026-11-01", address="mail of Legal")
    assert (kept.meta.source, names(latest("us-csl"))) == ("mail of Legal", TEN)


def test_a_list_of_ones_own_needs_its_format(keep: Keep) -> None:
    text = company({"name": "Acme"})
    with pytest.raises(FactError, match=r"no list 'our-list' in the catalogue .*company_csv"):
        keep(text, "our-list")
    keep(text, "our-list", format="company_csv")
    assert "our-list" in [each.list_key for each in all_latest()]


@pytest.mark.parametrize("key", ["../x", "A", "", ".hidden"])
def test_a_list_key_cannot_leave_the_store(keep: Keep, key: str) -> None:
    with pytest.raises(FactError, match="small letters, digits and hyphens"):
        keep(csl_of(TEN), key, format="csl_csv")


def test_the_end_of_a_row_is_the_first_day_without_it(keep: Keep) -> None:
    text = company(
        {"name": "Stays", "start": "2026-01-26"},
        {"name": "Left", "start": "2026-01-26", "end": "2026-05-01"},
    )
    keep(text, "our-list", format="company_csv")
    assert names(latest("our-list", dt.date(2026, 4, 30))) == ["Stays", "Left"]
    assert names(latest("our-list", dt.date(2026, 5, 1))) == ["Stays"]
    assert latest("our-list", dt.date(2026, 1, 25)) is None


def test_a_name_struck_from_ones_own_list_was_on_it_while_the_older_file_held(keep: Keep) -> None:
    acme, bolt = ({"name": name, "start": "2026-01-26"} for name in ("Acme", "Bolt"))
    keep(company(acme, bolt), "our-list", format="company_csv", edition="2026-10-01")
    keep(company(acme), "our-list", format="company_csv", edition="2026-11-01")
    assert names(latest("our-list", dt.date(2026, 10, 31))) == ["Acme", "Bolt"]
    assert names(latest("our-list", dt.date(2026, 11, 1))) == ["Acme"]


def test_without_the_variable_the_store_lies_in_the_users_data(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("HARNESS_LISTS")
    assert snapshots.store().parts[-2:] == ("harness", "lists")


# --- shipped -----------------------------------------------------------------------------------


def test_small_lists_are_shipped_and_marked_so() -> None:
    held = {each.list_key: each for each in all_latest()}
    assert set(held) == {"us-1260h", "us-fascsa", "us-fcc-covered", "us-tx-prohibited"}
    assert all(each.shipped and each.meta.note for each in held.values())
    for each in held.values():  # reading checks the hash
        assert len(each.all_entries) == each.meta.rows
        assert each.meta.bytes == each.path.stat().st_size


@pytest.mark.parametrize(
    ("day", "edition", "rows"),
    [
        # 47 names of 2021 and 13 of 2022.
        ("2023-01-01", "2022-10-05", 60),
        # And 16 of 2024, less the 3 removed on that day.
        ("2024-01-31", "2024-01-31", 73),
        ("2025-01-06", "2024-01-31", 73),
        # The edition of 2025 prints the whole list: 133 rows, and 12 are removed in 2026.
        ("2025-01-07", "2025-01-07", 133),
        ("2026-02-17", "2025-01-07", 121),
        # That of 2026 is exactly the 188 rows that start with it.
        ("2026-06-07", "2025-01-07", 121),
        ("2026-06-08", "2026-06-08", 188),
    ],
)
def test_section_1260h_holds_by_edition(day: str, edition: str, rows: int) -> None:
    held = latest("us-1260h", dt.date.fromisoformat(day))
    assert held is not None
    assert (held.edition, held.rows) == (edition, rows)


def test_a_company_removed_and_listed_again_is_off_the_list_between() -> None:
    def listed(day: str) -> bool:
        held = latest("us-1260h", dt.date.fromisoformat(day))
        return any("CXMT" in entry.aliases for entry in held.entries) if held else False

    assert [listed(day) for day in ("2025-01-07", "2026-02-17", "2026-06-08")] == [
        True,
        False,
        True,
    ]


def test_an_addition_between_editions_does_not_drop_the_rest_of_the_list(keep: Keep) -> None:
    before = latest("us-1260h")
    assert before is not None
    text = before.path.read_text("utf-8")
    row = "Acme Works (Acme),Acme Works,Acme,,,,2026-07-15,,\n"
    kept = keep(text + row, "us-1260h")
    assert (kept.edition, kept.rows, kept.shipped) == ("2026-07-15", 189, False)


def test_texas_has_what_the_reports_name() -> None:
    held = latest("us-tx-prohibited")
    assert held is not None
    assert sum(str(entry.start) == "2026-01-26" for entry in held.entries) == 26
    assert {"Zhipu", "Moonshot AI", "MiniMax", "DeepSeek"} <= set(names(held))
    assert "secondary reports" in held.meta.note


def test_the_fcc_list_is_found_by_its_makers() -> None:
    held = latest("us-fcc-covered")
    assert held is not None
    makers = {alias for entry in held.entries for alias in entry.aliases}
    assert {"Huawei Technologies Company", "ZTE Corporation", "AO Kaspersky Lab"} <= makers


def test_the_store_is_not_touched_by_looking(store: Path) -> None:
    all_latest()
    assert not os.path.exists(store)
