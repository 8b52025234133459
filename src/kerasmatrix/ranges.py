"""Types of values in configuration files, with the range in which they make sense."""

from __future__ import annotations

import datetime
from typing import Annotated

from pydantic import BeforeValidator, Field

__all__ = ["Day", "NotNegative", "Seconds"]

WEEK = 7 * 24 * 3600
FIRST_DAY, LAST_DAY = datetime.date(2015, 1, 1), datetime.date(2099, 12, 31)

# Longer waits make no sense, and clocks of the system overflow much later.
Seconds = Annotated[float, Field(gt=0, le=WEEK, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


def _refuse_number(value: object) -> object:
    """Refuse a number: pydantic would read 20220101 as seconds since 1970."""
    if isinstance(value, int | float):
        raise ValueError("must be a day, written like 2022-01-31")  # noqa: TRY004 - pydantic's way
    return value


# TensorFlow came out in 2015.
Day = Annotated[datetime.date, BeforeValidator(_refuse_number), Field(ge=FIRST_DAY, le=LAST_DAY)]
