"""The server's own counters, from its Prometheus page."""

import math
from collections.abc import Callable, Sequence
from statistics import fmean

import httpx
from prometheus_client.parser import text_string_to_metric_families

PROMPT_TOKENS = "vllm:prompt_tokens_total"
OUTPUT_TOKENS = "vllm:generation_tokens_total"
CACHE_QUERIES = "vllm:prefix_cache_queries_total"  # in tokens
CACHE_HITS = "vllm:prefix_cache_hits_total"
PREEMPTIONS = "vllm:num_preemptions_total"
RUNNING = "vllm:num_requests_running"
WAITING = "vllm:num_requests_waiting"
CACHE_USAGE = "vllm:kv_cache_usage_perc"  # a share from 0 to 1, despite its name
FLOPS_PER_GPU = "vllm:estimated_flops_per_gpu_total"
READ_BYTES_PER_GPU = "vllm:estimated_read_bytes_per_gpu_total"
WRITE_BYTES_PER_GPU = "vllm:estimated_write_bytes_per_gpu_total"

WANTED: dict[str, Callable[[Sequence[float]], float]] = {
    PROMPT_TOKENS: sum,
    OUTPUT_TOKENS: sum,
    CACHE_QUERIES: sum,
    CACHE_HITS: sum,
    PREEMPTIONS: sum,
    RUNNING: sum,
    WAITING: sum,
    CACHE_USAGE: max,
    FLOPS_PER_GPU: fmean,
    READ_BYTES_PER_GPU: fmean,
    WRITE_BYTES_PER_GPU: fmean,
}
"""Name to how one figure is made of several engines' (data parallel: one sample an engine).

Counts add up. The fullest cache is the one that matters. Estimates are per GPU of an engine, and
each engine has as many GPUs, so their mean is per GPU of the server.
"""


def parse(text: str) -> dict[str, float] | None:
    """The wanted figures of a page, one each; None when it has none or is broken."""
    # The page has a thousand lines of histograms, and parsing them costs the client its CPU.
    lines = [line for line in text.splitlines() if line.startswith(tuple(WANTED))]
    found: dict[str, list[float]] = {}
    try:
        for family in text_string_to_metric_families("".join(f"{line}\n" for line in lines)):
            for sample in family.samples:
                if sample.name in WANTED and math.isfinite(sample.value):
                    found.setdefault(sample.name, []).append(sample.value)
    except (ValueError, IndexError):  # the parser's own on a line cut in the wrong place
        return None
    return {name: float(WANTED[name](values)) for name, values in found.items()} or None


class Page:
    """The Prometheus page of one server; close it when done."""

    def __init__(self, base_url: str, timeout_s: float = 5.0) -> None:
        self._url = f"{base_url}/metrics"
        self._client = httpx.Client(timeout=timeout_s)

    def read(self) -> dict[str, float] | None:
        """The wanted figures now; None when the page is not to be had."""
        try:
            return parse(self._client.get(self._url).raise_for_status().text)
        except httpx.HTTPError:
            return None

    def close(self) -> None:
        """End the connection."""
        self._client.close()
