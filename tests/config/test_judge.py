"""harness.config.judge: prices, weights and buyers, each with its source."""

import json
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from harness.config.judge import BuyerConfig, MachinePrice, PricingConfig, Profile
from harness.config.load import CONF_DIR
from tests.builders import WEIGHTS, judge_config


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


def test_every_profile_has_a_buyer_of_its_name() -> None:
    buyers = {
        path.stem: judge_config({"buyer": yaml.safe_load(path.read_text("utf-8"))}).buyer
        for path in shipped("buyer")
    }

    assert set(buyers) == set(get_args(Profile))
    assert all(buyer.profile == name for name, buyer in buyers.items())


@pytest.mark.parametrize("path", shipped("buyer"), ids=lambda path: path.stem)
def test_a_worse_listing_never_has_a_lower_hazard(path: Path) -> None:
    hazards = yaml.safe_load(path.read_text("utf-8"))["withdrawal_hazard_per_year"]

    assert hazards["named_in_ban"] >= hazards["listed_federal"] >= hazards["alleged"]
    assert hazards["listed_state"] >= hazards["alleged"] >= hazards["none"] == 0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"risk.weights": WEIGHTS | {"listing": 0.5}}, "weights sum to 1.15, not 1"),
        ({"risk.weights": {"listing": 1.0}}, "weights lack ownership, licence, lineage"),
        ({"risk.weights": WEIGHTS | {"listing": -0.35}}, "greater than or equal to 0"),
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
        ({"buyer.profile": "mars"}, "profile"),
        ({"buyer.withdrawal_hazard_per_year.none": -0.1}, "greater than or equal to 0"),
        ({"buyer.horizon_years": 0.0}, "greater than 0"),
    ],
    ids=lambda given: ",".join(given) if isinstance(given, dict) else "",
)
def test_a_judgement_that_makes_no_sense_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        judge_config(changes)


@pytest.mark.parametrize("missing", ["named_in_ban", "listed_federal", "none"])
def test_a_buyer_who_leaves_out_a_hazard_is_refused(missing: str) -> None:
    # A report of a model in that state would otherwise end in a KeyError.
    plain = judge_config().buyer.model_dump(mode="json")
    del plain["withdrawal_hazard_per_year"][missing]

    with pytest.raises(ValidationError):
        BuyerConfig.model_validate_json(json.dumps(plain))
