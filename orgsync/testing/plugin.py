"""The pytest plugin: asserts of the kit explain themselves as those of a test file do."""

import pytest

pytest.register_assert_rewrite("orgsync.testing")
