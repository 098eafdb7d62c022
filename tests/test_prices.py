"""harness.prices: a snapshot from a catalog that a server on loopback really serves."""

import datetime as dt
import io
import socket
import sys
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import yaml

from harness.config import load
from harness.config.judge import RentedMachine
from harness.errors import ConfigError, FactError, SetupError
from harness.prices import GPUS, refresh

DAY = dt.date(2026, 11, 25)
HEAD = (
    "instance_name,location,price,cpu,memory,gpu_count,gpu_name,gpu_memory,spot,disk_size,"
    "gpu_vendor,flags,cpu_arch,provider_data"
)
# name, region, USD an hour, GPUs, card, GB, spot
OFFERS = {
    "aws": (
        ("p5.48xlarge", "us-east-1", 55.04, 8, "H100", 80, False),
        ("p5.4xlarge", "us-east-1", 6.88, 1, "H100", 80, False),
        ("p5.4xlarge", "eu-west-1", 7.5, 1, "H100", 80, False),
        ("p5.4xlarge", "us-east-1", 1.0, 1, "H100", 80, True),
        ("p4d", "us-east-1", 1.1, 1, "A100", 40, False),
    ),
    "nebius": (("gpu-h100-sxm", "eu-north1", 2.95, 1, "H100", 80, False),),
    "runpod": (
        ("NVIDIA H100 PCIe", "CA-MTL-1", 1.9, 1, "H100", 80, False),
        ("NVIDIA H100 80GB HBM3", "US-KS-2", 2.69, 1, "H100", 80, False),
        ("free", "US-KS-2", 0.0, 1, "H100", 80, False),
    ),
}


def catalog(provider: str) -> bytes:
    """A provider's zip as the bucket holds it."""
    rows = [HEAD]
    for name, region, usd, count, card, memory, spot in OFFERS[provider]:
        rows.append(f"{name},{region},{usd},8,64,{count},{card},{memory},{spot},,nvidia,,x86,{{}}")
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr(f"{provider}.csv", "\n".join(rows) + "\n")
    return held.getvalue()


class Bucket(BaseHTTPRequestHandler):
    """`/<provider>/version`, then `/<provider>/<version>/catalog.zip`; 404 for other providers."""

    def do_GET(self) -> None:
        _, provider, *rest = self.path.split("/")
        if provider not in OFFERS:
            self.send_error(404)
            return
        body = b"20261125-1" if rest == ["version"] else catalog(provider)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a catalog of three providers."""
    pytest.importorskip("gpuhunt")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Bucket)
    Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("GPUHUNT_CATALOG_URL", address)
    yield address
    server.shutdown()
    server.server_close()


def test_a_snapshot_has_the_cheapest_the_median_and_the_dearest_offer(
    bucket: str, tmp_path: Path
) -> None:
    path = refresh(["h100_sxm"], tmp_path, DAY)

    overrides = [*load.search_path(str(tmp_path)), "pricing=gpuhunt_2026_11_25"]
    pricing = load.judge(overrides).pricing
    # Left: 2.69, 2.95, 6.88, 7.50; spot, PCIe, other counts and a price of 0 are no offers.
    found = pricing.machines["h100_sxm"]
    assert isinstance(found, RentedMachine)
    assert path == tmp_path / "pricing" / "gpuhunt_2026_11_25.yaml"
    assert found.tiers == (2.69, 2.95, 7.5)
    assert found.provider == "runpod (low), nebius (mid), aws (high)"
    assert found.region == "US-KS-2 (low), eu-north1 (mid), eu-west-1 (high)"
    assert found.source.startswith("4 offers of 3 sellers; ")
    assert bucket in found.source
    assert "nebius 20261125-1" in found.source
    assert found.as_of == DAY


def test_a_nodes_price_is_per_gpu(bucket: str, tmp_path: Path) -> None:
    del bucket
    refresh(["h100_sxm_8x"], tmp_path, DAY)

    overrides = [*load.search_path(str(tmp_path)), "pricing=gpuhunt_2026_11_25"]
    assert load.judge(overrides).pricing.machines["h100_sxm_8x"].tiers == (6.88, 6.88, 6.88)


def test_what_nobody_offers_and_who_was_not_reached_is_said_and_gets_no_price(
    bucket: str, tmp_path: Path
) -> None:
    del bucket
    # A 40 GB card is no offer of the one with 80.
    path = refresh(["h100_sxm", "a100_80g"], tmp_path, DAY)

    text = path.read_text("utf-8")
    assert text.startswith("# ")
    assert "# Nobody offered a100_80g" in text
    assert "# Not loaded: azure" in text
    assert list(yaml.safe_load(text)["machines"]) == ["h100_sxm"]


def test_a_snapshot_is_never_overwritten(bucket: str, tmp_path: Path) -> None:
    del bucket
    path = refresh(["h100_sxm"], tmp_path, DAY)
    before = path.read_text("utf-8")

    with pytest.raises(ConfigError, match="never overwritten"):
        refresh(["h100_sxm"], tmp_path, DAY)

    assert path.read_text("utf-8") == before


def test_nothing_offered_writes_no_snapshot(bucket: str, tmp_path: Path) -> None:
    del bucket
    with pytest.raises(FactError, match="no on-demand offer of b200"):
        refresh(["b200"], tmp_path, DAY)

    assert not list(tmp_path.rglob("*.yaml"))


def test_a_catalog_out_of_reach_is_one_line_that_names_its_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("gpuhunt")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: refuses
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
        monkeypatch.setenv("GPUHUNT_CATALOG_URL", address)

        with pytest.raises(SetupError) as caught:
            refresh(["h100_sxm"], tmp_path, DAY)

    assert address in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


def test_without_the_library_the_command_that_installs_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "gpuhunt", None)  # an import of it now fails

    with pytest.raises(SetupError, match=r"pip install '\.\[prices\]'"):
        refresh(["h100_sxm"], tmp_path, DAY)


def test_hardware_that_the_catalog_does_not_know_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no GPU of the catalog is known for abacus; known: rtx"):
        refresh(["abacus"], tmp_path, DAY)


def test_every_gpu_machine_of_conf_is_known() -> None:
    machines = {path.stem for path in (load.CONF_DIR / "hardware").glob("*.yaml")}

    assert set(GPUS) == machines - {"cpu"}
