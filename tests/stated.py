"""Settings as the pipeline uses them, of what orgsync.yaml would state."""

from collections.abc import Mapping
from typing import Any

from orgsync.settings import models, policy_models, values


def policies(stated: Mapping[str, Any]) -> values.Policies:
    return values.policies_of(_written(policy_models.Policies.model_validate(stated)))


def rule(stated: Mapping[str, Any]) -> values.Rule:
    return values.Rule(**_written(policy_models.Rule.model_validate(stated)))


def safety(stated: Mapping[str, Any]) -> values.Safety:
    return values.safety_of(_written(models.Safety.model_validate(stated)))


def target(stated: Mapping[str, Any]) -> values.TargetSettings:
    return values.target_of(_written(models.TargetSettings.model_validate(stated)))


def _written(model: Any) -> dict[str, Any]:
    return dict(model.model_dump(mode="json", by_alias=True))
