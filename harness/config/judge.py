"""The judging half of the configuration: prices, risk weights, buyer. Never part of a cell id."""

import datetime as dt
from pathlib import Path
from typing import Literal, get_args

from pydantic import Field, NonNegativeFloat, PositiveFloat, model_validator

from harness.config.run import Name, Share
from harness.fields import Frozen, Sourced

Profile = Literal[
    "us_federal_civilian", "us_defence_contractor", "us_state_texas", "us_private", "eu_private"
]
FactorName = Literal["listing", "ownership", "licence", "lineage", "transparency"]
ListingState = Literal["named_in_ban", "listed_federal", "listed_state", "alleged", "none"]
FACTORS: tuple[FactorName, ...] = get_args(FactorName)


class MachinePrice(Frozen):
    """What one hour of a machine costs; a range, because the same GPU is sold at 3 to 5 prices."""

    basis: Literal["on_demand", "spot", "term", "owned", "assumption"]
    provider: str
    low_usd_per_hour: PositiveFloat = Field(description="Per GPU-hour; per machine-hour for a CPU")
    mid_usd_per_hour: PositiveFloat = Field(description="The price that tables use")
    high_usd_per_hour: PositiveFloat
    source: str = Field(min_length=4)
    as_of: dt.date

    @model_validator(mode="after")
    def _ordered(self) -> "MachinePrice":
        if not self.low_usd_per_hour <= self.mid_usd_per_hour <= self.high_usd_per_hour:
            raise ValueError("prices must be ordered low <= mid <= high")
        return self


class ApiPrice(Frozen):
    """What a hosted API charges per million tokens."""

    input_usd_per_mtok: NonNegativeFloat
    output_usd_per_mtok: NonNegativeFloat
    source: str = Field(min_length=4)
    as_of: dt.date


class PricingConfig(Frozen):
    """Prices by hardware name and, for endpoints, by model name. A missing price is an error."""

    name: Name
    machines: dict[str, MachinePrice]
    apis: dict[str, ApiPrice] = Field({}, description="By model.name")
    utilisation: float = Field(gt=0, le=1, description="Share of the paid hours that do work")
    electricity_usd_per_kwh: Sourced[float] = Field(description="For measured energy, shown apart")


class RiskConfig(Frozen):
    """How facts become a score."""

    weights: dict[FactorName, Share] = Field(description="Sum to 1")
    registry_dirs: tuple[Path, ...] = Field(
        (), description="Folders with further developers.yaml, models.yaml, instruments.yaml"
    )
    as_of: dt.date | None = Field(
        None, description="What had begun and not ended on this day, as known today; None: today"
    )

    @model_validator(mode="after")
    def _weights_are_whole(self) -> "RiskConfig":
        missing = [factor for factor in FACTORS if factor not in self.weights]
        if missing:
            raise ValueError(f"weights lack {', '.join(missing)}")
        total = sum(self.weights.values())
        if abs(total - 1) > 1e-9:
            raise ValueError(f"weights sum to {total:g}, not 1")
        return self


class BuyerConfig(Frozen):
    """Who would run the model: decides which gates apply and what a forced withdrawal costs."""

    profile: Profile
    horizon_years: PositiveFloat
    mtok_per_year: PositiveFloat = Field(description="Million tokens (input and output) a year")
    switch_cost_usd: NonNegativeFloat = Field(
        description="One-off cost of moving to the fallback: engineering, re-evaluation, contracts"
    )
    withdrawal_hazard_per_year: dict[ListingState, NonNegativeFloat] = Field(
        description="Hazard of being forced off a model, by the developer's worst listing"
    )
    source: str = Field(min_length=4, description="Where the buyer's figures come from")
    as_of: dt.date

    @model_validator(mode="after")
    def _no_state_without_hazard(self) -> "BuyerConfig":
        missing = [s for s in get_args(ListingState) if s not in self.withdrawal_hazard_per_year]
        if missing:
            raise ValueError(f"withdrawal_hazard_per_year lacks {', '.join(missing)}")
        return self


class JudgeConfig(Frozen):
    """Everything a verdict depends on besides the measurements."""

    pricing: PricingConfig
    risk: RiskConfig
    buyer: BuyerConfig
