"""Who made a plan: an Ed25519 signature of its digest, so that apply can insist on what the plan job made.

In: a plan and a key. Out: the plan with its signature, or a refusal. Never: makes or stores a key, shows a private one.

Keys are PEM as ``openssl genpkey -algorithm ed25519`` and ``openssl pkey -pubout`` write them, or only the line between
the header and the footer.
"""

import binascii
import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import replace

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_der_public_key

from orgsync.errors import OrgsyncError, PlanRefused
from orgsync.plan import Plan

_FRAME = re.compile(r"-----[A-Z ]+-----")
_AGAIN = "apply a plan that was made where the key is (plans.key in orgsync.yaml)"


def signed(plan: Plan, key: str) -> Plan:
    """``key``: the private one. Raises OrgsyncError, which does not show it."""
    try:
        private = load_der_private_key(_der(key), password=None)
    except (ValueError, TypeError):
        private = None
    if not isinstance(private, Ed25519PrivateKey):
        raise OrgsyncError(
            "the key that plans are signed with cannot be read",
            remedy="make one with: openssl genpkey -algorithm ed25519",
        ) from None
    return replace(plan, signature=b64encode(private.sign(_message(plan))).decode())


def check_signature(plan: Plan, trusted: Sequence[str]) -> None:
    """``trusted``: public keys. Raises PlanRefused."""
    if not plan.signature:
        raise PlanRefused("this plan is not signed, and plans.trusted asks for that", remedy=_AGAIN)
    if not any(_is_by(plan, key) for key in trusted):
        raise PlanRefused("this plan was not signed with any of the keys under plans.trusted", remedy=_AGAIN)


def _is_by(plan: Plan, key: str) -> bool:
    try:
        public = load_der_public_key(_der(key))
        if isinstance(public, Ed25519PublicKey):
            public.verify(b64decode(plan.signature, validate=True), _message(plan))
            return True
    except (InvalidSignature, ValueError, TypeError):
        pass
    return False


def _message(plan: Plan) -> bytes:
    return f"orgsync plan {plan.digest}".encode()


def _der(key: str) -> bytes:
    try:
        return b64decode("".join(_FRAME.sub("", key).split()), validate=True)
    except binascii.Error:
        raise ValueError("not base64") from None
