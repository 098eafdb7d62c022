"""harness.telemetry.prometheus: the server's own figures, or None."""

import importlib.util
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.telemetry.prometheus import WANTED, Page, parse
from tests.telemetry.conftest import ServePage

# Two engines (data parallel), one GPU each, as vLLM 0.32 writes them.
TWO_ENGINES = """\
# HELP vllm:prompt_tokens_total Number of prefill tokens processed.
# TYPE vllm:prompt_tokens_total counter
vllm:prompt_tokens_total{engine="0",model_name="m"} 100.0
vllm:prompt_tokens_total{engine="1",model_name="m"} 23.0
# TYPE vllm:prompt_tokens_by_source_total counter
vllm:prompt_tokens_by_source_total{engine="0",model_name="m",source="local_compute"} 100.0
# TYPE vllm:generation_tokens_total counter
vllm:generation_tokens_total{engine="0",model_name="m"} 7.0
vllm:generation_tokens_total{engine="1",model_name="m"} 5.0
# TYPE vllm:generation_tokens_created gauge
vllm:generation_tokens_created{engine="0",model_name="m"} 1.7e+09
# TYPE vllm:prefix_cache_queries_total counter
vllm:prefix_cache_queries_total{engine="0",model_name="m"} 100.0
vllm:prefix_cache_queries_total{engine="1",model_name="m"} 23.0
# TYPE vllm:prefix_cache_hits_total counter
vllm:prefix_cache_hits_total{engine="0",model_name="m"} 16.0
vllm:prefix_cache_hits_total{engine="1",model_name="m"} 0.0
# TYPE vllm:num_preemptions_total counter
vllm:num_preemptions_total{engine="0",model_name="m"} 0.0
vllm:num_preemptions_total{engine="1",model_name="m"} 2.0
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="m"} 3.0
vllm:num_requests_running{engine="1",model_name="m"} 4.0
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{engine="0",model_name="m"} 0.0
vllm:num_requests_waiting{engine="1",model_name="m"} 1.0
# TYPE vllm:num_requests_waiting_by_reason gauge
vllm:num_requests_waiting_by_reason{engine="1",model_name="m",reason="capacity"} 1.0
# TYPE vllm:kv_cache_usage_perc gauge
vllm:kv_cache_usage_perc{engine="0",model_name="m"} 0.75
vllm:kv_cache_usage_perc{engine="1",model_name="m"} 0.5
# TYPE vllm:estimated_flops_per_gpu_total counter
vllm:estimated_flops_per_gpu_total{engine="0",model_name="m"} 3e+15
vllm:estimated_flops_per_gpu_total{engine="1",model_name="m"} 1e+15
# TYPE vllm:estimated_read_bytes_per_gpu_total counter
vllm:estimated_read_bytes_per_gpu_total{engine="0",model_name="m"} 4e+12
vllm:estimated_read_bytes_per_gpu_total{engine="1",model_name="m"} 6e+12
# TYPE vllm:estimated_write_bytes_per_gpu_total counter
vllm:estimated_write_bytes_per_gpu_total{engine="0",model_name="m"} 2e+11
vllm:estimated_write_bytes_per_gpu_total{engine="1",model_name="m"} 4e+11
# TYPE python_gc_objects_collected_total counter
python_gc_objects_collected_total{generation="0"} 5.0
"""
TOGETHER = {
    "vllm:prompt_tokens_total": 123.0,
    "vllm:generation_tokens_total": 12.0,
    "vllm:prefix_cache_queries_total": 123.0,
    "vllm:prefix_cache_hits_total": 16.0,
    "vllm:num_preemptions_total": 2.0,
    "vllm:num_requests_running": 7.0,
    "vllm:num_requests_waiting": 1.0,
    "vllm:kv_cache_usage_perc": 0.75,  # the fuller one: 1.25 full is no state of a cache
    "vllm:estimated_flops_per_gpu_total": 2e15,  # per GPU: the mean of two engines, not 4e15
    "vllm:estimated_read_bytes_per_gpu_total": 5e12,
    "vllm:estimated_write_bytes_per_gpu_total": 3e11,
}


def test_counts_of_several_engines_add_up_shares_do_not_and_nothing_else_is_kept() -> None:
    assert parse(TWO_ENGINES) == TOGETHER


def test_a_figure_that_is_missing_stays_missing_and_zero_stays_zero() -> None:
    page = 'vllm:num_requests_running{engine="0"} 0.0\nvllm:kv_cache_usage_perc NaN\n'

    assert parse(page) == {"vllm:num_requests_running": 0.0}


def test_every_name_is_one_that_the_installed_vllm_writes() -> None:
    found = importlib.util.find_spec("vllm")
    if not found or not found.origin:
        pytest.skip("vLLM is not installed")
    folder = Path(found.origin).parent / "v1" / "metrics"
    source = (folder / "loggers.py").read_text() + (folder / "perf.py").read_text()

    for name in WANTED:
        assert f'"{name}"' in source or f'"{name.removesuffix("_total")}"' in source, name


def test_a_page_is_read_over_http_as_often_as_asked(serve_page: ServePage) -> None:
    with serve_page(TWO_ENGINES) as url:
        page = Page(url)
        found = [page.read(), page.read()]
        page.close()

    assert found == [TOGETHER, TOGETHER]


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (TWO_ENGINES, 500),
        (TWO_ENGINES, 404),
        ("", 200),
        ("<html>login</html>", 200),
        ('vllm:prompt_tokens_total{engine="0" 1\n', 200),
        ("vllm:prompt_tokens_total{ ,  = }  \n", 200),
        ("vllm:prompt_tokens_total many\n", 200),
    ],
    ids=["error", "no page", "empty", "html", "broken label", "no label", "no number"],
)
def test_a_page_that_is_none_gives_none_and_not_zeros(
    serve_page: ServePage, text: str, status: int
) -> None:
    with serve_page(text, status) as url:
        assert Page(url).read() is None


def test_nobody_there_gives_none() -> None:
    assert Page("http://127.0.0.1:9", timeout_s=1.0).read() is None


@settings(deadline=None)
@given(cut=st.integers(0, len(TWO_ENGINES)), noise=st.text(alphabet='{}",= \n0a', max_size=5))
def test_a_page_that_is_cut_or_garbled_never_raises(cut: int, noise: str) -> None:
    found = parse(TWO_ENGINES[:cut] + noise + TWO_ENGINES[cut + 3 :])

    assert found is None or set(found) <= set(WANTED)
