"""Registries for tests: one clean company, one open model, one ban; changed by keyword."""

import datetime as dt
import functools
import json
from pathlib import Path
from typing import Any

import yaml

from harness.config import load as config_load
from harness.config.judge import BuyerConfig, JudgeConfig, RiskConfig
from harness.risk.facts import Fact, Facts
from harness.risk.registry import (
    Base,
    Check,
    Condition,
    Effect,
    Instrument,
    Jurisdiction,
    Licence,
    Listing,
    Model,
    Name,
    Owner,
    Party,
    Phase,
    Registry,
)

DAY = dt.date(2026, 11, 25)
FIRST = dt.date(2026, 6, 1)  # the ban's first day
MODEL_KEY = "acme/tiny@*"
EVERY_USE = ("self_hosted", "in_region_cloud", "third_party", "developer_api")


def fact(value: str = "open", **changes: Any) -> Fact:
    """A fact that is fresh on DAY."""
    given: dict[str, Any] = {
        "value": value,
        "source": "made up for tests",
        "publisher": "nobody",
        "published": None,
        "read": DAY,
        "confidence": "official",
        "review_by": DAY + dt.timedelta(days=90),
    }
    return Fact(**given | changes)


def facts(*values: str | Fact) -> Facts:
    """All that was found on one question."""
    return Facts(found=tuple(v if isinstance(v, Fact) else fact(v) for v in values))


def phase(status: str = "in_force", since: dt.date | None = FIRST, **changes: Any) -> Phase:
    """A stretch of an instrument's life."""
    given = {"status": status, "since": since, "evidence": fact("the text")}
    return Phase(**given | changes)


def effect(
    verdict: str = "blocked", binds: tuple[str, ...] = ("us_person",), **changes: Any
) -> Effect:
    """What an instrument means for US persons, however they use the model."""
    given = {
        "binds": binds,
        "deployments": EVERY_USE,
        "verdict": verdict,
        "text": "forbids the use of a listed firm's models",
    }
    return Effect(**given | changes)


def instrument(key: str = "ban", **changes: Any) -> Instrument:
    """A ban in force since FIRST that blocks US persons."""
    given: dict[str, Any] = {
        "key": key,
        "title": f"The {key}",
        "issuer": "a government",
        "kind": "use_ban",
        "jurisdiction": "US",
        "series": key,
        "citation": "1 Test 1",
        "history": (phase(),),
        "affiliates": "none",
        "effects": (effect(),),
    }
    return Instrument(**given | changes)


def listing(key: str = "ban", **changes: Any) -> Listing:
    """An entry from the day the instrument holds."""
    given: dict[str, Any] = {
        "instrument": key,
        "entry": "Acme Ltd.",
        "since": FIRST,
        "evidence": fact("named"),
    }
    return Listing(**given | changes)


def check(*keys: str, **changes: Any) -> Check:
    """A clean look under these instruments, for all days unless given."""
    return Check(**{"instruments": keys or ("ban",), "evidence": fact("not found")} | changes)


def owner(party: str, share: float | None) -> Owner:
    """A holding."""
    return Owner(party=party, share=share, evidence=fact("a filing"))


def party(key: str = "acme", **changes: Any) -> Party:
    """A private US company that was looked for under the ban and not found."""
    given: dict[str, Any] = {
        "key": key,
        "names": (Name(kind="legal", **fact(f"{key.title()} Ltd.").model_dump()),),
        "headquarters": facts("US"),
        "incorporation": facts("US"),
        "control": facts("US"),
        "ownership": facts("private"),
        "founded": facts("2019-01-01"),
        "checks": (check(),),
        "cohorts": ("test",),
    }
    return Party(**given | changes)


def licence(id: str = "Apache-2.0", grant: str = "open", **changes: Any) -> Licence:
    """Terms of a repo; open since its release."""
    return Licence(**{"id": id, "grant": grant, "evidence": fact(id)} | changes)


def condition(kind: str, consequence: str, **changes: Any) -> Condition:
    """A condition of a licence."""
    given = {"kind": kind, "consequence": consequence, "text": "as the licence says"}
    return Condition(**given | changes)


def base(model: str, edge: str = "weights", grade: str = "declared") -> Base:
    """An edge of the lineage."""
    return Base(model=model, edge=edge, grade=grade, evidence=fact("the model card"))


def model(key: str = MODEL_KEY, maker: str = "acme", **changes: Any) -> Model:
    """An open model trained from scratch more than two years ago, data and code published."""
    given: dict[str, Any] = {
        "key": key,
        "developer": fact(maker),
        "licensor": facts(maker),
        "released": facts("2024-01-01"),
        "licences": (licence(),),
        "lineage": facts("from_scratch"),
        "transparency": facts("open_data_code_evals"),
    }
    return Model(**given | changes)


def jurisdiction(key: str, *compulsion: str | Fact, **changes: Any) -> Jurisdiction:
    """A country, with recourse to a court unless given."""
    law = facts(*(compulsion or ("ordinary_process",)))
    return Jurisdiction(**{"key": key, "name": key, "compulsion": law} | changes)


COUNTRIES = (
    jurisdiction("US"),
    jurisdiction("FR", member_of=("EU",)),
    jurisdiction("CN", "compulsion_without_appeal"),
)


def registry(
    *models: Model,
    parties: tuple[Party, ...] = (party(),),
    instruments: tuple[Instrument, ...] = (instrument(),),
    jurisdictions: tuple[Jurisdiction, ...] = COUNTRIES,
) -> Registry:
    """A registry in memory; without models, the one clean model."""
    return Registry(
        parties={each.key: each for each in parties},
        models={each.key: each for each in models or (model(),)},
        instruments={each.key: each for each in instruments},
        jurisdictions={each.key: each for each in jurisdictions},
    )


@functools.cache
def _judge() -> JudgeConfig:
    return config_load.judge([])


def buyer(**changes: Any) -> BuyerConfig:
    """The shipped US private buyer with some fields changed."""
    return _judge().buyer.model_copy(update=changes)


def risk(**changes: Any) -> RiskConfig:
    """The shipped risk settings with some fields changed."""
    return _judge().risk.model_copy(update=changes)


def write_registry(folder: Path, made: Registry) -> Path:
    """The same registry as the files that a company would lay over the shipped one."""
    folder.mkdir(parents=True, exist_ok=True)
    sources: dict[str, Any] = {}

    def short(body: Any) -> Any:
        if isinstance(body, list):
            return [short(item) for item in body]
        if not isinstance(body, dict):
            return body
        if set(body) == {"found"}:
            return short(body["found"])
        if "confidence" in body and "source" in body:
            about = {name: body[name] for name in ("publisher", "published", "read", "review_by")}
            key = f"t{len(sources)}"
            sources[key] = {"address": body["source"], **about}
            rest = {name: value for name, value in body.items() if name not in about}
            return {**rest, "source": key}
        return {name: short(value) for name, value in body.items()}

    for name, entries in json.loads(made.model_dump_json()).items():
        for entry in entries.values():
            del entry["key"]
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(short(entries)), "utf-8")
    (folder / "sources.yaml").write_text(yaml.safe_dump(sources), "utf-8")
    return folder
