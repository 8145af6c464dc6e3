"""Errors of arms that a user can mend."""

from __future__ import annotations

from graspgen.errors import GraspgenError


class ArmError(GraspgenError, ValueError):
    """An arm's model or its YAML cannot be used, or it cannot do what it was told to."""
