"""The judging half of the configuration: prices, risk weights, buyer. Never part of a cell id."""

import datetime as dt
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, get_args

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from harness.config.workload import Content, Name, Share
from harness.fields import Frozen, Sourced

Bound = Annotated[str, Field(pattern=r"^[a-z0-9_]+$", description="E.g. us_person")]
Deployment = Literal["self_hosted", "in_region_cloud", "third_party", "developer_api"]
Reading = Literal["narrow", "wide"]
FactorName = Literal[
    "listing", "compulsion", "licence", "licence_drift", "lineage", "serving_path", "behaviour",
    "security", "transparency", "replaceability",
]  # fmt: skip
EventKind = Literal["use_ban", "national_list", "state_list", "licence_change"]
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


class Range(Frozen):
    """A quantity that somebody estimated: its 5% and 95% points."""

    low: NonNegativeFloat = Field(description="5% point")
    high: NonNegativeFloat = Field(description="95% point")

    @model_validator(mode="after")
    def _ordered(self) -> "Range":
        if self.low > self.high:
            raise ValueError(f"low {self.low:g} exceeds high {self.high:g}")
        return self


class Elicited(Range):
    """The same with who says so."""

    source: str = Field(min_length=4)
    as_of: dt.date


class RiskConfig(Frozen):
    """How facts become a score."""

    weights: dict[FactorName, Share] = Field(description="Sum to 1")
    dirichlet_concentration: PositiveFloat = Field(
        description="Weights are drawn from a Dirichlet round the stated ones; higher is tighter"
    )
    weight_slack: Share = Field(
        description="How far each weight may move in the bounds that assume no distribution"
    )
    draws: PositiveInt = Field(description="Draws of weights and facts")
    seed: NonNegativeInt = Field(description="Of the draws")
    different_from: float = Field(
        gt=0.5, le=1, description="P(safer) under both aggregations from which two models differ"
    )
    behaviour_relevance: dict[Content, Share] = Field(
        description="By content of the workload: share of the weights of behaviour and security"
    )
    hijack_reference: Sourced[Share] = Field(
        description="Share of injected instructions obeyed that is level 0 of security"
    )
    jailbreak_reference: Sourced[Share] = Field(
        description="Share of jailbreaks that succeed that is level 0 of security"
    )
    affiliates_rule: Literal["as_law", "on", "off"] = Field(
        description="Whether a listing reaches companies owned by half: as its status says, or not"
    )
    counted_since: dt.date = Field(description="First day of the counts behind the base rates")
    unpublished_listing_per_year: Elicited = Field(
        description="Rate at which a listing that is approved and unpublished comes out"
    )
    registry_dirs: tuple[Path, ...] = Field(
        (), description="Folders with further parties, models, instruments, jurisdictions, sources"
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
        if min(self.weights.values()) == 0:
            raise ValueError("a weight of 0 cannot be drawn from a Dirichlet; give it 0.001")
        unstated = [each for each in get_args(Content) if each not in self.behaviour_relevance]
        if unstated:
            raise ValueError(f"behaviour_relevance lacks {', '.join(unstated)}")
        return self

    def weights_for(self, content: Content) -> dict[FactorName, float]:
        """The weights, with behaviour and security cut to the content and the sum kept at 1."""
        share = self.behaviour_relevance[content]
        cut: dict[FactorName, float] = {
            name: weight * (max(share, 1e-3) if name in ("behaviour", "security") else 1.0)
            for name, weight in self.weights.items()
        }
        total = sum(cut.values())
        return {name: weight / total for name, weight in cut.items()}


class SwitchConfig(Frozen):
    """What it takes this buyer to move to a fallback, besides what the harness measured."""

    engineering_days: Range = Field(description="Prompts, integration, tests")
    usd_per_engineering_day: NonNegativeFloat
    contracts_usd: Range = Field(description="New contracts, hardware refit, legal work")
    downtime_days: Range = Field(description="Days without a usable model; the time to recover")
    lost_usd_per_mtok: NonNegativeFloat = Field(
        description="What a million tokens not served while down are worth"
    )
    usd_per_accuracy_point_year: NonNegativeFloat = Field(
        description="What one percentage point of accuracy lost is worth a year"
    )
    warm_fallback_usd_per_year: NonNegativeFloat = Field(
        description="Keeping a second model tested and ready"
    )
    warm_share: Share = Field(description="Share of the cost of moving that then remains")


class BuyerConfig(Frozen):
    """Who would run the model: decides which gates apply and what a forced withdrawal costs."""

    profile: Name = Field(description="Name of the profile, as tables show it")
    bound_as: tuple[Bound, ...] = Field(
        min_length=1, description="As whom the law binds this buyer; instruments say whom they bind"
    )
    territory: str = Field(
        pattern=r"^[A-Z]{2}$", description="ISO 3166 alpha-2, or EU: for territories of licences"
    )
    reading: Reading = Field(description="Of texts that are read in two ways")
    deployment: Deployment = Field(description="How the models are used; endpoints: third_party")
    commercial: bool = Field(description="False: non-commercial licences suffice")
    sells_model_access: bool = Field(description="Sells the model itself as a service")
    monthly_users: NonNegativeInt | None = Field(description="None: unknown")
    revenue_usd_per_year: NonNegativeFloat | None = Field(description="Of the group; None: unknown")
    horizon_years: PositiveFloat
    mtok_per_year: PositiveFloat = Field(description="Million tokens (input and output) a year")
    discount_rate_per_year: NonNegativeFloat = Field(description="Continuous")
    weights: dict[FactorName, Share] | None = Field(
        None, description="This buyer's own weights of the risk factors; None: risk.weights"
    )
    switch: SwitchConfig
    forced_off: dict[EventKind, Elicited] = Field(
        description="Probability that such an event forces this buyer off a model in use"
    )
    source: str = Field(min_length=4, description="Where the buyer's figures come from")
    as_of: dt.date

    @model_validator(mode="after")
    def _no_event_without_probability(self) -> "BuyerConfig":
        missing = [kind for kind in get_args(EventKind) if kind not in self.forced_off]
        if missing:
            raise ValueError(f"forced_off lacks {', '.join(missing)}")
        above = [kind for kind, chance in self.forced_off.items() if chance.high > 1]
        if above:
            raise ValueError(f"forced_off: {', '.join(above)} exceed 1")
        return self


class JudgeConfig(Frozen):
    """Everything a verdict depends on besides the measurements."""

    pricing: PricingConfig
    risk: RiskConfig
    buyer: BuyerConfig

    def with_buyers_weights(self) -> "JudgeConfig":
        """The same with the buyer's own weights as those of the risk, where it has some.

        Raises ValueError for weights that are not whole.
        """
        if self.buyer.weights is None:
            return self
        risk = RiskConfig.model_validate(self.risk.model_dump() | {"weights": self.buyer.weights})
        return self.model_copy(update={"risk": risk})
