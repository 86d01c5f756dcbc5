"""The base of all settings: values that are compared by content and never changed."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class FrozenModel(BaseModel):
    """A value: compared by content, never changed in place, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")
