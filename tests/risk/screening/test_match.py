"""harness.risk.screening.match: hits by rule, proposals by likeness, holdings by share."""

import csv
import random
from pathlib import Path

import pytest

from harness.risk.lists import snapshots
from harness.risk.lists.entry import Entry
from harness.risk.load import load_registry
from harness.risk.registry import Registry
from harness.risk.screening.aliases import AliasTable
from harness.risk.screening.match import same_party, screen, unruled
from harness.risk.screening.rulings import changed, load_rulings
from tests.risk.making import owner
from tests.risk.screening.made import entry, party, registry, ruling

PAIRS = Path(__file__).parent / "name_pairs.csv"
ALIBABA = party("alibaba", "Alibaba Group Holding Limited", "Qwen", "阿里巴巴")
ROW = entry("Alibaba Group Holding Limited (Alibaba)", "Alibaba")
ZHIPU = party("zhipu", "Beijing Zhipu Huazhang Technology Co., Ltd.")


# --- hits ------------------------------------------------------------------------------------


def test_a_hit_shows_how_it_came_about_and_where() -> None:
    found = screen(registry(ALIBABA), [ROW], names=["Qwen"])

    (hit,) = found.hits
    assert (hit.query, hit.party, hit.rule, hit.score) == ("Qwen", "alibaba", "alias", 1.0)
    assert hit.alias == "Alibaba Group Holding Limited"
    assert (hit.entry.list_key, hit.entry.edition) == ("us-1260h", "2026-06-08")
    assert (found.proposals, found.information, found.unknown_names) == ((), (), ())


def test_the_whole_registry_is_screened_under_all_names() -> None:
    found = screen(registry(ALIBABA, ZHIPU), [ROW, entry("阿里巴巴有限公司")])

    assert [(h.party, h.alias) for h in found.hits] == [
        ("alibaba", "Alibaba Group Holding Limited"),
        ("alibaba", "阿里巴巴"),
    ]


def test_a_shared_identifier_goes_before_a_shared_name() -> None:
    made = registry(party("acme", "Acme Ltd.", ticker="5493-00KJTIIGC8Y1R12"))
    row = entry("Acme Ltd.", identifiers=("LEI 549300KJTIIGC8Y1R12; other 7",))

    (hit,) = screen(made, [row]).hits

    assert (hit.rule, hit.alias) == ("identifier", "5493-00KJTIIGC8Y1R12")


def test_an_identifier_finds_a_company_of_another_name() -> None:
    made = registry(party("acme", "Acme Ltd.", ticker="549300KJTIIGC8Y1R12"))

    found = screen(made, [entry("Quite Another Name", identifiers=("549300KJTIIGC8Y1R12",))])

    assert [h.rule for h in found.hits] == ["identifier"]


def test_a_short_number_identifies_nobody() -> None:
    made = registry(party("acme", "Acme Ltd.", ticker="9988"))

    assert screen(made, [entry("Other Ltd.", identifiers=("9988",))]).hits == ()


def test_a_typed_name_in_no_alias_table_hits_the_same_name_and_is_called_unknown() -> None:
    found = screen(registry(ALIBABA), [entry("YMTC Co., Ltd."), ROW], names=["Ymtc"])

    assert [(h.party, h.rule, h.entry.name) for h in found.hits] == [
        (None, "exact_name", "YMTC Co., Ltd.")
    ]
    assert found.unknown_names == ("Ymtc",)


def test_an_ambiguous_name_is_screened_as_both_parties() -> None:
    made = registry(party("acme", "Acme Ltd.", "Star"), party("bolt", "Bolt Ltd.", "Star"))

    found = screen(made, [entry("Acme Ltd."), entry("Bolt Ltd.")], names=["star"])

    assert {h.party for h in found.hits} == {"acme", "bolt"}


def test_the_entry_of_a_company_is_not_that_of_a_subsidiary_with_another_form() -> None:
    made = registry(party("moonshot", "Moonshot AI"), party("moonshot_sg", "Moonshot AI Pte. Ltd."))

    found = screen(made, [entry("Moonshot AI")])

    assert [h.party for h in found.hits] == ["moonshot"]
    assert [p.party for p in found.proposals] == ["moonshot_sg"]


# --- proposals -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("listed", "score"),
    [
        ("Alibaba Cloud Computing Ltd.", 1.0),
        ("Alibabba Group", 0.93),  # 2 x 7 letters in common of 15
    ],
)
def test_what_looks_alike_is_proposed_and_never_a_hit(listed: str, score: float) -> None:
    found = screen(registry(ALIBABA), [entry(listed)])

    assert found.hits == ()
    (proposal,) = found.proposals
    assert proposal.rule == "similar"
    assert proposal.score == pytest.approx(score, abs=0.01)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Beijing Zhipu Huazhang Technology Co., Ltd.", "Beijing Meiya Hongshu Technology Ltd."),
        ("Xiaomi Corporation", "Aisino Corporation"),
        ("北京智谱华章科技股份有限公司", "北京月之暗面科技有限公司"),
        ("Beijing Academy of Artificial Intelligence", "Beijing Institute of Technology"),
        ("Baichuan Intelligent Technology", "Nanjing Dayue Baichuan Electronics"),
    ],
)  # fmt: skip
def test_a_shared_place_trade_or_last_word_proposes_nothing(one: str, other: str) -> None:
    assert screen(registry(ALIBABA), [entry(other)], names=[one]).proposals == ()


@pytest.mark.parametrize(
    ("name", "listed"), [("Kimi", "Kini"), ("Meta", "Metal Trading"), ("Baidu", "Baido Ltd.")]
)
def test_a_short_word_never_proposes_on_an_edit_or_as_part_of_another(
    name: str, listed: str
) -> None:
    assert screen(registry(ALIBABA), [entry(listed)], names=[name]).proposals == ()


def test_chinese_names_are_alike_when_one_holds_the_other() -> None:
    rows = [entry("北京智谱华章科技股份有限公司"), entry("北京月之暗面科技有限公司")]

    found = screen(registry(ALIBABA), rows, names=["智谱"])

    assert [(p.entry, p.score) for p in found.proposals] == [(rows[0], 1.0)]


def test_a_product_name_proposes_only_as_a_whole_name() -> None:
    made = registry(party("tii", "Falcon", kind="brand"))

    assert screen(made, [entry("Falcon Mountain Shipping")]).proposals == ()
    assert len(screen(made, [entry("Falcon Technology Group")]).proposals) == 1


def test_a_name_inside_a_sentence_is_proposed() -> None:
    row = entry(
        "Telecommunications equipment produced by Huawei Technologies Company, including services"
        " provided by such entity or using such equipment."
    )
    made = registry(party("huawei", "Huawei Technologies Co., Ltd."), ZHIPU)

    assert [p.party for p in screen(made, [row]).proposals] == ["huawei"]


# --- rulings ---------------------------------------------------------------------------------

CLOUD = entry("Alibaba Cloud Computing Ltd.")


def test_a_proposal_without_a_ruling_is_unruled() -> None:
    assert [p.entry for p in unruled(registry(ALIBABA), [CLOUD, ROW], [])] == [CLOUD]


def test_ruled_the_same_it_becomes_a_hit() -> None:
    decided = ruling(CLOUD, "alibaba", "same")

    found = screen(registry(ALIBABA), [CLOUD], [decided])

    assert [(h.rule, h.ruling) for h in found.hits] == [("ruling", decided)]
    assert unruled(registry(ALIBABA), [CLOUD], [decided]) == ()


def test_a_ruling_joins_names_that_have_nothing_in_common() -> None:
    row = entry("Quite Another Name")

    found = screen(registry(ALIBABA), [row], [ruling(row, "alibaba", "same")])

    assert [h.rule for h in found.hits] == ["ruling"]


def test_ruled_not_the_same_it_is_shown_as_ruled_out() -> None:
    found = screen(registry(ALIBABA), [CLOUD], [ruling(CLOUD, "alibaba")])

    assert found.hits == found.proposals == ()
    assert [m.entry for m in found.ruled_out] == [CLOUD]


def test_a_ruling_clears_its_own_party_only() -> None:
    other = party("alipay", "Alibaba Payments Ltd.")

    found = screen(registry(ALIBABA, other), [ROW], [ruling(ROW, "alibaba")])

    assert [m.party for m in found.ruled_out] == ["alibaba"]


def test_not_the_same_clears_no_changed_text() -> None:
    now = entry("Alibaba Cloud Computing Ltd.", "Aliyun")

    (proposal,) = unruled(registry(ALIBABA), [now], [ruling(CLOUD, "alibaba")])

    assert proposal.ruling is not None


def test_the_same_stays_a_hit_when_the_text_changes() -> None:
    now = entry("Alibaba Cloud Computing Ltd.", "Aliyun")

    found = screen(registry(ALIBABA), [now], [ruling(CLOUD, "alibaba", "same")])

    assert [h.rule for h in found.hits] == ["ruling"]


def test_not_the_same_does_not_clear_a_shared_identifier() -> None:
    made = registry(party("acme", "Acme Ltd.", ticker="549300KJTIIGC8Y1R12"))
    row = entry("Acme Ltd.", identifiers=("549300KJTIIGC8Y1R12",))

    assert [h.rule for h in screen(made, [row], [ruling(row, "acme")]).hits] == ["identifier"]


# --- ownership -------------------------------------------------------------------------------

LISTED = party("listed", "Listed Ltd.")
LIST = [entry("Listed Ltd.")]


def test_a_half_counts_while_the_rule_is_on_and_shows_path_and_share() -> None:
    made = registry(party("owned", "Owned Ltd.", owners=(owner("listed", 0.5),)), LISTED)

    found = screen(made, LIST, names=["Owned"], fifty_percent=True)

    (hit,) = found.hits
    assert (hit.party, hit.rule, hit.share, hit.entry) == ("owned", "ownership", 0.5, LIST[0])
    assert [(s.owner, s.owned, s.share) for s in hit.path] == [("listed", "owned", 0.5)]
    assert found.information == ()


def test_while_the_rule_is_off_it_is_information() -> None:
    made = registry(party("owned", "Owned Ltd.", owners=(owner("listed", 0.5),)), LISTED)

    found = screen(made, LIST, names=["Owned"])

    assert found.hits == ()
    assert [(m.rule, m.share) for m in found.information] == [("ownership", 0.5)]


@pytest.mark.parametrize("share", [0.49, None])
def test_less_than_a_half_or_an_unknown_share_is_information(share: float | None) -> None:
    made = registry(party("owned", "Owned Ltd.", owners=(owner("listed", share),)), LISTED)

    found = screen(made, LIST, names=["Owned"], fifty_percent=True)

    assert found.hits == ()
    assert [m.share for m in found.information] == [share]


def test_shares_of_listed_owners_add_up_on_one_list_and_not_across_lists() -> None:
    owners = (owner("listed", 0.3), owner("second", 0.2))
    made = registry(
        party("owned", "Owned Ltd.", owners=owners), LISTED, party("second", "Second Ltd.")
    )
    elsewhere = [*LIST, entry("Second Ltd.", list_key="us-csl")]

    together = screen(made, [*LIST, entry("Second Ltd.")], names=["Owned"], fifty_percent=True)
    apart = screen(made, elsewhere, names=["Owned"], fifty_percent=True)

    assert [m.share for m in together.hits] == [0.5, 0.5]
    assert apart.hits == ()
    assert sorted(m.share or 0 for m in apart.information) == [0.2, 0.3]


def test_an_owner_that_is_itself_reached_passes_it_on() -> None:
    # listed -60%-> middle -50%-> owned: middle counts as listed, with its whole share.
    made = registry(
        party("owned", "Owned Ltd.", owners=(owner("middle", 0.5),)),
        party("middle", "Middle Ltd.", owners=(owner("listed", 0.6),)),
        LISTED,
    )

    (hit,) = screen(made, LIST, names=["Owned"], fifty_percent=True).hits

    assert [s.owner for s in hit.path] == ["listed", "middle"]
    assert hit.share == 0.5


def test_an_owner_that_is_not_reached_passes_nothing_on() -> None:
    made = registry(
        party("owned", "Owned Ltd.", owners=(owner("middle", 1.0),)),
        party("middle", "Middle Ltd.", owners=(owner("listed", 0.49),)),
        LISTED,
    )

    assert screen(made, LIST, names=["Owned"], fifty_percent=True).hits == ()


def test_companies_that_own_each_other_end_the_search() -> None:
    made = registry(
        party("a", "A Holding Ltd.", owners=(owner("b", 0.6),)),
        party("b", "B Holding Ltd.", owners=(owner("a", 0.6), owner("listed", 0.5))),
        LISTED,
    )

    found = screen(made, LIST, fifty_percent=True)

    assert {h.party for h in found.hits} == {"listed", "a", "b"}


def test_owners_that_were_not_asked_for_are_no_hits_themselves() -> None:
    made = registry(party("owned", "Owned Ltd.", owners=(owner("listed", 0.5),)), LISTED)

    assert screen(made, LIST, names=["Owned"]).hits == ()


# --- the shipped registry, lists and rulings ---------------------------------------------------


@pytest.fixture(scope="module")
def known() -> Registry:
    return load_registry()


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Entry, ...]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARNESS_LISTS", str(tmp_path_factory.mktemp("no_lists_of_ones_own")))
        return tuple(row for snapshot in snapshots.all_latest() for row in snapshot.entries)


def test_nothing_in_the_shipped_lists_waits_for_a_ruling(
    known: Registry, shipped: tuple[Entry, ...]
) -> None:
    waiting = unruled(known, shipped, load_rulings())

    assert [(m.party, m.entry.list_key, m.entry.name, m.entry.text_sha256) for m in waiting] == []


def test_no_shipped_ruling_is_left_behind_by_its_list(shipped: tuple[Entry, ...]) -> None:
    assert [c.text for c in changed(load_rulings(), shipped)] == []


def test_no_name_in_the_registry_is_ambiguous(known: Registry) -> None:
    assert AliasTable.of(known).ambiguous() == ()


def test_the_developers_on_1260h_are_hit_and_no_other(
    known: Registry, shipped: tuple[Entry, ...]
) -> None:
    # The facts file counts these on the edition of 2026-06-08, row by row.
    rows = [row for row in shipped if row.list_key == "us-1260h"]

    found = screen(known, rows, load_rulings())

    assert {hit.party for hit in found.hits} == {
        "alibaba", "baidu", "huawei", "inspur", "qihoo360", "sensetime", "tencent",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("printed", "of"),
    [
        ("Beijing Baidu Netcom Science Technology Co., Ltd.", "baidu"),
        ("Beijing DeepSeek Artificial Intelligence Co., Ltd.", "deepseek"),
        ("Zhejiang High-Flyer Asset Management Co., Ltd.", "high_flyer"),
        ("Inspur (Beijing) Electronic Information Industry Co., Ltd.", "inspur"),
        ("Xiaomi Communications Co., Ltd.", "xiaomi"),
        ("Beijing Zhipu Huazang Technology Co., Ltd.", "zhipu"),
    ],
)
def test_names_that_a_new_edition_may_print_are_proposed(
    known: Registry, printed: str, of: str
) -> None:
    assert [m.party for m in unruled(known, [entry(printed)], ())] == [of]


# --- scale and the labelled set --------------------------------------------------------------


def test_one_name_is_found_among_thousands_of_others() -> None:
    draw = random.Random(1)
    letters = "abcdefghijklmnopqrstuvwxyz"
    rows = [
        entry(f"Beijing {''.join(draw.choices(letters, k=9))} Technology Co., Ltd.", row=row)
        for row in range(2, 4002)
    ]
    rows.insert(2000, entry("BEIJING ZHIPU HUAZHANG TECHNOLOGY CO LTD"))

    found = screen(registry(ZHIPU, ALIBABA), rows)

    assert [h.entry for h in found.hits] == [rows[2000]]
    assert found.proposals == ()


def test_the_labelled_pairs_are_half_hard_negatives_each_with_a_source() -> None:
    rows = labelled()

    assert len(rows) >= 150
    assert 0.45 <= sum(row["same"] == "false" for row in rows) / len(rows) <= 0.55
    assert all(row["source"] and row["kind"] and row["same"] in ("true", "false") for row in rows)
    assert len({(row["query_name"], row["list_name"]) for row in rows}) == len(rows)


def test_the_alias_table_meets_its_bars_on_the_labelled_pairs(known: Registry) -> None:
    table, rulings = AliasTable.of(known), load_rulings()
    rows = labelled()

    said = [same_party(table, row["query_name"], row["list_name"], rulings) for row in rows]

    same = [row["same"] == "true" for row in rows]
    right = sum(a and b for a, b in zip(same, said, strict=True))
    missed = [r for r, a, b in zip(rows, same, said, strict=True) if a != b]
    for row in missed:
        print(row)
    assert right / sum(same) >= 0.98
    assert right / sum(said) >= 0.95


# The same party: the same legal person, or a brand, product, Hub organisation or operating company
# by which it acts. Pairs of companies of one group are left out where only the holding decides.
def labelled() -> list[dict[str, str]]:
    with PAIRS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_ruling_decides_a_pair_either_way() -> None:
    table = AliasTable.of(registry(ALIBABA))

    assert not same_party(table, "Qwen", ROW.name, [ruling(ROW, "alibaba")])
    assert same_party(table, "Qwen", CLOUD.name, [ruling(CLOUD, "alibaba", "same")])
    assert not same_party(table, "Qwen", CLOUD.name)
