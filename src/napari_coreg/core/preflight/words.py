"""Amounts as people say them."""

from __future__ import annotations

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0


def amount(value: float) -> str:
    """Return a number of three digits that count, without an exponent where it is not huge.

    Examples
    --------
    >>> amount(206_923.4), amount(1.2345)
    ('207,000', '1.23')
    """
    return f"{float(f'{value:.3g}'):,.9g}"


def duration(seconds: float) -> str:
    """Return a rounded duration.

    Examples
    --------
    >>> duration(0.24), duration(42.4), duration(290), duration(9000), duration(1e6)
    ('1 s', '42 s', '5 min', '2.5 h', '12 days')
    """
    for unit, name in ((DAY, "days"), (HOUR, "h"), (MINUTE, "min")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.{1 if unit == HOUR else 0}f} {name}"
    return f"{max(1, round(seconds))} s"


def memory(number_of_bytes: float) -> str:
    """Return a rounded amount of memory.

    Examples
    --------
    >>> memory(83e6), memory(2.61e9)
    ('83 MB', '2.6 GB')
    """
    return f"{number_of_bytes / 1e9:.1f} GB" if number_of_bytes >= 1e9 else f"{number_of_bytes / 1e6:.0f} MB"
