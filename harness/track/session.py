"""One W&B run, opened so that nothing of the machine is collected and all of it lies in the sweep.

A run is always written offline first; where the mode is online it is uploaded at its end
(`harness.track.upload`). So a network that fails costs nothing, both ways give the same, and what
is sent can be looked at before.

What was written, and how far its steps went, is kept in `<sweep>/wandb/written/`: the same
content is not written twice, and a later attempt goes on where the earlier one ended.
"""

import configparser
import contextlib
import netrc
import os
import secrets
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from harness.config.run import WandbTracking
from harness.errors import FactError
from harness.fields import Frozen
from harness.records import store
from harness.track import offline

Mode = Literal["online", "offline"]
_FINISH_TIMEOUT_S = 120.0
_WHOLE_AFTER_S = 5.0  # a log is on disk some milliseconds after its run's end
_W_AND_B = "https://api.forge.coreweave.com"
_ELDER_HOST = "api.wandb.ai"  # a login of an older W&B stands under it, and is valid
_kept = ContextVar("_kept", default=False)  # W&B's service, from run to run


class Written(Frozen):
    """What W&B was given last of one run."""

    content: str
    attempt: int
    steps: int


class Session:
    """An open run; see `opened`."""

    def __init__(self, run: Any, attempt: int, steps: int) -> None:
        self.run = run
        self.attempt = attempt
        self.steps = steps

    def log(self, values: Mapping[str, Any]) -> None:
        """One step of history, numbered on from what earlier attempts logged."""
        self.run.log(dict(values), step=self.steps)
        self.steps += 1


def mode(tracking: WandbTracking) -> Mode:
    """online or offline; `auto` is online where a key is set and W&B was not told otherwise."""
    if tracking.mode != "auto":
        return tracking.mode
    if _setting("mode") in ("offline", "dryrun", "disabled"):
        return "offline"
    if os.environ.get("WANDB_API_KEY"):
        return "online"
    address = server()
    hosts = [urlsplit(address).netloc, *([_ELDER_HOST] if address == _W_AND_B else [])]
    try:
        known = netrc.netrc(os.environ.get("NETRC"))
    except (OSError, netrc.NetrcParseError):
        return "offline"
    return "online" if any(map(known.authenticators, hosts)) else "offline"


def server() -> str:
    """Address of W&B, or of the server that WANDB_BASE_URL or `wandb login --host` names."""
    return (_setting("base_url") or _W_AND_B).rstrip("/")


def _setting(name: str) -> str:
    """Of W&B's, from the environment or from its file; empty: not set."""
    folder = os.environ.get("WANDB_CONFIG_DIR") or "~/.config/wandb"
    file = configparser.ConfigParser(interpolation=None)
    with contextlib.suppress(configparser.Error, OSError, UnicodeDecodeError):
        file.read(Path(folder).expanduser() / "settings", encoding="utf-8")
    own = file.get("default", name, fallback="")
    return os.environ.get(f"WANDB_{name.upper()}") or own


@contextlib.contextmanager
def one_service() -> Iterator[None]:
    """Many runs, one after another, in one service of W&B's: its start takes most of a run."""
    token = _kept.set(True)
    try:
        yield
    finally:
        _kept.reset(token)
        _stop_service()


def _stop_service() -> None:
    """It may have died, which must not keep the next run from a new one."""
    import wandb

    with contextlib.suppress(Exception):  # a broken connection raises anything
        wandb.teardown()


def run_id(sweep_dir: Path, name: str) -> str:
    """The name with a mark of this folder: the same on every attempt, and nobody else's.

    A cell id is the same on every machine, so without the mark two people who measure the same
    cell for one project would write into one run.
    """
    return f"{name}-{_mark(sweep_dir)}"


def _mark(sweep_dir: Path) -> str:
    path = home(sweep_dir) / "mark"
    if not path.exists():
        # Cells may end in several processes at once: whoever links first gives the mark.
        with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".mark-") as stream:
            stream.write(secrets.token_hex(4))
            stream.flush()
            with contextlib.suppress(FileExistsError):  # another process was first
                os.link(stream.name, path)
    return path.read_text("utf-8").strip()


def home(sweep_dir: Path) -> Path:
    """Where everything of W&B's lies, so that it moves with the sweep."""
    folder = sweep_dir / "wandb"
    folder.mkdir(exist_ok=True)
    return folder


def written(sweep_dir: Path, identity: str) -> Written | None:
    """What was written of a run before; None: nothing that was finished."""
    path = _note(sweep_dir, identity)
    return Written.model_validate_json(path.read_text("utf-8")) if path.exists() else None


def is_written(sweep_dir: Path, identity: str, content: str) -> bool:
    """Whether this content was written already."""
    before = written(sweep_dir, identity)
    return before is not None and before.content == content


@contextlib.contextmanager
def opened(
    sweep_dir: Path,
    tracking: WandbTracking,
    *,
    identity: str,
    name: str,
    job_type: str,
    tags: Sequence[str],
    config: Mapping[str, Any],
    content: str,
    failed: bool = False,
) -> Iterator[Session]:
    """A run of the sweep's group, resumed where it was written before, finished at the end.

    Host name, git state, console, command line, packages and system metrics are not collected:
    the record has what counts of them. `content` is the hash of what is written.
    """
    place = home(sweep_dir).resolve()
    with _environment(
        WANDB_DIR=str(place.parent),
        WANDB_DATA_DIR=str(place),
        WANDB_CACHE_DIR=str(place),
        WANDB_SILENT="true",
    ):
        before = written(sweep_dir, identity)
        run = None
        try:
            run = _init(
                sweep_dir,
                tracking,
                dir=str(place.parent),
                id=identity,
                name=name,
                job_type=job_type,
                tags=list(tags),
                config=dict(config),
            )
            attempt, steps = (before.attempt + 1, before.steps) if before else (1, 0)
            session = Session(run, attempt, steps)
            yield session
            run.finish(exit_code=1 if failed else 0)
        except BaseException:
            if run is not None:
                with contextlib.suppress(Exception):  # what was wrong first is what is told
                    run.finish(exit_code=1)
            _stop_service()
            raise
        if not _kept.get():
            _stop_service()
    for log in Path(run.dir).parent.glob("*.wandb"):
        _make_relative(log, sweep_dir)
    note = Written(content=content, attempt=session.attempt, steps=session.steps)
    store.write_text(_note(sweep_dir, identity), note.model_dump_json() + "\n")


def _make_relative(log: Path, sweep_dir: Path) -> None:
    """As soon as all of the log is on disk; W&B's service writes on after the run has ended."""
    until = time.monotonic() + _WHOLE_AFTER_S
    while True:
        try:
            offline.make_relative(log, sweep_dir)
        except FactError:
            if not _kept.get() or time.monotonic() > until:
                break
            time.sleep(0.005)
        else:
            return
    _stop_service()  # which waits for it
    offline.make_relative(log, sweep_dir)


def _init(sweep_dir: Path, tracking: WandbTracking, **given: Any) -> Any:
    import wandb

    return wandb.init(
        project=tracking.project,
        entity=tracking.entity,
        mode="offline",
        resume="allow",
        group=sweep_dir.name,
        settings=wandb.Settings(
            host="not recorded",
            program="harness",
            console="off",
            disable_git=True,
            save_code=False,
            x_disable_meta=True,
            x_disable_stats=True,
            x_disable_machine_info=True,
            x_save_requirements=False,
            finish_timeout=_FINISH_TIMEOUT_S,
            finish_timeout_raises=True,
        ),
        **given,
    )


@contextlib.contextmanager
def _environment(**variables: str) -> Iterator[None]:
    """W&B reads some folders from nowhere else."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _note(sweep_dir: Path, identity: str) -> Path:
    return home(sweep_dir) / "written" / f"{identity}.json"
