"""optimum-benchmark: reports of the shape that its report.py of 0.6 writes."""

from pathlib import Path

import pytest

from harness.errors import FactError
from harness.imports import optimum
from tests.imports.given import source, values

REPORT = {
    "config": {"backend": {"name": "pytorch", "model": "openai-community/gpt2"}},
    "report": {
        "prefill": {"latency": {"unit": "s", "mean": 0.05}},
        "decode": {"latency": {"unit": "s", "mean": 1.0},
                   "throughput": {"unit": "tokens/s", "value": 120.0}},
    },
}  # fmt: skip


def test_nothing_that_it_times_in_a_process_ranks_beside_a_server(tmp_path: Path) -> None:
    [each] = optimum.read(source(tmp_path, REPORT))

    assert values(each) == {}
    assert each.imported.own["decode_throughput_value_tokens_per_s"] == 120.0
    assert "without a server" in each.imported.missing["output_tok_per_s"]


def test_a_report_without_a_latency_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FactError, match="no optimum-benchmark report"):
        optimum.read(source(tmp_path, {"report": {"load": {"memory": {}}}}))
