"""The cell id: a hash of what can change a measurement, and of nothing else."""

import hashlib
import json
from typing import Any

from pydantic import BaseModel

from harness.config.run import RunConfig


def measured(config: BaseModel) -> dict[str, Any]:
    """The configuration without its labels (see `harness.fields.label`)."""
    kept: dict[str, Any] = {}
    for name, info in type(config).model_fields.items():
        extra = info.json_schema_extra
        if isinstance(extra, dict) and extra.get("identity") is False:
            continue
        kept[name] = _plain(getattr(config, name))
    return kept


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return measured(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def cell_id(config: RunConfig) -> str:
    """`<model>-<workload>-<12 hex digits>`: readable, and equal on any machine."""
    canonical = json.dumps(measured(config), sort_keys=True, ensure_ascii=False, default=str)
    digest = hashlib.sha256(canonical.encode()).hexdigest()[:12]
    workload = config.workload.name if config.workload.kind == "load" else "noload"
    return f"{config.model.name}-{workload}-{digest}"
