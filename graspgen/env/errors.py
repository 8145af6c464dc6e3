"""Errors of the environments that a user can mend."""

from __future__ import annotations

from graspgen.errors import GraspgenError


class EnvError(GraspgenError, ValueError):
    """An environment was asked for something that it does not offer."""
