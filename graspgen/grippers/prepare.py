"""Make the model that is simulated of a gripper's file and its MJCF: the hand alone, with its drive or its lips."""

from __future__ import annotations

from functools import lru_cache

import mujoco
import numpy as np

from graspgen.errors import GripperError, nearest
from graspgen.frames import Array
from graspgen.grippers.drive import add_drive
from graspgen.grippers.fingers import FingersFile, add_servos
from graspgen.grippers.forms import AnyFile
from graspgen.grippers.jaw_file import GripperFile
from graspgen.grippers.mjcf import TURNED, check_size, commanded_ranges, hand_spec
from graspgen.grippers.suction import SuctionFile, add_lips


@lru_cache(maxsize=32)
def prepared_mjcf(file: AnyFile, mjcf: str) -> str:
    """Return the MJCF of the hand alone, with an actuator of its opening, or with its lips.

    Raises:
        GripperError: it does not compile, lacks something that the file names, or does not move as a jaw.
    """
    label = file.model or "the jaw"
    try:
        spec = mujoco.MjSpec.from_string(mjcf)
        model = spec.compile()
    except ValueError as error:
        raise GripperError(f"{label} does not compile: {' '.join(str(error).split())}") from error
    if isinstance(file, SuctionFile):
        known = [e.name for e in spec.bodies]
        if file.base not in known:
            raise GripperError(f"{label} has no body '{file.base}'{nearest(file.base, known)}")
        hand = hand_spec(spec, file.base)
        add_lips(hand, file)
        hand.compile()
        return str(hand.to_xml())
    bodies = (*file.fingers, *(file.tips if isinstance(file, FingersFile) else ()))
    wanted = [
        ("body", spec.bodies, (file.base, *bodies)),
        ("joint", spec.joints, file.joints),
        ("actuator", spec.actuators, (file.actuator,) if file.actuator else ()),
    ]
    for kind, elements, names in wanted:
        known = [e.name for e in elements]
        for name in names:
            if name not in known:
                raise GripperError(f"{label} has no {kind} '{name}'{nearest(name, known)}")
    if file.actuator and not file.turned:
        return mjcf
    try:
        check_size(model)
    except GripperError as error:
        raise GripperError(f"{label}: {error}") from None
    if not file.actuator:
        commanded_ranges(spec, model)
    hand = hand_spec(spec, file.base, file.axes if file.turned else None, own_drive=bool(file.actuator))
    for kind, elements, names in (("body", hand.bodies, bodies), ("joint", hand.joints, file.joints)):
        known = [e.name for e in elements]
        for name in names:
            if name not in known:
                raise GripperError(f"{label}: the {kind} '{name}' is not on the base '{file.base}'")
    if isinstance(file, FingersFile):
        add_servos(hand, file, jaw_base(file)[0])
    elif not file.actuator:
        base, tcp = jaw_base(file)
        add_drive(hand, base, file.fingers, file.joints, tcp, file.stroke, file.max_force, file.closing_speed)
    hand.compile()
    return str(hand.to_xml())


def jaw_base(file: GripperFile | FingersFile) -> tuple[str, Array]:
    """Return the name of the base of a prepared model, and the open hand's tool point in its frame."""
    return (TURNED if file.turned else file.base), file.axes.T @ np.array(file.tcp)
