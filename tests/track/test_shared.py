import json
from pathlib import Path

import pytest

from harness.track import shared
from tests.builders import cell
from tests.track.conftest import HOST, SECRET, Tracked, measured_cell


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("weights in /data/models/tiny are short", "weights in <path>/tiny are short"),
        ("/home/somebody has no space", "<path> has no space"),
        ("see https://example.org/a/b/c and Qwen/Qwen3-8B, 3/4", None),
        ("$HARNESS_CACHE/models/ab and ~/x and <path>/y", None),
        ("hf_abcdefghijklmnopqrst was refused", "<secret> was refused"),
        ("Authorization: Bearer abcdef.123456", "Authorization: <secret>"),
        ("via https://me:pass@proxy.org:80/x", "via https://<secret>@proxy.org:80/x"),
    ],
)
def test_paths_and_tokens_go_and_addresses_stay(given: str, shown: str | None) -> None:
    assert shared.text(given) == (given if shown is None else shown)


def test_a_secret_of_the_environment_is_masked_wherever_it_stands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MY_API_KEY", "swordfish-1234")
    assert shared.text("401 for key swordfish-1234") == "401 for key <secret>"


def test_the_value_of_a_flag_for_a_secret_is_masked() -> None:
    argv = ["vllm", "--api-key", "abc", "--hf-token=def", "--max-num-batched-tokens", "512"]
    assert shared.plain(argv) == [
        "vllm", "--api-key", "<secret>", "--hf-token=<secret>", "--max-num-batched-tokens", "512",
    ]  # fmt: skip


def test_an_endpoints_address_is_not_told_in_settings_or_record() -> None:
    address = "http://gpu-7.internal:8000"
    one = cell(
        config={"engine": {"kind": "endpoint", "base_url": address, "served_model": "m"}},
        server={"argv": [address]},
    )
    assert shared.config(one)["engine"]["base_url"] == "not recorded"
    assert "gpu-7" not in json.dumps(shared.record(one))


def test_why_an_endpoints_cell_failed_does_not_name_its_host() -> None:
    address = "http://gpu-7.internal:8000"
    one = cell(config={"engine": {"kind": "endpoint", "base_url": address, "served_model": "m"}})
    said = f"engine.base_url={address} does not answer: no route to GPU-7.internal, as gpu-77"

    assert shared.told({"why": [said]}, [one]) == {
        "why": ["engine.base_url=not recorded does not answer: no route to not recorded, as gpu-77"]
    }


def test_the_shared_record_is_the_record_but_for_what_is_of_the_machine(tmp_path: Path) -> None:
    one = measured_cell(tmp_path)
    found = shared.record(one)

    assert found["levels"] == one.model_dump(mode="json")["levels"]
    assert found["config"]["engine"]["env"] == {"VLLM_CACHE": "set"}
    assert found["config"]["model"]["source"]["path"] == "<path>/tiny"
    assert not {"results_dir", "tracking", "report"} & set(found["config"])


def test_no_secret_host_or_path_is_sent_to_the_server(tracked: Tracked) -> None:
    sent = b"\n".join([*tracked.sent.bodies, *tracked.sent.uploads.values()])

    assert b"tiny" in sent
    for private in (SECRET, HOST, str(tracked.home), str(Path.cwd())):
        assert private.encode() not in sent, private


def test_what_lies_offline_names_its_files_from_the_sweeps_folder_and_nothing_else(
    tracked: Tracked,
) -> None:
    for path in (tracked.folder / "wandb").glob("offline-run-*/*.wandb"):
        content = path.read_bytes()
        for private in (SECRET, HOST, str(tracked.home), str(Path.cwd())):
            assert private.encode() not in content, private
    for artifact in (
        a for runs in tracked.runs.values() for r in runs for a in r.artifacts.values()
    ):
        for item in artifact.manifest.contents:
            assert (tracked.folder / item.local_path).is_file()
