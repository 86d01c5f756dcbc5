"""Plain data as JSON that every reader of JSON can read: no NaN, no infinity."""

from __future__ import annotations

import json
import math
from typing import Any


def to_json(value: Any) -> str:
    """Return plain data as indented JSON; NaN and infinity, which JSON has not, become null.

    Examples
    --------
    >>> print(to_json({"a": float("nan")}), end="")
    {
      "a": null
    }
    """
    return json.dumps(_finite(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
