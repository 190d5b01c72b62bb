"""Runs in the provider's environment: are these request bodies what the standard allows?

In: JSON on standard input, a list of [method, path, body]. Out: a line per fault, and an exit code.
"""

import json
import sys
from typing import Any

from scim2_models import (  # type: ignore[import-not-found]  # only in the provider's environment
    BulkRequest,
    Context,
    EnterpriseUser,
    Group,
    PatchOp,
    User,
)

Person = User[EnterpriseUser]


def check(method: str, path: str, body: Any) -> None:
    endpoint = path.rstrip("/").partition("/v2/")[2].partition("/")[0]
    if endpoint == "Bulk":
        BulkRequest[Person | Group].model_validate(body, scim_ctx=Context.BULK_REQUEST)
        for one in body["Operations"]:
            if "data" in one:
                check(one["method"], f"/v2{one['path']}", one["data"])
        return
    model = {"Users": Person, "Groups": Group}[endpoint]
    if method == "PATCH":
        PatchOp[model].model_validate(body, scim_ctx=Context.RESOURCE_PATCH_REQUEST)
    else:
        model.model_validate(body, scim_ctx=Context.RESOURCE_CREATION_REQUEST)


def main() -> int:
    faults = 0
    for method, path, body in json.load(sys.stdin):
        try:
            check(method, path, body)
        except Exception as error:  # noqa: BLE001  (whatever is wrong is to be told)
            faults += 1
            sys.stdout.write(f"{method} {path}: {error}\n{json.dumps(body)}\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
