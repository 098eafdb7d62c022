"""harness.risk.screening.aliases: which party a name belongs to."""

import pytest

from harness.risk.screening.aliases import AliasTable
from tests.risk import making
from tests.risk.screening.made import party, registry


def test_any_spelling_of_any_name_finds_the_party() -> None:
    table = AliasTable.of(registry(party("deepseek", "DeepSeek", "深度求索")))

    for name in ("deep seek", "DEEPSEEK Inc.", "深度求索有限公司", "Foo Ltd. (DeepSeek)"):
        assert table.parties(name) == {"deepseek"}
    assert table.parties("DeepSeek Cogito") == frozenset()


def test_the_hub_organisation_of_a_model_is_a_name_of_its_developer() -> None:
    made = making.registry(
        making.model("acme-labs/tiny@*", "acme"), parties=(party("acme", "Acme Ltd."),)
    )

    table = AliasTable.of(made)

    assert [a.kind for a in table.find("acme-labs")] == ["hub_organisation"]
    assert table.parties("acme-labs/Tiny-7B") == {"acme"}
    assert table.parties("other/tiny") == frozenset()


def test_an_organisation_of_two_developers_is_a_name_of_neither() -> None:
    made = making.registry(
        making.model("mirror/one@*", "acme"),
        making.model("mirror/two@*", "bolt"),
        parties=(party("acme", "Acme Ltd."), party("bolt", "Bolt Ltd.")),
    )

    assert AliasTable.of(made).find("mirror") == ()


def test_a_name_that_two_parties_share_is_reported_with_both() -> None:
    table = AliasTable.of(registry(party("acme", "Acme Ltd.", "Star"), party("bolt", "STAR")))

    assert table.ambiguous() == (
        "alias 'Star' names acme and bolt; leave it with one of them in parties",
    )
    assert table.parties("star") == {"acme", "bolt"}


def test_a_subsidiary_that_differs_by_its_form_is_told_apart_by_it() -> None:
    table = AliasTable.of(
        registry(party("moonshot", "Moonshot AI"), party("moonshot_sg", "MOONSHOT AI PTE. LTD."))
    )

    assert table.ambiguous() == ()
    assert table.parties("moonshot ai") == {"moonshot"}
    assert table.parties("Moonshot AI Pte Ltd") == {"moonshot_sg"}
    assert table.parties("Moonshot AI Inc.") == {"moonshot", "moonshot_sg"}


@pytest.mark.parametrize("name", ["", "   ", "()", "/", "a/", "有限公司"])
def test_an_empty_name_finds_nobody(name: str) -> None:
    assert AliasTable.of(registry(party("acme", "Acme Ltd."))).parties(name) == frozenset()
