"""What every typed record shares: strictness, sourced values, labels outside the cell id."""

import datetime as dt
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T")


class Frozen(BaseModel):
    """Immutable, strict, no unknown keys, no NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def label(default: Any = ..., **kwargs: Any) -> Any:
    """A field that describes a measurement but cannot change it, so it stays out of the cell id."""
    return Field(default, json_schema_extra={"identity": False}, **kwargs)


class Sourced(Frozen, Generic[T]):
    """A value that came from somewhere: where, and on which day it was read."""

    value: T
    source: str = Field(min_length=4, description="Address, document or model card")
    as_of: dt.date = Field(description="Day on which the source was read")
