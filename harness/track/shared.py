"""What may leave the machine: records without its paths, its name, its environment, its secrets."""

import functools
import os
import re
import socket
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from harness.fetch import cache_dir
from harness.records.schema import Cell

NOT_RECORDED = "not recorded"
_OF_THIS_MACHINE = ("tracking", "report", "results_dir", "dry_run")
_ABSOLUTE = re.compile(r"(?<![\w.:/~$>])((?:/[\w.+@-]+)+)/([\w.+@-]+)")
_TOKEN = re.compile(r"\b(?:hf_|sk-|wandb_v1_|ghp_|github_pat_)[A-Za-z0-9_-]{16,}")
_BEARER = re.compile(r"\bBearer +[\w.~+/=-]{8,}", re.IGNORECASE)
_LOGIN = re.compile(r"(?<=://)[^\s/@]+(?=@)")
_SECRET_FLAG = re.compile(r"^--\S*(?:api[-_]?key|[-_]token|secret|password)$", re.IGNORECASE)
_SECRET_VARIABLE = re.compile(r"(?:KEY|TOKEN|SECRET|PASSWORD)$", re.IGNORECASE)
_SHORTEST_SECRET = 8
_SHORTEST_HOST = 4  # a shorter name would be cut out of ordinary words


def text(value: str) -> str:
    """A text without this machine's folders and name and without secrets.

    Of another absolute path only the last part stays, unless it may be a user's home.
    """
    for found, name in _replaced():
        value = value.replace(found, name)
    for secret in (_TOKEN, _BEARER, _LOGIN):
        value = secret.sub("<secret>", value)
    return _ABSOLUTE.sub(_last_part, value)


def plain(value: Any) -> Any:
    """The same for every text in a JSON value; the argument after a flag for a secret goes too."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [
            "<secret>" if _is_secret(before) else plain(_without_secret(each))
            for before, each in zip([None, *value], value, strict=False)
        ]
    return value


def config(cell: Cell) -> dict[str, Any]:
    """The cell's settings that other people may see.

    The address of an endpoint is left out, and of the server's further environment the values.
    """
    kept = {key: each for key, each in cell.config.items() if key not in _OF_THIS_MACHINE}
    engine = dict(kept["engine"])
    if "base_url" in engine:
        engine["base_url"] = NOT_RECORDED
    if "env" in engine:
        engine["env"] = dict.fromkeys(engine["env"], "set")
    found: dict[str, Any] = plain(kept | {"engine": engine})
    return found


def record(cell: Cell) -> dict[str, Any]:
    """The whole record in the same way."""
    whole: dict[str, Any] = cell.model_dump(mode="json")
    own_env = cell.config["engine"].get("env", {})
    server = dict(whole["server"])
    server["env"] = {
        name: "set" if name in own_env else each for name, each in server.get("env", {}).items()
    }
    shown: dict[str, Any] = told(whole | {"server": server, "config": {}}, [cell])
    return shown | {"config": config(cell)}


def told(value: Any, cells: Iterable[Cell]) -> Any:
    """What was said of cells, such as why one failed: also without their endpoints' addresses."""
    addresses = {cell.config["engine"].get("base_url") for cell in cells} - {None}
    found = value
    for address in sorted(addresses):
        found = _without_address(found, _places(address))
    return plain(found)


def _places(address: str) -> re.Pattern[str]:
    """The address, or the host alone as errors name it."""
    parts = urlsplit(address)
    names = [re.escape(address), re.escape(parts.netloc)]
    if parts.hostname and len(parts.hostname) >= _SHORTEST_HOST:
        names.append(rf"(?<![\w.-]){re.escape(parts.hostname)}(?![\w-])(?::\d+)?")
    return re.compile("|".join(names), re.IGNORECASE)


def _without_address(value: Any, places: re.Pattern[str]) -> Any:
    if isinstance(value, str):
        return places.sub(NOT_RECORDED, value)
    if isinstance(value, dict):
        return {key: _without_address(each, places) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_address(each, places) for each in value]
    return value


def _is_secret(flag: Any) -> bool:
    return isinstance(flag, str) and bool(_SECRET_FLAG.match(flag))


def _without_secret(argument: Any) -> Any:
    """`--api-key=...` with its value masked."""
    if isinstance(argument, str) and "=" in argument:
        flag = argument.partition("=")[0]
        return f"{flag}=<secret>" if _is_secret(flag) else argument
    return argument


def _last_part(found: re.Match[str]) -> str:
    folders, last = found.groups()
    return f"<path>/{last}" if folders.count("/") > 1 else "<path>"


def _replaced() -> list[tuple[str, str]]:
    """Longest first, so that a folder is named before the one that it lies in."""
    return (
        sorted(_names(Path.cwd(), socket.gethostname()), key=lambda pair: -len(pair[0]))
        + _secrets()
    )


@functools.lru_cache(maxsize=8)
def _names(here: Path, host: str) -> list[tuple[str, str]]:
    places = [
        (sys.executable, "python"),
        (str(cache_dir()), "$HARNESS_CACHE"),
        (str(here), "."),
        (str(Path.home()), "~"),
        (host, "<host>"),
    ]
    return [(place, name) for place, name in places if len(place) >= _SHORTEST_HOST]


def _secrets() -> list[tuple[str, str]]:
    return [
        (value, "<secret>")
        for name, value in os.environ.items()
        if _SECRET_VARIABLE.search(name) and len(value) >= _SHORTEST_SECRET
    ]
