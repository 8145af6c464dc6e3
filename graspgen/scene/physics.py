"""Physics options that scenes settle with.

Contacts are as stiff as the step allows, because MuJoCo's defaults let objects sink into each other; friction is stiffer
than the normal direction (impratio) so that leaning objects do not creep.
"""

from __future__ import annotations

import math

import mujoco

#: Simulated time of one step, s.
TIMESTEP = 0.002
#: Time constant (s) and damping ratio of contacts: the stiffest that is stable, two steps.
SOLREF = (2 * TIMESTEP, 1.0)
#: Ratio of the stiffness of friction to that of the normal direction.
IMPRATIO = 10.0
#: Sliding, torsional and rolling friction all act in every contact: without the last a ball never stops.
CONDIM = 6
INTEGRATOR = mujoco.mjtIntegrator.mjINT_IMPLICITFAST


def apply(spec: mujoco.MjSpec, gravity: float) -> None:
    """Set the options of `spec`; gravity, m/s², points along −z.

    A simulation that diverges is left as it is, so that it can be seen, instead of being reset.
    """
    option = spec.option
    option.timestep = TIMESTEP
    option.integrator = INTEGRATOR
    option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    option.impratio = IMPRATIO
    option.gravity = [0.0, 0.0, -gravity]
    option.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_AUTORESET)


def shared_friction(a: float, b: float) -> float:
    """Sliding friction between an object and the table: the geometric mean of both.

    Changing either surface changes the contact, which MuJoCo's own rule, the larger of the two, does not promise.
    """
    return math.sqrt(a * b)
