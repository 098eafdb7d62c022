"""harness.config.judge: prices, weights and buyers, each with its source."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from harness.config import load
from harness.config.judge import BuyerConfig, MachinePrice, PricingConfig
from harness.config.load import CONF_DIR
from harness.errors import ConfigError
from tests.builders import judge_config


def shipped(group: str) -> list[Path]:
    return sorted((CONF_DIR / group).glob("*.yaml"))


@pytest.mark.parametrize("path", shipped("pricing"), ids=lambda path: path.stem)
def test_every_shipped_price_has_a_source_and_a_machine_of_that_name(path: Path) -> None:
    prices = PricingConfig.model_validate_json(
        judge_config({"pricing": yaml.safe_load(path.read_text("utf-8"))}).pricing.model_dump_json()
    )

    machines = {each.stem for each in shipped("hardware")}
    assert prices.name == path.stem
    assert set(prices.machines) <= machines
    assert all(len(price.source) > 10 for price in prices.machines.values())


@pytest.mark.parametrize("path", shipped("pricing"), ids=lambda path: path.stem)
def test_every_shipped_price_names_its_kind_and_region(path: Path) -> None:
    machines = yaml.safe_load(path.read_text("utf-8"))["machines"]

    assert all(
        each["kind"] == "owned" or (each["kind"] == "rented" and each["region"])
        for each in machines.values()
    )


OWNED = {
    "kind": "owned",
    "purchase_usd": 36280.0,
    "residual_usd": 1240.0,
    "life_years": 4.0,
    "power_w": 800.0,
    "pue": 1.25,
    "usd_per_kwh": 0.1,
    "space_usd_per_month": 146.0,
    "staff_usd_per_year": 876.0,
    "source": "made up for tests",
    "as_of": "2026-11-25",
}


def owned(**changes: Any) -> MachinePrice:
    return judge_config({"pricing.machines.cpu": OWNED | changes}).pricing.machines["cpu"]


def test_an_owned_machines_hour_by_hand() -> None:
    # 35,040 USD over 35,040 hours = 1; 0.8 kW x 1.25 x 0.1 = 0.1; 146 x 12 / 8,760 = 0.2;
    # 876 / 8,760 = 0.1.
    assert owned().tiers == pytest.approx((1.4, 1.4, 1.4))


@given(purchase=st.floats(1, 1e6), residual=st.floats(0, 1), life=st.floats(0.5, 20))
def test_what_is_paid_over_the_life_is_what_the_machine_lost(
    purchase: float, residual: float, life: float
) -> None:
    machine = owned(
        purchase_usd=purchase,
        residual_usd=purchase * residual,
        life_years=life,
        power_w=1e-9,
        space_usd_per_month=0.0,
        staff_usd_per_year=0.0,
    )

    paid = machine.tiers.mid * life * 8760
    assert paid == pytest.approx(purchase * (1 - residual), rel=1e-6, abs=1e-6)


def test_the_arithmetic_in_the_owned_example_is_right() -> None:
    text = (CONF_DIR / "pricing" / "owned_example.yaml").read_text("utf-8")
    prices = judge_config({"pricing": yaml.safe_load(text)}).pricing

    assert f"= {prices.machines['h100_sxm'].tiers.mid:.4f} USD per GPU-hour" in text
    assert f"= {prices.machines['cpu'].tiers.mid:.5f} USD per hour" in text
    assert prices.used_share == pytest.approx(8 / 24)


def test_a_days_curve_counts_as_its_mean() -> None:
    curve = [0.0] * 18 + [1.0] * 6

    pricing = judge_config(
        {"pricing.utilisation": None, "pricing.utilisation_by_hour": curve}
    ).pricing

    assert pricing.used_share == pytest.approx(0.25)


def test_a_price_is_of_a_known_kind() -> None:
    with pytest.raises(ValidationError, match="'rented', 'owned'"):
        judge_config({"pricing.machines.cpu.kind": "borrowed"})


def test_the_default_prices_name_every_machine() -> None:
    prices = yaml.safe_load((CONF_DIR / "pricing" / "list_2026_06.yaml").read_text("utf-8"))

    assert set(prices["machines"]) == {each.stem for each in shipped("hardware")}


@pytest.mark.parametrize("path", shipped("buyer"), ids=lambda path: path.stem)
def test_every_buyer_file_bears_the_name_of_its_profile(path: Path) -> None:
    buyer = judge_config({"buyer": yaml.safe_load(path.read_text("utf-8"))}).buyer

    assert buyer.profile == path.stem


@pytest.mark.parametrize("path", shipped("buyer"), ids=lambda path: path.stem)
def test_a_use_ban_is_never_less_likely_to_force_a_buyer_off_than_a_list(path: Path) -> None:
    chances = judge_config({"buyer": yaml.safe_load(path.read_text("utf-8"))}).buyer.forced_off

    assert chances["use_ban"].high >= chances["national_list"].high


def test_behaviour_keeps_its_weight_for_chat_and_loses_it_for_code() -> None:
    risk = judge_config().risk

    assert risk.weights_for("chat") == pytest.approx(risk.weights)
    code = risk.weights_for("code")
    # 0.06 x 0.05, over 0.88 + 2 x 0.06 x 0.05
    assert code["behaviour"] == pytest.approx(0.003 / 0.886)
    assert sum(code.values()) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"risk.weights.listing": 0.35}, "weights sum to 1.15, not 1"),
        ({"risk.weights": {"listing": 1.0}}, "weights lack compulsion, licence, licence_drift"),
        ({"risk.weights.listing": -0.35}, "greater than or equal to 0"),
        (
            {"risk.weights.listing": 0.0, "risk.weights.compulsion": 0.32},
            "cannot be drawn from a Dirichlet",
        ),
        ({"risk.behaviour_relevance": {"chat": 1.0}}, "behaviour_relevance lacks code"),
        ({"risk.unpublished_listing_per_year.low": 0.9}, "low 0.9 exceeds high 0.6"),
        ({"pricing.machines.cpu.low_usd_per_hour": 5.0}, "low <= mid <= high"),
        ({"pricing.machines.cpu.high_usd_per_hour": 3.0}, "low <= mid <= high"),
        ({"pricing.machines.cpu.low_usd_per_hour": 0.0}, "greater than 0"),
        ({"pricing.machines.cpu.source": ""}, "source"),
        ({"pricing.utilisation": 0.0}, "greater than 0"),
        ({"pricing.utilisation": None}, "give utilisation or utilisation_by_hour"),
        ({"pricing.utilisation_by_hour": [0.5] * 24}, "give utilisation or utilisation_by_hour"),
        (
            {"pricing.utilisation": None, "pricing.utilisation_by_hour": [0.5] * 23},
            "24 shares, not all of them 0",
        ),
        (
            {"pricing.utilisation": None, "pricing.utilisation_by_hour": [0.0] * 24},
            "24 shares, not all of them 0",
        ),
        ({"pricing.machines.cpu.region": ""}, "region"),
        ({"pricing.machines.cpu": OWNED | {"residual_usd": 4e4}}, "residual_usd exceeds"),
        ({"pricing.machines.cpu": OWNED | {"pue": 0.9}}, "greater than or equal to 1"),
        ({"pricing.machines.cpu": OWNED | {"purchase_usd": 0.0}}, "greater than 0"),
        ({"pricing.grid_gco2e_per_kwh.value": 0.0}, "greater than 0"),
        ({"buyer.territory": "Mars"}, "territory"),
        ({"buyer.bound_as": []}, "at least 1 item"),
        ({"buyer.forced_off.use_ban.high": 1.5}, "forced_off: use_ban exceed 1"),
        ({"buyer.horizon_years": 0.0}, "greater than 0"),
    ],
    ids=lambda given: ",".join(given) if isinstance(given, dict) else "",
)
def test_a_judgement_that_makes_no_sense_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        judge_config(changes)


@pytest.mark.parametrize("missing", ["use_ban", "licence_change"])
def test_a_buyer_who_leaves_out_an_event_is_refused(missing: str) -> None:
    # A report of a model in that state would otherwise end in a KeyError.
    plain = judge_config().buyer.model_dump(mode="json")
    del plain["forced_off"][missing]

    with pytest.raises(ValidationError, match=f"forced_off lacks {missing}"):
        BuyerConfig.model_validate_json(json.dumps(plain))


def test_a_buyers_own_weights_take_the_place_of_the_risks() -> None:
    plain = judge_config()
    shifted = dict(plain.risk.weights) | {
        "listing": plain.risk.weights["listing"] + 0.01,
        "lineage": plain.risk.weights["lineage"] - 0.01,
    }

    found = judge_config({"buyer.weights": shifted}).with_buyers_weights()

    assert found.risk.weights == pytest.approx(shifted)
    assert plain.with_buyers_weights() is plain


def test_a_buyers_weights_that_are_not_whole_are_refused_with_their_key() -> None:
    with pytest.raises(ConfigError, match=r"buyer.weights: weights lack compulsion"):
        load.judge(["+buyer.weights={listing: 1.0}"])
