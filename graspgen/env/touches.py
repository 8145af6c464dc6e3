"""Name what a hand touches as its simulation stands."""

from __future__ import annotations

import mujoco
import numpy as np

from graspgen.env.scenes import Place
from graspgen.grasps.scene_stand import HAND
from graspgen.grippers.gripper import Gripper


def between(place: Place, gripper: Gripper) -> list[int]:
    """Return the instance ids of the objects that both fingers, or two links of a hand, touch, in order."""
    model, contact = place.sim.model, place.sim.data.contact
    bodies = model.geom_bodyid[contact.geom[contact.dist < 0]]
    instance, touched = place.scene.instance, []
    for name in gripper.file.fingers:
        own = np.isin(bodies, _below(model, model.body(HAND + name).id))
        mine = bodies[own.any(axis=1) & ~own.all(axis=1)]
        touched.append(set(instance[mine].ravel().tolist()) - {0, -1})
    return sorted(k for k in set.union(*touched) if sum(k in t for t in touched) >= 2)


def _below(model: mujoco.MjModel, body: int) -> list[int]:
    """Return a body and all that it carries."""
    found = [body]
    for below in range(body + 1, model.nbody):  # a parent comes before its children
        if model.body_parentid[below] in found:
            found.append(below)
    return found


def deepest(place: Place) -> int | None:
    """Return the instance id of what the hand is deepest in, 0 for the support, None for nothing."""
    contact = place.sim.data.contact
    owner = place.scene.instance[place.sim.model.geom_bodyid[contact.geom]].reshape(-1, 2)
    hand = owner == -1
    mine = np.flatnonzero(hand.any(axis=1) & ~hand.all(axis=1) & (contact.dist < 0))
    if not len(mine):
        return None
    at = mine[np.argmin(contact.dist[mine])]
    return int(owner[at][~hand[at]][0])
