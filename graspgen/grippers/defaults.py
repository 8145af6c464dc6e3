"""Defaults of a hand's MJCF are its own: what is added to its model later must not take them over.

`<default><mesh scale="0.001 …"/></default>` would shrink the object that is put in front of the hand, a default margin
would let it float, a default material paint it.
"""

from __future__ import annotations

import mujoco
import numpy as np

_KINDS = ("actuator", "camera", "equality", "geom", "joint", "light", "material", "mesh", "pair", "site", "tendon")
#: What is no setting of an element.
_OTHER = frozenset({"classname", "compiler", "frame", "id", "info", "name", "parent", "plugin", "signature"})


def forget_defaults(spec: mujoco.MjSpec) -> mujoco.MjSpec:
    """Set the main default class of a model to MuJoCo's own, and return the model.

    Elements that are there keep what they have: defaults are applied as they are read. Nested classes count for what is
    below a body that names them, which is the hand itself.
    """
    plain = mujoco.MjSpec().default
    for kind in _KINDS:
        own, factory = getattr(spec.default, kind), getattr(plain, kind)
        for name in dir(factory):
            value = None if name.startswith("_") or name in _OTHER else getattr(factory, name)
            if name == "alt":
                own.alt.type = factory.alt.type
            elif isinstance(value, np.ndarray):
                getattr(own, name)[...] = value
            elif value is not None and getattr(getattr(type(own), name), "fset", None) is not None:
                setattr(own, name, value)
    return spec
