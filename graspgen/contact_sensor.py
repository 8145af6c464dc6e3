"""MuJoCo's contact sensors in a spec: what touches what, as numbers of fixed size."""

from __future__ import annotations

from enum import IntEnum, IntFlag

import mujoco


class ContactData(IntFlag):
    """Fields of a contact sensor, in the order in which they are reported (`mjtConDataField`)."""

    FOUND = 1
    """Number of contacts that match; 1 number."""
    FORCE = 2
    """Force, 3 numbers; in the world frame when reduced to the net force."""
    DIST = 8
    """Distance, negative inside; 1 number."""


class Reduce(IntEnum):
    """How many contacts become one."""

    NEAREST = 1
    NET_FORCE = 3


def add_contact_sensor(
    spec: mujoco.MjSpec,
    name: str,
    subtree: str,
    body: str | None,
    data: ContactData,
    reduce: Reduce,
    alone: bool = False,
) -> None:
    """Add a sensor of the contacts between the subtree of one body and another (None: anything), reduced to one.

    With `alone` it is the first body without what hangs on it.
    """
    other = {} if body is None else {"reftype": mujoco.mjtObj.mjOBJ_BODY, "refname": body}
    spec.add_sensor(
        name=name,
        type=mujoco.mjtSensor.mjSENS_CONTACT,
        # the body by itself, or with all below it
        objtype=mujoco.mjtObj.mjOBJ_BODY if alone else mujoco.mjtObj.mjOBJ_XBODY,
        objname=subtree,
        intprm=[int(data), int(reduce), 1],
        **other,
    )
