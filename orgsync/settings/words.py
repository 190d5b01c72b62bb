"""What all settings are made of: the model that refuses what it does not know, and a number of days."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

_DAYS = r"^[1-9][0-9]{0,3}d$"


def _days(value: object) -> timedelta:
    if isinstance(value, str) and re.fullmatch(_DAYS, value):
        return timedelta(days=int(value[:-1]))
    raise PydanticCustomError("bad-period", "days")


Days = Annotated[
    timedelta,
    BeforeValidator(_days),
    PlainSerializer(lambda value: f"{value.days}d", return_type=str),
    WithJsonSchema({"type": "string", "pattern": _DAYS}),
]


class Model(BaseModel):
    model_config = ConfigDict(
        defer_build=True,  # all models are built together when the settings are read, not one by one and then again
        extra="forbid",
        frozen=True,
        alias_generator=lambda name: re.sub(r"_(\w)", lambda found: found[1].upper(), name),
        hide_input_in_errors=True,
    )
