"""Consent given in the test's own home: asking for it has tests of its own."""

import os

import pytest

from passerby.node import consent
from passerby.node.home import locate


@pytest.fixture
def consented(surroundings: None) -> None:
    consent.accept(locate(os.environ))
