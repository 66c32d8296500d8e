"""The stand-in under test."""

from Testing.harness.fixtures import *  # noqa: F403
