"""Hydra's composed configuration -> RunConfig or JudgeConfig, or one clear line per problem."""

import difflib
import json
import re
import types
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import BaseModel, ValidationError

from harness.config.judge import JudgeConfig
from harness.config.run import RunConfig
from harness.errors import ConfigError

_PACKAGE = Path(__file__).resolve().parents[1]
# Inside an installed wheel conf lies in the package; in a checkout beside it.
CONF_DIR = _PACKAGE / "conf" if (_PACKAGE / "conf").is_dir() else _PACKAGE.parent / "conf"


@dataclass(frozen=True)
class PlannedCell:
    """One cell of a sweep with the overrides that make it."""

    overrides: tuple[str, ...]
    config: RunConfig


def validate_run(composed: DictConfig) -> RunConfig:
    """Raise ConfigError with one line per problem, or return the frozen configuration."""
    return typing.cast(RunConfig, _validate(composed, RunConfig))


def plan(overrides: Sequence[str], *, multirun: bool, config_dir: str | None) -> list[PlannedCell]:
    """Compose and validate every cell of a sweep, before the first one starts.

    Raises ConfigError that lists the problems of all cells, each line once.
    """
    search = search_path(config_dir)
    cells: list[PlannedCell] = []
    problems: dict[str, None] = {}
    with _hydra():
        for job in _jobs([*search, *overrides], multirun):
            try:
                cells.append(PlannedCell(tuple(job), validate_run(_compose("run", job))))
            except ConfigError as error:
                problems |= dict.fromkeys(str(error).splitlines())
    if problems:
        raise ConfigError("\n".join(problems))
    return cells


def search_path(config_dir: str | None) -> list[str]:
    """The override that adds a user's own folder of options."""
    if config_dir is None:
        return []
    folder = Path(config_dir).resolve()
    if not folder.is_dir():
        raise ConfigError(f"--config-dir {config_dir}: no such folder")
    return [f"hydra.searchpath=[file://{folder}]"]


def judge(overrides: Sequence[str]) -> JudgeConfig:
    """Compose and validate `judge.yaml`."""
    with _hydra():
        found = typing.cast(JudgeConfig, _validate(_compose("judge", overrides), JudgeConfig))
    try:
        return found.with_buyers_weights()
    except ValidationError as error:
        what = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ConfigError(f"buyer.weights: {what}") from error


def judges(overrides: Sequence[str]) -> list[JudgeConfig]:
    """One configuration for each buyer named: `buyer=us_private,eu_private` gives two.

    Raises ConfigError where something else is given several values: tables side by side must
    differ in one thing only.
    """
    try:
        parsed = OverridesParser.create().parse_overrides(list(overrides))
        swept = [o for o in parsed if o.is_sweep_override()]
        others = [o.key_or_group for o in swept if o.key_or_group != "buyer"]
        if others:
            raise ConfigError(f"{others[0]}: only buyer may have several values in one report")
        jobs = BasicSweeper.split_arguments(parsed, None)[0]
    except HydraException as error:
        raise ConfigError(_one_line(error)) from error
    return [judge(job) for job in jobs]


class _hydra:
    """Hydra's compose API on our conf folder, leaving no global state behind."""

    def __enter__(self) -> None:
        GlobalHydra.instance().clear()
        self._context = initialize_config_dir(str(CONF_DIR), version_base="1.3")
        self._context.__enter__()

    def __exit__(self, *details: Any) -> None:
        self._context.__exit__(*details)
        GlobalHydra.instance().clear()


def _jobs(overrides: Sequence[str], multirun: bool) -> list[list[str]]:
    """The override lists of a sweep's jobs, as Hydra's basic sweeper makes them."""
    try:
        parsed = OverridesParser.create().parse_overrides(list(overrides))
        fixed = [o.input_line or "" for o in parsed if not o.is_sweep_override()]
        whole = _compose("run", fixed, with_hydra=True)
        params = whole.hydra.sweeper.params or {}
        if not multirun and str(whole.hydra.mode).rpartition(".")[2] != "MULTIRUN":
            return [list(overrides)]
        from_config = [f"{key}={value}" for key, value in params.items()]
        both = OverridesParser.create().parse_overrides([*from_config, *overrides])
        return BasicSweeper.split_arguments(both, None)[0]
    except HydraException as error:
        raise ConfigError(_one_line(error)) from error


def _compose(name: str, overrides: Sequence[str], with_hydra: bool = False) -> DictConfig:
    try:
        return compose(name, overrides=list(overrides), return_hydra_config=with_hydra)
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        # ValueError: Hydra itself, for a group that is given a number
        unknown = re.match(r"Could not override '([^']+)'", str(error))
        if unknown:  # add it after all, so that validation names it like every other problem
            wrong = f"{unknown[1]}="
            retried = [f"+{o}" if o.startswith(wrong) else o for o in overrides]
            if retried != list(overrides):
                return _compose(name, retried, with_hydra)
        raise ConfigError(_one_line(error)) from error


def _one_line(error: Exception) -> str:
    """Hydra's messages run over several lines; keep what names the key and the choices."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    cause = error.__cause__
    if cause is not None and str(cause).splitlines()[0] not in lines:
        lines += str(cause).splitlines()[:1]
    noise = ("Set the environment", "To append to your", "full_key:", "object_type=", "Check that")
    kept: list[str] = []
    for line in lines:
        if line.startswith("Config search path"):
            break
        if not line.startswith(noise):
            kept.append(line.replace("\t", ", "))
    return " ".join(kept)


def _validate(composed: DictConfig, schema: type[BaseModel]) -> BaseModel:
    try:
        missing = sorted(OmegaConf.missing_keys(composed))
        if missing:
            # Hydra's command line takes levels.0.path, not levels[0].path.
            typed = [re.sub(r"\[(\d+)\]", r".\1", key) for key in missing]
            lines = [f"{key}: missing; give it as {key}=<value>" for key in typed]
            raise ConfigError("\n".join(lines))
        plain = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise ConfigError(_one_line(error)) from error
    try:
        # Through JSON: strict validation takes lists for tuples and text for paths and dates.
        return schema.model_validate_json(json.dumps(plain, default=str))
    except ValidationError as error:
        raise ConfigError(
            "\n".join(_problem(detail, plain, schema) for detail in error.errors())
        ) from error


def _problem(detail: Any, plain: Any, schema: type[BaseModel]) -> str:
    key, value = _locate(detail["loc"], plain)
    allowed = _allowed_keys(schema, key.split(".")[:-1], plain)
    match detail["type"]:
        case "extra_forbidden":
            leaf = key.rpartition(".")[2]
            close = difflib.get_close_matches(leaf, allowed, 1)
            hint = f"did you mean {close[0]}? " if close else ""
            return f"{key}={_short(value)}: no such key; {hint}allowed here: {', '.join(allowed)}"
        case "missing":
            return f"{key}: missing; give it as {key}=<value>"
        case "value_error":
            message = str(detail["ctx"]["error"])
            return f"{key}: {message}" if key else message
        case _:
            return f"{key}={_short(value)}: {detail['msg'].removeprefix('Input ')}"


def _locate(loc: Sequence[Any], plain: Any) -> tuple[str, Any]:
    """The key as typed, without the union tags that pydantic puts into a location."""
    path: list[str] = []
    here = plain
    for position, step in enumerate(loc):
        last = position == len(loc) - 1
        inside = isinstance(here, dict) and step in here
        if inside or (isinstance(here, list) and isinstance(step, int) and step < len(here)):
            here = here[step]
        elif not last or step == "[key]" or (isinstance(here, dict) and here.get("kind") == step):
            continue
        path.append(str(step))
    return ".".join(path), here


def _allowed_keys(schema: type[BaseModel], path: Sequence[str], plain: Any) -> list[str]:
    """The keys that the class at `path` takes; empty where it takes any."""
    here: Any = schema
    for step in path:
        if isinstance(plain, list) and step.isdigit():
            plain = plain[int(step)]
            here = _chosen(typing.get_args(here)[0], plain)
            continue
        plain = plain.get(step) if isinstance(plain, dict) else None
        if isinstance(here, type) and issubclass(here, BaseModel) and step in here.model_fields:
            here = _chosen(here.model_fields[step].annotation, plain)
        else:
            return []
    if isinstance(here, type) and issubclass(here, BaseModel):
        return sorted(here.model_fields)
    return []


def _chosen(annotation: Any, plain: Any) -> Any:
    """Of a union of classes told apart by `kind`, the one that the data names."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _chosen(typing.get_args(annotation)[0], plain)
    if origin in (typing.Union, types.UnionType):
        kind = plain.get("kind") if isinstance(plain, dict) else None
        for option in (_chosen(each, plain) for each in typing.get_args(annotation)):
            fields = getattr(option, "model_fields", {})
            if "kind" not in fields or kind in typing.get_args(fields["kind"].annotation):
                return option
    return annotation


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."
