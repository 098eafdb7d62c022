import contextlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import psutil
import pytest

from harness.config.run import WandbTracking
from harness.track import session
from tests import wandb_file

AUTO = WandbTracking(kind="wandb", project="p")


@pytest.fixture(autouse=True)
def _nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WANDB_API_KEY", "WANDB_BASE_URL", "WANDB_MODE", "WANDB_CONFIG_DIR", "NETRC"):
        monkeypatch.delenv(name, raising=False)


def test_without_a_key_nothing_is_sent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert session.mode(AUTO) == "offline"


def test_a_key_in_environment_or_netrc_means_online(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("WANDB_API_KEY", "k")
    assert session.mode(AUTO) == "online"
    monkeypatch.delenv("WANDB_API_KEY")
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine api.wandb.ai login user password k\n", encoding="utf-8")
    netrc.chmod(0o600)
    assert session.mode(AUTO) == "online"
    assert session.mode(WandbTracking(kind="wandb", project="p", mode="offline")) == "offline"


def test_a_login_of_todays_w_and_b_is_found_and_its_off_switch_obeyed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from wandb.sdk.lib.urls import DEFAULT_BASE_URL

    monkeypatch.setenv("HOME", str(tmp_path))
    netrc, settings = tmp_path / ".netrc", tmp_path / ".config/wandb/settings"
    host = DEFAULT_BASE_URL.removeprefix("https://")
    netrc.write_text(f"machine {host} login user password k\n", encoding="utf-8")
    netrc.chmod(0o600)
    assert session.server() == DEFAULT_BASE_URL
    assert session.mode(AUTO) == "online"
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert session.mode(AUTO) == "offline"
    monkeypatch.delenv("WANDB_MODE")
    settings.parent.mkdir(parents=True)
    settings.write_text("[default]\nbase_url = http://wandb.corp:8080/\n", encoding="utf-8")
    assert session.server() == "http://wandb.corp:8080"
    assert session.mode(AUTO) == "offline"  # the key is of another server


def begun(sweep: Path, name: str) -> AbstractContextManager[session.Session]:
    return session.opened(
        sweep, AUTO, identity=name, name=name, job_type="load", tags=(), config={}, content=name
    )


def test_runs_of_one_service_are_whole_one_after_another(tmp_path: Path) -> None:
    sweep = tmp_path / "unit"
    sweep.mkdir()
    with session.one_service():
        for name in ("a", "b", "c"):
            with begun(sweep, name) as run:
                run.log({"x": 1.0})
            [log] = (sweep / "wandb").glob(f"offline-run-*-{name}/*.wandb")
            kinds = [r.WhichOneof("record_type") for r in wandb_file.records(log)]
            assert kinds[-1] == "exit"
            assert session.is_written(sweep, name, name)


def test_a_service_that_died_costs_one_run(tmp_path: Path) -> None:
    sweep, ended = tmp_path / "unit", []
    sweep.mkdir()
    with session.one_service():
        for name in ("a", "b", "c"):
            with contextlib.suppress(Exception), begun(sweep, name) as run:
                if name == "b":
                    for child in psutil.Process().children():
                        if "wandb" in child.name():
                            child.kill()
                run.log({"x": 1.0})
            ended += [name] if session.is_written(sweep, name, name) else []
    assert ended == ["a", "c"]


def test_a_run_id_is_the_same_for_a_sweep_and_another_in_the_next(tmp_path: Path) -> None:
    first, second = tmp_path / "a" / "demo", tmp_path / "b" / "demo"
    for sweep in (first, second):
        sweep.mkdir(parents=True)
    assert session.run_id(first, "cell") == session.run_id(first, "cell")
    assert session.run_id(first, "cell") != session.run_id(second, "cell")


def test_cells_that_end_at_the_same_time_agree_on_the_mark(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        found = set(pool.map(lambda _: session.run_id(tmp_path, "cell"), range(64)))
    assert len(found) == 1
