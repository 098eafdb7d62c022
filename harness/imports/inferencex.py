"""InferenceX results (agg_*.json): vllm bench's figures, per GPU and in seconds.

Throughput there is per GPU, ours of the whole deployment. Of a deployment in two parts its output
is divided by the decoding GPUs alone. Medians are those of vLLM's client in a closed loop, which
mean the same as ours. Shapes by age: without output throughput (to 2025-10), one node, two parts.
Energy is that of the whole deployment only as of version 2 of its power metrics.
"""

from typing import Any

from harness.errors import FactError
from harness.imports.found import (
    Found,
    Json,
    Source,
    figure,
    given,
    load_level,
    needed,
    number,
    percentile,
    text,
)
from harness.records.imported import Imported, ImportedFigure

FORMAT = "inferencex"
_KEYS = {"hw", "conc", "model", "framework", "precision", "tput_per_gpu"}
SIGNS = ", ".join(sorted(_KEYS))
_PARTS = {"num_prefill_gpu", "num_decode_gpu"}
_MEDIANS = {
    "ttft_p50_s": "median_ttft",
    "tpot_p50_s": "median_tpot",
    "itl_p50_s": "median_itl",
    "e2e_p50_s": "median_e2el",
}
_ENERGY = {
    "energy_j_per_output_tok": "joules_per_output_token",
    "energy_j_per_answer": "joules_per_successful_query",
}
_POWER_VERSION = 2
_ROUNDING = 0.02
_TWICE = (
    "InferenceX's own prices charge the whole GPU to the output and again to the input: they must"
    " never be added"
)


def fits(data: Any) -> bool:
    """Whether this is a result, or a list of them."""
    first = data[0] if isinstance(data, list) and data else data
    return isinstance(first, dict) and first.keys() >= _KEYS


def read(source: Source) -> list[Found]:
    """One measurement per result."""
    data = source.json()
    results = data if isinstance(data, list) else [data]
    if not results:
        raise FactError(f"{source.path}: no InferenceX result: the list is empty")
    for each in results:
        if not isinstance(each, dict) or not each.keys() >= _KEYS:
            lacks = sorted(_KEYS - each.keys()) if isinstance(each, dict) else sorted(_KEYS)
            raise FactError(f"{source.path}: no InferenceX result: {', '.join(lacks)} missing")
    return [_one(each, f"{source.path}[{place}]") for place, each in enumerate(results)]


def _one(data: Json, where: str) -> Found:
    gpus, decoding = _gpus(data, where)
    concurrency = needed(data, "conc", where)
    per_gpu = number(data, "output_tput_per_gpu", where, positive=True)
    output = None if per_gpu is None else per_gpu * decoding
    total = needed(data, "tput_per_gpu", where) * gpus
    if output is not None and total < output:
        raise FactError(f"{where}: tput_per_gpu is below output_tput_per_gpu, which it contains")
    medians = {ours: number(data, theirs, where) for ours, theirs in _MEDIANS.items()}
    pace = number(data, "median_intvty", where)
    tpot = medians["tpot_p50_s"]
    if pace and tpot and abs(pace * tpot - 1) > _ROUNDING:
        raise FactError(
            f"{where}: median_tpot {tpot:g} s and median_intvty {pace:g} tokens/s are not each"
            " other's inverse; in ms?"
        )
    found = {ours: percentile(value, 0.5, None, _MEDIANS[ours]) for ours, value in medians.items()}
    energy, no_energy = _energy(data, where)
    missing = {
        f"{name}_p99_s": "not measured: p99 without a sample size"
        for name in ("ttft", "tpot", "itl", "e2e")
    } | no_energy
    missing |= {ours: reason for ours, (_, reason) in found.items() if reason}
    if output is None:
        missing["output_tok_per_s"] = "not measured: the source gives input and output together"
    lengths = [str(data[key]) for key in ("isl", "osl") if key in data]
    return Found(
        model=text(data, "model", where),
        workload=f"in-{lengths[0]}-out-{lengths[1]}" if len(lengths) == 2 else "random",
        gpu=text(data, "hw", where).upper(),
        imported=Imported(
            level=load_level(concurrency, None),
            concurrency=concurrency,
            gpus=gpus,
            figures=given(
                {"output_tok_per_s": figure(output)}
                | {ours: each for ours, (each, _) in found.items()}
                | energy
            ),
            total_tok_per_s=total,
            missing=missing,
            own={
                key: value
                for key, value in data.items()
                if isinstance(value, int | float) and not isinstance(value, bool)
            },
            conditions=(
                f"{data['framework']}, {data['precision']}; random tokens, end of text ignored",
                "throughput over the whole run, ramp and drain included",
                _TWICE
                if decoding == gpus
                else f"{_TWICE}; they charge the output to {decoding} of {gpus} GPUs, here to all",
            ),
        ),
        tool="InferenceX",
        tool_version=str(data.get("version") or "unknown"),
        engine=str(data.get("image") or data["framework"]),
        precision=text(data, "precision", where),
        details={
            key: str(data[key])
            for key in sorted(data)
            if not isinstance(data[key], float | dict) and key not in _ENERGY.values()
        },
    )


def _gpus(data: Json, where: str) -> tuple[int, int]:
    """All GPUs, and those that the output is divided by."""
    if data.keys() >= _PARTS:
        prefill = int(needed(data, "num_prefill_gpu", where, positive=False))
        decode = int(needed(data, "num_decode_gpu", where, positive=False))
        if prefill + decode < 1:
            raise FactError(f"{where}: num_prefill_gpu and num_decode_gpu: no GPU at all")
        return prefill + decode, decode or prefill
    count = int(needed(data, "tp", where))
    for key in ("pp", "pcp_size"):
        count *= int(number(data, key, where, positive=True) or 1)
    return count, count


def _energy(data: Json, where: str) -> tuple[dict[str, ImportedFigure | None], dict[str, str]]:
    """Energy of the whole deployment, or why there is none."""
    if not any(key in data for key in _ENERGY.values()):
        return {}, {}
    version, valid = data.get("power_metric_schema_version"), data.get("power_valid")
    if version != _POWER_VERSION:
        why = (
            f"not measured: the source's power metrics are of version {version}, known is"
            f" {_POWER_VERSION}"
        )
    elif not valid:
        why = "not measured: the source calls its power metrics invalid"
    else:
        found = {
            ours: figure(number(data, key, where, positive=True)) for ours, key in _ENERGY.items()
        }
        return found, {}
    return {}, dict.fromkeys(_ENERGY, why)
