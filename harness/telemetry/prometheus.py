"""The server's own counters, from its Prometheus page."""

import httpx
from prometheus_client.parser import text_string_to_metric_families

WANTED = (
    "vllm:prompt_tokens_total",
    "vllm:generation_tokens_total",
    "vllm:prefix_cache_queries_total",
    "vllm:prefix_cache_hits_total",
    "vllm:num_preemptions_total",
    "vllm:num_requests_running",
    "vllm:num_requests_waiting",
    "vllm:kv_cache_usage_perc",
)


def scrape(base_url: str, timeout_s: float = 5.0) -> dict[str, float] | None:
    """The wanted counters, summed over their labels; None when the page is not to be had."""
    try:
        answer = httpx.get(f"{base_url}/metrics", timeout=timeout_s)
        answer.raise_for_status()
        families = list(text_string_to_metric_families(answer.text))
    except (httpx.HTTPError, ValueError):
        return None
    values: dict[str, float] = {}
    for family in families:
        for sample in family.samples:
            if sample.name in WANTED:
                values[sample.name] = values.get(sample.name, 0.0) + sample.value
    return values or None
