"""InferenceX results (agg_*.json): vllm bench's figures, per GPU and in seconds.

Throughput there is per GPU, ours of the whole deployment. Latencies are those of vLLM's client at
a closed loop, which mean the same as ours. Its cost formula charges the whole GPU to the input and
again to the output; those two must never be added.
"""

from typing import Any

from harness.errors import FactError
from harness.imports.found import Found, Json, Source, figure, given, needed, number, text
from harness.records.imported import Imported

FORMAT = "inferencex"
_KEYS = {
    "hw",
    "tp",
    "conc",
    "model",
    "framework",
    "precision",
    "tput_per_gpu",
    "output_tput_per_gpu",
}
_SECONDS_PER_HOUR = 3600.0
_MEDIANS = {
    "ttft_p50_s": "median_ttft",
    "tpot_p50_s": "median_tpot",
    "itl_p50_s": "median_itl",
    "e2e_p50_s": "median_e2el",
}
_MOST_S = 3600.0


def fits(data: Any) -> bool:
    """Whether this is a result, or a list of them."""
    first = data[0] if isinstance(data, list) and data else data
    return isinstance(first, dict) and first.keys() >= _KEYS


def read(source: Source) -> list[Found]:
    """One measurement per result."""
    data = source.json()
    results = data if isinstance(data, list) else [data]
    for each in results:
        if not isinstance(each, dict) or not each.keys() >= _KEYS:
            lacks = sorted(_KEYS - each.keys()) if isinstance(each, dict) else sorted(_KEYS)
            raise FactError(f"{source.path}: no InferenceX result: {', '.join(lacks)} missing")
    return [_one(each, f"{source.path}[{place}]") for place, each in enumerate(results)]


def usd_per_mtok(usd_per_gpu_hour: float, tok_per_s_per_gpu: float) -> float:
    """InferenceX's own formula: USD per GPU-hour / million tokens that a GPU makes in an hour.

    For output tokens it equals our whole bill over output at full utilisation. For input tokens it
    charges the same GPU a second time.
    """
    return usd_per_gpu_hour / (tok_per_s_per_gpu * _SECONDS_PER_HOUR / 1e6)


def _one(data: Json, where: str) -> Found:
    gpus = int(needed(data, "tp", where))
    concurrency = needed(data, "conc", where)
    output = needed(data, "output_tput_per_gpu", where) * gpus
    total = needed(data, "tput_per_gpu", where) * gpus
    if total < output:
        raise FactError(f"{where}: tput_per_gpu is below output_tput_per_gpu, which it contains")
    medians = {ours: number(data, theirs, where) for ours, theirs in _MEDIANS.items()}
    for ours, value in medians.items():
        if value is not None and value > _MOST_S:
            raise FactError(f"{where}: {_MEDIANS[ours]}: {value:g} s is more than an hour; in ms?")
    lengths = [str(data[key]) for key in ("isl", "osl") if key in data]
    return Found(
        model=text(data, "model", where),
        workload=f"in-{lengths[0]}-out-{lengths[1]}" if len(lengths) == 2 else "random",
        gpu=text(data, "hw", where).upper(),
        imported=Imported(
            level=f"{concurrency:g} in flight",
            concurrency=concurrency,
            gpus=gpus,
            figures=given(
                {"output_tok_per_s": figure(output)}
                | {ours: figure(value) for ours, value in medians.items()}
            ),
            total_tok_per_s=total,
            missing={
                f"{name}_p99_s": "not measured: p99 without a sample size"
                for name in ("ttft", "tpot", "itl", "e2e")
            },
            own={
                key: value
                for key, value in data.items()
                if isinstance(value, int | float) and not isinstance(value, bool)
            },
            conditions=(
                f"{data['framework']}, {data['precision']}; random tokens, end of text ignored",
                "throughput over the whole run, ramp and drain included",
            ),
        ),
        tool="InferenceX",
        tool_version=str(data.get("version") or "unknown"),
        engine=str(data.get("image") or data["framework"]),
        precision=text(data, "precision", where),
        details={key: str(data.get(key)) for key in sorted(_KEYS | {"ep", "isl", "osl", "mtp"})},
    )
