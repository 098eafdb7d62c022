"""harness.config.judge: prices, weights and buyers, each with its source."""

import json
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import ValidationError

from harness.config.judge import BuyerConfig, PricingConfig, Profile
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
