"""Errors that a user can mend.

Every error that bad input can cause is a `GraspgenError` whose message is one line: what is wrong, where, and how to
mend it. The command line prints that line and exits with a non-zero status; a traceback is always a defect of graspgen.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class GraspgenError(Exception):
    """Base of all errors that graspgen raises on purpose."""


class RecipeError(GraspgenError, ValueError):
    """A recipe, an override or a distribution is not valid."""


class ObjectError(GraspgenError, ValueError):
    """A mesh, an asset or an object library cannot be used."""


class GripperError(GraspgenError, ValueError):
    """A gripper's model or its YAML cannot be used."""


class SceneError(GraspgenError, RuntimeError):
    """A scene could not be built or did not come to rest."""


class RenderError(GraspgenError, RuntimeError):
    """No image could be rendered."""


class DatasetError(GraspgenError, RuntimeError):
    """A dataset cannot be read or written."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" for the known name closest to `name`, else the list of known names."""
    known = sorted(str(k) for k in known)
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f"; known: {', '.join(known)}" if known else ""
