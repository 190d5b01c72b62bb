"""References to the environment or the keyring, which stand in the settings wherever a secret would.

In: texts as orgsync.yaml has them. Out: whether a secret stands in them, and what they are with each reference
replaced. Never: repeats a value, in an error or anywhere else.
"""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote

from orgsync.errors import OrgsyncError

REFERENCE = re.compile(r"\$\{(?:env:([A-Za-z_][A-Za-z0-9_]*)|keyring:([\w.-]+)/([\w.@+-]+))\}", re.ASCII)
"""``${env:CRM_TOKEN}``, or ``${keyring:service/user}``."""
from_keyring: set[str] = set()
"""What was looked up, so that whoever prints can take it out."""
_MARK = "\0"  # stands for a reference; no YAML text can hold it
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_WEB = frozenset({"http", "https"})
_SECRET_NAME = re.compile(
    r"(secret|token|password|passwd|passphrase|pwd|credentials?|(api|private|access|secret)[_-]?key)$", re.IGNORECASE
)


def is_reference(text: str) -> bool:
    return REFERENCE.fullmatch(text) is not None


def is_secret_name(name: str) -> bool:
    """``clientSecret`` and ``api_key``, but not ``tokenUrl``."""
    return _SECRET_NAME.search(name) is not None


def is_url(text: str) -> bool:
    """Begins with a scheme, or is a reference to something that does."""
    return is_reference(text) or _SCHEME.match(text) is not None


def holds_secret(url: str) -> bool:
    """A password that is not a reference, before the host or in the query; for the web any literal user, too."""
    marked = REFERENCE.sub(_MARK, url)
    scheme = _SCHEME.match(marked)
    user, password = _user_of(marked, scheme)
    if password not in {"", _MARK}:
        return True
    if user.strip(_MARK) and scheme is not None and scheme[1].lower() in _WEB:
        return True  # https://token@host
    pairs = (pair.partition("=") for pair in re.split(r"[?&;#]", marked)[1:])
    return any(is_secret_name(name) and value not in {"", _MARK} for name, _, value in pairs)


def _user_of(url: str, scheme: re.Match[str] | None) -> tuple[str, str]:
    """(user, password); a database's password may hold a slash, so there it reaches up to the last @."""
    rest = url[scheme.end() :] if scheme is not None else url
    if scheme is not None and scheme[1].lower() in _WEB:
        rest = re.split(r"[/?#]", rest, maxsplit=1)[0]
    before, at, _ = rest.rpartition("@")
    user, _, password = before.partition(":")
    return (user, password) if at and "/" not in user else ("", "")


def require(texts: Iterable[str], environment: Mapping[str, str]) -> None:
    """Raises OrgsyncError that names every variable that is missing: nobody wants to learn of them one by one."""
    named = dict.fromkeys(found[1] for text in texts for found in REFERENCE.finditer(text) if found[1])
    missing = [name for name in named if name not in environment]
    if len(missing) > 1:
        names = ", ".join(missing)
        raise OrgsyncError(
            f"environment variables are not set: {names}", remedy=f"set {names}; orgsync.yaml refers to them"
        )


def expand(text: str, environment: Mapping[str, str]) -> str:
    """``text`` with each reference replaced. Raises OrgsyncError that names the missing variable, never a value."""
    return REFERENCE.sub(lambda found: _value(found, environment), text)


def expand_url(url: str, environment: Mapping[str, str]) -> str:
    """As ``expand``, and what is put before the host or into the query is quoted: the variable holds the plain value.

    Unquoted, a password with an @ would end up in the name of the host, which plans and errors show.
    """
    if is_reference(url):
        return expand(url, environment)
    query = url.find("?") if "?" in url else len(url)
    host = url.rfind("@", 0, query)

    def replaced(found: re.Match[str]) -> str:
        value = _value(found, environment)
        return quote(value, safe="") if found.start() < host or found.start() > query else value

    return REFERENCE.sub(replaced, url)


def is_set(reference: str, environment: Mapping[str, str]) -> bool:
    found = REFERENCE.fullmatch(reference)
    return found is not None and (found[1] is None or bool(environment.get(found[1])))


def _value(found: re.Match[str], environment: Mapping[str, str]) -> str:
    name, service, user = found.groups()
    if name is None:
        return _from_keyring(service, user)
    if name not in environment:
        raise OrgsyncError(
            f"the environment variable {name} is not set", remedy=f"set {name}; orgsync.yaml refers to it"
        )
    return environment[name]


def _from_keyring(service: str, user: str) -> str:
    try:
        import keyring  # noqa: PLC0415
    except ImportError:
        raise OrgsyncError("the keyring cannot be used", remedy="pip install 'orgsync[keyring]'") from None
    try:
        value = keyring.get_password(service, user)
    except keyring.errors.KeyringError as error:
        raise OrgsyncError(
            f"the keyring cannot be used: {type(error).__name__}", remedy="keyring diagnose says what is there"
        ) from None
    if value is None:
        raise OrgsyncError(f"the keyring has nothing for {service}/{user}", remedy=f"keyring set {service} {user}")
    from_keyring.add(value)
    return value


def sqlite_file(url: str) -> str | None:
    """The path in the URL of a SQLite file that is written so plainly that no library is needed to understand it."""
    found = _SQLITE_FILE.fullmatch(url)
    return None if found is None else found[1]


_SQLITE_FILE = re.compile(r"sqlite:///([A-Za-z0-9_./-]+)")
