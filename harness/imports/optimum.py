"""optimum-benchmark reports (benchmark_report.json, benchmark.json): one process, no server.

Prefill and decode are timed apart in one fixed batch, so nothing there means what a served
throughput or latency means: all figures are kept under their own names.
"""

from typing import Any

from harness.errors import FactError
from harness.imports.found import Found, Json, Source, number
from harness.records.imported import Imported

FORMAT = "optimum-benchmark"
_STAGES = ("prefill", "decode", "per_token", "forward", "generate")
SIGNS = f"latency of {' or '.join(_STAGES)}"
_IN_PROCESS = "not measured: the source times one batch inside a process, without a server"


def fits(data: Any) -> bool:
    """Whether this is a report, alone or beside its configuration."""
    report = data.get("report") if isinstance(data, dict) and "report" in data else data
    return isinstance(report, dict) and any(
        isinstance(report.get(stage), dict) and "latency" in report[stage] for stage in _STAGES
    )


def read(source: Source) -> list[Found]:
    """One measurement per report."""
    data = source.json()
    where = str(source.path)
    if not fits(data):
        raise FactError(f"{where}: no optimum-benchmark report: {SIGNS} needed")
    report: Json = data.get("report") or data
    backend: Json = ((data.get("config") or {}).get("backend")) or {}
    own: dict[str, float | str] = {}
    for stage in _STAGES:
        part = report.get(stage) or {}
        for name, keys in (("latency", ("mean", "p50", "p99")), ("throughput", ("value",))):
            table = part.get(name) or {}
            unit = str(table.get("unit") or "")
            for key in keys:
                value = number(table, key, f"{where}: {stage}.{name}")
                if value is not None:
                    own[f"{stage}_{name}_{key}_{unit.replace('/', '_per_')}".rstrip("_")] = value
    if not own:
        raise FactError(f"{where}: no figure in {', '.join(_STAGES)}")
    return [
        Found(
            model=backend.get("model"),
            workload="one-batch",
            gpu=None,
            imported=Imported(
                level="one batch",
                figures={},
                missing={"output_tok_per_s": _IN_PROCESS, "ttft_p50_s": _IN_PROCESS},
                own=own,
                conditions=("one process, one fixed batch, no server",),
            ),
            tool="optimum-benchmark",
            tool_version=_version(data),
            engine=backend.get("name"),
            precision=str(backend.get("torch_dtype") or "unknown"),
        )
    ]


def _version(data: Json) -> str:
    environment = (data.get("config") or {}).get("environment") or {}
    return str(environment.get("optimum_benchmark_version") or "unknown")
