from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.config.run import WandbTracking
from harness.track import session

AUTO = WandbTracking(kind="wandb", project="p")


def test_without_a_key_nothing_is_sent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
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
