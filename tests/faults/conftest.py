"""The oracle's assertions say what differs."""

import pytest

pytest.register_assert_rewrite("oracle")
