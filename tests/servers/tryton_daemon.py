"""trytond as it is, but for one thing: checking a password costs next to nothing.

Run by the Python of Tryton's own environment. Every plan, apply and look of a test logs in anew, and by default each
login keeps a core busy for a fifth of a second, on purpose.
"""

import sys
from functools import partial

from pwdlib.hashers import argon2

argon2.Argon2Hasher = partial(argon2.Argon2Hasher, time_cost=1, memory_cost=8, parallelism=1)

from trytond.cli import main  # noqa: E402  (it looks for the hasher while it is imported)

if __name__ == "__main__":
    sys.exit(main())
