"""harness.risk.portfolio: concentration and what one instrument stops."""

import pytest

from harness.risk.portfolio import portfolio
from tests.risk.making import (
    DAY,
    base,
    buyer,
    check,
    effect,
    facts,
    instrument,
    listing,
    model,
    party,
    phase,
    registry,
    risk,
)

MADE = registry(
    model("a/m@*", "alpha"),
    model("b/m@*", "beta", bases=(base("a/m@*"),), lineage=facts("derived")),
    model("c/m@*", "gamma"),
    parties=(
        party("alpha", listings=(listing(),), checks=(check("bill"),)),
        party("beta", checks=(check("ban", "bill"),), control=facts("FR"),
              headquarters=facts("FR")),
        party("gamma", listings=(listing("bill"),)),
    ),
    instruments=(
        instrument(),
        instrument("bill", kind="bill", history=(phase("proposed"),), effects=(effect(),)),
    ),
)  # fmt: skip
SHARES = {"a/m@*": 0.5, "b/m@*": 0.3, "c/m@*": 0.2}


def test_shares_by_developer_jurisdiction_and_instrument() -> None:
    asked = {key: (MADE.models[key], share) for key, share in SHARES.items()}

    found = portfolio(MADE, asked, buyer(), risk(draws=500), DAY)

    assert found.developers == pytest.approx({"alpha": 0.5, "beta": 0.3, "gamma": 0.2})
    # The derived model counts where its base comes from too.
    assert found.jurisdictions == pytest.approx({"US": 1.0, "FR": 0.3})
    assert found.in_force == pytest.approx({"ban": 0.8})
    assert found.pending == pytest.approx({"bill": 0.2})
    assert found.if_all_pass == pytest.approx(1.0)
