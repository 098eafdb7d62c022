"""harness.risk.replaceability: who could take a model's place."""

import pytest

from harness.risk.replaceability import Candidate, replaceability


def made(
    key: str, quality: float | None = 0.6, cost: float | None = 1.0, seat: str = "US"
) -> Candidate:
    return Candidate(key=key, jurisdictions=(seat,), quality=quality, usd_per_mtok=cost)


OWN = made("own")


@pytest.mark.parametrize(
    ("others", "level"),
    [
        ([], 1.0),
        ([made("a")], 0.5),
        ([made("a"), made("b")], 0.25),
        ([made("a"), made("b"), made("c")], 0.25),  # all in one jurisdiction
        ([made("a"), made("b"), made("c", seat="FR")], 0.0),
        ([made("a", quality=0.57)], 0.5),  # 95% of 0.6
        ([made("a", quality=0.56)], 0.75),
        ([made("a", quality=0.50)], 1.0),  # below 85%
        ([made("a", cost=1.6)], 0.75),
    ],
)
def test_level_by_number_place_quality_and_cost(others: list[Candidate], level: float) -> None:
    found = replaceability(OWN, [OWN, *others])

    assert found is not None
    assert (found.low, found.high) == (level, level)


def test_a_model_that_was_not_measured_might_be_a_substitute() -> None:
    found = replaceability(OWN, [made("a"), made("b", quality=None)])

    assert found is not None
    assert (found.low, found.high) == (0.25, 0.5)
    assert "1 of them not measured" in found.text


def test_without_its_own_quality_or_cost_a_model_has_no_level() -> None:
    assert replaceability(made("own", quality=None), [made("a")]) is None
    assert replaceability(made("own", cost=None), [made("a")]) is None
