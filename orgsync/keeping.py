"""Files of the user's that can be made again.

In: bytes. Out: a file, whole or as it was. Never: fails; lets anybody else read it.
"""

from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile


def keep(path: Path, content: bytes) -> None:
    """Who writes last wins, and whoever reads sees one whole file: it is replaced, never changed."""
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=path.parent, prefix=".new-", delete=False) as file:
            try:
                file.write(content)
                file.close()
                Path(file.name).replace(path)
            except OSError:
                Path(file.name).unlink(missing_ok=True)
