"""Measurements found in files -> cell records, each with its origin."""

import datetime as dt
import functools
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from harness.config.load import CONF_DIR
from harness.errors import ConfigError
from harness.imports.found import Found, Source
from harness.imports.plausible import check
from harness.records.imported import NO_MACHINE, Origin, SourceFile
from harness.records.schema import Cell, Stage, StageName
from harness.risk.load import load_registry
from harness.risk.registry import Registry

# Names as sources write them, to options of conf/hardware. The 8-GPU nodes cost the same per GPU.
# Relatives with another price or memory (GH200, GB200, H100 PCIe, A100 40GB) are none of these.
_GPUS = (
    (r"(?<!G)H200", "h200"), (r"\bH100(?!.*(PCIe|NVL))", "h100_sxm"), (r"\bB200", "b200"),
    (r"A100.*80", "a100_80g"), (r"L40S", "l40s"), (r"RTX 4090(?! D)", "rtx_4090"),
)  # fmt: skip
_LOCAL = re.compile(r"[~./\\]|[A-Za-z]:\\")
_PLACES = ("line", "place", "configuration")
_OFF: tuple[StageName, ...] = (
    "serve", "load", "telemetry", "accuracy", "behaviour", "finetune",
)  # fmt: skip


@dataclass(frozen=True)
class About:
    """What a user knows of the files that the files do not say."""

    format: str
    hardware: str | None = None  # an option of conf/hardware
    gpus: int | None = None
    model: str | None = None
    engine: str | None = None  # with its version
    address: str | None = None
    commit: str | None = None
    measured_on: dt.date | None = None
    published: dt.date | None = None
    attribution: str | None = None
    licence_note: str | None = None


def cell(found: Found, source: Source, about: About, sweep: str, now: dt.datetime) -> Cell:
    """The record of one measurement.

    Raises ConfigError where the model or the machine is neither in the file nor given.
    """
    check(found.imported, _place(found, source))
    model = _repo(found, source, about)
    hardware = about.hardware or _hardware(found.gpu)
    gpus = about.gpus or found.imported.gpus
    taken = _told_otherwise(found, about, source)
    config = {
        "model": _model(model, found.revision),
        "engine": {"kind": "imported"},
        "hardware": _machine(hardware, found, source),
        "workload": {"kind": "load", "name": found.workload, "content": found.content},
        "repeat": 0,
    }
    measured_on = about.measured_on or _date(found.measured_on)
    imported = found.imported.model_copy(update={"gpus": gpus})
    if found.gpu and not about.hardware:
        taken.append(f"the source says {found.gpu!r}; taken as {hardware}")
    if found.revision is None:
        taken.append("revision of the weights unknown")
    imported = imported.model_copy(update={"conditions": (*imported.conditions, *taken)})
    return Cell(
        cell_id=_id(found, source, about, config),
        sweep=sweep,
        status="done",
        started_at=_noon(measured_on) or now,
        ended_at=_noon(measured_on) or now,
        config=config,
        environment={"packages": {}},
        server={"dtype": found.precision},
        weights={"provenance": "not recorded by the source"},
        cpu_only=hardware == "cpu",
        stages=_stages(found),
        scores=found.scores,
        finetune=found.finetune,
        origin=Origin(
            format=about.format,
            evidence=found.evidence,
            tool=found.tool,
            tool_version=found.tool_version,
            engine=about.engine or found.engine or "unknown",
            files=tuple(
                SourceFile(name=each.name, sha256=each.sha256) for each in (source, *found.beside)
            ),
            address=about.address,
            commit=about.commit,
            measured_on=measured_on,
            published=about.published,
            attribution=about.attribution,
            licence_note=about.licence_note,
            given=_given(about),
            imported_at=now,
        ),
        imported=imported,
    )


def _place(found: Found, source: Source) -> str:
    """The file, and which of its measurements where it tells several apart."""
    told = (f" {key} {found.details[key]}" for key in _PLACES if key in found.details)
    return f"{source.path}{next(told, '')}"


def _told_otherwise(found: Found, about: About, source: Source) -> list[str]:
    """What the user says against the file, as conditions.

    Raises ConfigError where the two contradict each other in what a price or a risk hangs on.
    """
    told = (
        ("--gpus", about.gpus, found.imported.gpus, about.gpus, found.imported.gpus),
        ("--hardware", about.hardware, found.gpu, _card(about.hardware), _hardware(found.gpu)),
        ("--model", about.model, found.model, about.model, _known(found.model)),
        ("--engine", about.engine, found.engine, None, None),
    )
    conditions = []
    for option, said, there, ours, theirs in told:
        if said is None or there is None or said == there:
            continue
        if ours is not None and theirs is not None and ours != theirs:
            raise ConfigError(
                f"{source.path}: {option} {said} against the file, which says {there};"
                f" leave {option} out, or import the file it fits"
            )
        if said != theirs:
            conditions.append(f"the source says {there!r}; taken as {said}")
    return conditions


def _card(hardware: str | None) -> str | None:
    """The option of one card of a node: a file names the card, a user may name the node."""
    return hardware and hardware.removesuffix("_8x")


def _known(repo: str | None) -> str | None:
    """The repo, if the registry knows a model of this name, of whatever revision."""
    models = _registry().models.values()
    return repo if any(model.repo == repo for model in models) else None


def _given(about: About) -> tuple[str, ...]:
    names = ("hardware", "gpus", "model", "engine")
    return tuple(name for name in names if getattr(about, name) is not None)


def unmapped(cells: Sequence[Cell]) -> list[str]:
    """Repos that the registry does not know, each once."""
    registry = _registry()
    keys = dict.fromkeys(cell.config["model"]["key"] for cell in cells)
    return [key for key in keys if registry.find(key, None) is None]


def _repo(found: Found, source: Source, about: About) -> str:
    """The Hub name; a folder of somebody's machine is none."""
    if about.model:
        return about.model
    if not found.model:
        raise ConfigError(f"{source.path}: the file names no model; give --model OWNER/NAME")
    if _LOCAL.match(found.model):
        raise ConfigError(
            f"{source.path}: the model there is a folder, {found.model}; give --model OWNER/NAME"
        )
    return found.model


def _hardware(gpu: str | None) -> str | None:
    if gpu is None:
        return None
    return next((name for form, name in _GPUS if re.search(form, gpu)), None)


def _machine(hardware: str | None, found: Found, source: Source) -> dict[str, Any]:
    if hardware is None and not _needs_machine(found):
        return {"name": NO_MACHINE, "kind": "gpu", "gpu_count": 0}
    if hardware is None:
        said = f"names {found.gpu!r}, which no option is known for" if found.gpu else "names none"
        raise ConfigError(
            f"{source.path}: the machine is needed, and the file {said}; give --hardware"
            f" ({', '.join(sorted(_options('hardware')))})"
        )
    options = _options("hardware")
    if hardware not in options:
        raise ConfigError(f"--hardware {hardware}: known are {', '.join(sorted(options))}")
    kept = options[hardware]
    return {"name": hardware, "kind": kept["kind"], "gpu_count": kept["gpu_count"]}


def _needs_machine(found: Found) -> bool:
    """Scores, and figures of another definition, are not priced."""
    return bool(found.imported.figures)


def _model(repo: str, revision: str | None) -> dict[str, Any]:
    """As far as the options and the registry know the repo."""
    by_key = {option["key"]: option for option in _options("model").values()}
    option = by_key.get(repo)
    known = _registry().find(repo, revision)
    developer = known.developer.value if known else "unknown"
    return {
        "name": option["name"] if option else _slug(repo.rpartition("/")[2]),
        "key": repo,
        "developer": developer,
        "licence": {"value": option["licence"]["value"] if option else "unknown"},
        "source": {"kind": "hub", "repo": repo, "revision": revision},
    }


@functools.cache
def _registry() -> Registry:
    return load_registry()


@functools.cache
def _options(group: str) -> dict[str, Any]:
    files = sorted((CONF_DIR / group).glob("*.yaml"))
    return {path.stem: yaml.safe_load(path.read_text("utf-8")) for path in files}


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_") or "unknown"


def _id(found: Found, source: Source, about: About, config: Any) -> str:
    """Readable, and the same when the same file is imported again."""
    told = {
        "format": about.format,
        "file": source.sha256,
        "model": config["model"]["key"],
        "machine": config["hardware"]["name"],
        "gpu": found.gpu,
        "level": found.imported.level,
        **found.details,
    }
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:12]
    return f"{config['model']['name']}-{_slug(found.workload)}-{digest}"


def _stages(found: Found) -> dict[StageName, Stage]:
    done = {"load"} if found.imported.figures or found.imported.own else set()
    done |= {"accuracy"} if found.scores else set()
    done |= {"finetune"} if found.finetune else set()
    return {name: Stage(status="done" if name in done else "off") for name in _OFF}


def _date(text: str | None) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None


def _noon(day: dt.date | None) -> dt.datetime | None:
    return dt.datetime(day.year, day.month, day.day, 12, tzinfo=dt.UTC) if day else None
