"""The judging half of the configuration: prices, risk weights, buyer. Never part of a cell id."""

import datetime as dt
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, get_args

from pydantic import Field, NonNegativeFloat, PositiveFloat, model_validator

from harness.config.workload import Name, Share
from harness.fields import Frozen, Sourced

Profile = Literal[
    "us_federal_civilian", "us_defence_contractor", "us_state_texas", "us_private", "eu_private"
]
FactorName = Literal["listing", "ownership", "licence", "lineage", "transparency"]
ListingState = Literal["named_in_ban", "listed_federal", "listed_state", "alleged", "none"]
FACTORS: tuple[FactorName, ...] = get_args(FactorName)
HOURS_PER_YEAR = 8760.0


class Tiers(NamedTuple):
    """USD per hour of one unit: a GPU, or a whole CPU machine."""

    low: float
    mid: float
    high: float


class RentedMachine(Frozen):
    """Paid by the hour; a range, because the same GPU is sold at 3 to 5 prices."""

    kind: Literal["rented"]
    basis: Literal["on_demand", "spot", "term", "assumption"]
    provider: str
    region: str = Field(min_length=1, description="Of the offers; `not stated` by some sources")
    low_usd_per_hour: PositiveFloat = Field(description="Per GPU-hour; per machine-hour for a CPU")
    mid_usd_per_hour: PositiveFloat = Field(description="The price that tables use")
    high_usd_per_hour: PositiveFloat
    source: str = Field(min_length=4)
    as_of: dt.date

    @property
    def tiers(self) -> Tiers:
        """The three prices as they were found."""
        return Tiers(self.low_usd_per_hour, self.mid_usd_per_hour, self.high_usd_per_hour)

    @model_validator(mode="after")
    def _ordered(self) -> "RentedMachine":
        if not self.low_usd_per_hour <= self.mid_usd_per_hour <= self.high_usd_per_hour:
            raise ValueError("prices must be ordered low <= mid <= high")
        return self


class OwnedMachine(Frozen):
    """Bought and run by oneself; figures per GPU with its share of the host, or per CPU machine.

    USD per hour = (purchase - residual) / life + power x PUE x tariff + space + staff, over 8,760
    hours a year. Undiscounted; idle hours are charged like working ones, with the power of load.
    """

    kind: Literal["owned"]
    purchase_usd: PositiveFloat = Field(description="With its share of host, network and rack")
    life_years: PositiveFloat = Field(description="Years in use")
    residual_usd: NonNegativeFloat = Field(description="What it sells for afterwards")
    power_w: PositiveFloat = Field(description="Drawn at load, its share of the host included")
    pue: float = Field(ge=1, description="Power of the building over power of the machines")
    usd_per_kwh: PositiveFloat
    space_usd_per_month: NonNegativeFloat = Field(description="Rack space, cooling, network")
    staff_usd_per_year: NonNegativeFloat
    source: str = Field(min_length=4)
    as_of: dt.date

    @property
    def tiers(self) -> Tiers:
        """One price: low, mid and high are equal."""
        hourly = (
            (self.purchase_usd - self.residual_usd) / (self.life_years * HOURS_PER_YEAR)
            + self.power_w / 1000 * self.pue * self.usd_per_kwh
            + self.space_usd_per_month * 12 / HOURS_PER_YEAR
            + self.staff_usd_per_year / HOURS_PER_YEAR
        )
        return Tiers(hourly, hourly, hourly)

    @model_validator(mode="after")
    def _loses_value(self) -> "OwnedMachine":
        if self.residual_usd > self.purchase_usd:
            raise ValueError("residual_usd exceeds purchase_usd")
        return self


MachinePrice = Annotated[RentedMachine | OwnedMachine, Field(discriminator="kind")]


class ApiPrice(Frozen):
    """What a hosted API charges per million tokens."""

    input_usd_per_mtok: NonNegativeFloat
    cached_input_usd_per_mtok: NonNegativeFloat | None = Field(
        None, description="Input from the API's prompt cache; None: the list gives no such price"
    )
    output_usd_per_mtok: NonNegativeFloat
    source: str = Field(min_length=4)
    as_of: dt.date


class PricingConfig(Frozen):
    """Prices by hardware name and, for endpoints, by model name. A missing price is an error."""

    name: Name
    machines: dict[str, MachinePrice] = Field(description="By hardware.name")
    apis: dict[str, ApiPrice] = Field({}, description="By model.name")
    utilisation: float | None = Field(
        None, gt=0, le=1, description="Share of the paid hours that do work"
    )
    utilisation_by_hour: tuple[Share, ...] | None = Field(
        None, description="The same for each hour of a day, 24 shares; their mean is used"
    )
    electricity_usd_per_kwh: Sourced[PositiveFloat] = Field(
        description="For measured energy, shown apart"
    )
    grid_gco2e_per_kwh: Sourced[PositiveFloat] = Field(
        description="Grams of CO2 equivalent per kWh of the grid, for measured energy"
    )

    @property
    def used_share(self) -> float:
        """Share of the paid hours that do work: the level, or the mean of the day's curve."""
        if self.utilisation is not None:
            return self.utilisation
        assert self.utilisation_by_hour is not None  # the validator's
        return sum(self.utilisation_by_hour) / len(self.utilisation_by_hour)

    @model_validator(mode="after")
    def _one_utilisation(self) -> "PricingConfig":
        curve = self.utilisation_by_hour
        if (self.utilisation is None) == (curve is None):
            raise ValueError("give utilisation or utilisation_by_hour; set the other to null")
        if curve is not None and (len(curve) != 24 or sum(curve) == 0):
            raise ValueError("utilisation_by_hour needs 24 shares, not all of them 0")
        return self


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
