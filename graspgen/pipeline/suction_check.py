"""`graspgen grippers check` of a suction gripper: its lips against closed forms, and its seal on reference surfaces."""

from __future__ import annotations

from dataclasses import dataclass, field

import mujoco
import numpy as np
from numpy.typing import NDArray

from graspgen.frames import Array, inverse, pose, pose_to_qpos
from graspgen.grasps.course import TOUCH
from graspgen.grasps.profile import Profile, load_profile
from graspgen.grasps.seal import cup_seal
from graspgen.grasps.suction_candidates import suction_file
from graspgen.grasps.suction_trial import conformed_lips, suction_model
from graspgen.grasps.suction_wrench import resisted
from graspgen.grippers.gripper import Gripper
from graspgen.grippers.suction import SuctionFile, segment_names
from graspgen.objects.asset import Asset, Mesh, Part
from graspgen.primitive_mesh import primitive_mesh
from graspgen.raycast import RayCaster

#: Friction of the tests of a load across the approach.
FRICTION = 0.6
#: Mass of the plate that is pulled, kg, and the time in which the load grows to `MOST` times what should lift it, s.
MASS, RAMP, MOST = 0.2, 1.0, 1.3
#: How far pull and shear may be off their closed forms, and the moment above its own. Of that, eight segments may bear
#: 8 % more than a ring; that a lip holds until it has lifted by `LEAK_GAP` adds 6 %, and the time in which the load
#: grows 5 % (both measured with smaller gaps and slower loads).
OFF, MOMENT_OFF = 0.05, 0.2
#: A pull that is less, over its closed form, is none.
NOTHING = 0.05
#: A plate that moves so fast along the lips slips, m/s.
_SLIPS = 0.01
#: Time for the plate to come to rest under the vacuum, s.
_REST = 0.2


@dataclass
class SuctionReport:
    """What was measured of a suction gripper.

    Attributes:
        name: of the gripper.
        force: ΔP π r² of all cups, N.
        payload: pull at which it lets go of a plate, over `force`.
        shear: load along the plate at which that slips, over μ · `force`.
        moment: tipping moment at which the first part of a lip lifts, over what the statics of the lips give.
        seals: score of a cup by reference surface, and whether it should seal there.
        failures: what is wrong; empty where the gripper is sound.
        notes: what is worth knowing.
    """

    name: str
    force: float = float("nan")
    payload: float = float("nan")
    shear: float = float("nan")
    moment: float = float("nan")
    seals: dict[str, tuple[float, bool]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.failures


def check_suction_gripper(gripper: Gripper, profile: Profile | None = None) -> SuctionReport:
    """Measure a suction gripper: what it bears on a flat plate, and where it seals.

    Args:
        gripper: the gripper.
        profile: how it is simulated; None for `standard`.
    """
    file, rules = suction_file(gripper), profile or load_profile("standard")
    report = SuctionReport(gripper.name, file.max_force)
    plate = _plate(file)
    report.payload = _lets_go(gripper, rules, plate, np.array([0, 0, file.max_force]), np.zeros(3), 10.0)
    shear = np.array([FRICTION * file.max_force, 0, 0])
    report.shear = _lets_go(gripper, rules, plate, shear, np.zeros(3), FRICTION)
    report.moment = _lets_go(gripper, rules, plate, np.zeros(3), np.array([0, tipping_moment(file), 0]), 10.0)
    for name, low, high in (("payload", 1 - OFF, 1 + OFF), ("shear", 1 - OFF, 1 + OFF),
                            ("moment", 1 - OFF, 1 + MOMENT_OFF)):  # fmt: skip
        value = getattr(report, name)
        if not low <= value <= high:
            report.failures.append(f"{name}: lets go at {value:.3g} of the closed form, not within {low:g}…{high:g}")
    if not NOTHING < report.payload < MOST:
        report.failures.append("tcp: the lips do not carry the load; do rigid parts of the model reach beyond them?")
    for name, (score, should) in reference_seals(file).items():
        report.seals[name] = (score, should)
        if (score > 0) != should:
            report.failures.append(f"seal: a cup {'does not seal' if should else 'seals'} on {name}")
    report.notes.append(f"seals on balls from a radius of {smallest_ball(file) * 1e3:.1f} mm")
    return report


def tipping_moment(file: SuctionFile) -> float:
    """Return the moment about the tool frame's y at which the first part of a lip lifts, N m."""
    cups = np.asarray(file.cups, float)
    sealed = np.ones((1, len(cups)), bool)
    lever, along = np.array([[0.0, 0.0, 1.0]]), np.array([[[1.0, 0.0, 0.0]]])
    held = resisted(cups, file.radius, file.cup_force, sealed, np.array([1e6]), lever, along, np.ones(1))
    return float(held[0, 0])  # newtons at a metre


def smallest_ball(file: SuctionFile) -> float:
    """Return the radius, m, of the smallest ball on which a cup seals: its cap just fills the cup."""
    return (file.radius**2 + file.depth**2) / (2 * file.depth)


def reference_seals(file: SuctionFile) -> dict[str, tuple[float, bool]]:
    """Return the score of one cup on reference surfaces, by name, and whether it should seal there."""
    r, limit = file.radius, smallest_ball(file)
    plate = primitive_mesh("box", np.array([6 * r, 6 * r, r]))
    large, small = 1.5 * limit, 0.8 * limit
    surfaces: dict[str, tuple[tuple[Array, NDArray[np.int64]], float, float, bool]] = {
        "a plate": (plate, r, 0.0, True),
        "a ball of 1.5 times the smallest radius": (_ball(large), large, 0.0, True),
        "a ball of 0.8 times the smallest radius": (_ball(small), small, 0.0, False),
        "the edge of a plate": (plate, r, 5.5 * r, False),
        "a grating": (grating(r), 0.0, 0.0, False),
        "a thin rod": (_lying(primitive_mesh("cylinder", np.array([0.4 * r, 6 * r]))), 0.4 * r, 0.0, False),
    }  # fmt: skip
    found = {}
    for name, ((vertices, faces), height, x, should) in surfaces.items():
        T = pose(np.diag([1.0, -1.0, -1.0]), [x, 0, height])[None]
        score = cup_seal(RayCaster(vertices, faces), T, [(0.0, 0.0)], r, file.depth).score
        found[name] = (float(score[0, 0]), should)
    return found


def grating(radius: float) -> tuple[Array, NDArray[np.int64]]:
    """Return a plate full of holes, its top at z = 0: bars of a fifth of the radius, as far apart, both ways."""
    half, width = 3 * radius, radius / 10
    bars: list[tuple[Array, NDArray[np.int64]]] = []
    for at in np.arange(-half, half, 4 * width):
        for size, middle in (([half, width, width], [0, at, -width]), ([width, half, width], [at, 0, -width])):
            vertices, faces = primitive_mesh("box", np.array(size))
            bars.append((vertices + middle, faces))
    first = np.cumsum([0, *(len(v) for v, _ in bars)])[:-1]
    return (
        np.concatenate([v for v, _ in bars]),
        np.concatenate([f + n for (_, f), n in zip(bars, first, strict=True)]),
    )


def _ball(radius: float) -> tuple[Array, NDArray[np.int64]]:
    import trimesh  # heavy, and few need it

    mesh = trimesh.creation.icosphere(5, radius)
    return np.asarray(mesh.vertices, float), np.asarray(mesh.faces, np.int64)


def _lying(mesh: tuple[Array, NDArray[np.int64]]) -> tuple[Array, NDArray[np.int64]]:
    return mesh[0][:, [2, 0, 1]], mesh[1]


def _plate(file: SuctionFile) -> Asset:
    reach = float(np.abs(np.asarray(file.cups, float)).max()) + 2 * file.radius
    half = np.array([reach, reach, 0.002])
    vertices, faces = primitive_mesh("box", half)
    volume = float(8 * half.prod())
    inertia = (
        volume / 3 * np.diag([half[1] ** 2 + half[2] ** 2, half[0] ** 2 + half[2] ** 2, half[0] ** 2 + half[1] ** 2])
    )
    return Asset(
        name="plate", class_name="plate", mesh=Mesh(vertices, faces), parts=(Part("box", half),), volume=volume,
        com=np.zeros(3), unit_inertia=inertia, density=MASS / volume, friction=FRICTION, source="made here",
    )  # fmt: skip


def _lets_go(gripper: Gripper, profile: Profile, plate: Asset, force: Array, torque: Array, friction: float) -> float:
    """Let a load on a plate grow until a lip lifts or the plate slides; return its share of what is given.

    Args:
        gripper, profile: the hand, and how it is simulated.
        plate: what it holds.
        force: (3,) N along the grasp's axes, in the plane of the lips.
        torque: (3,) N m about them.
        friction: sliding friction.
    """
    file = suction_file(gripper)
    top = float(plate.mesh.vertices[:, 2].max())
    T = pose(np.diag([1.0, -1.0, -1.0]), [0, 0, top])
    inertia = plate.unit_inertia * MASS / plate.volume
    model = suction_model(plate, gripper, profile, MASS, inertia, (friction, 0.0, 0.0))
    data, names = mujoco.MjData(model), segment_names(len(file.cups))
    lips = conformed_lips(plate.parts, T[None], file)[0]
    joints = [int(model.joint(name).qposadr[0]) for name in names]
    touch = [int(model.sensor(TOUCH + name).adr[0]) for name in names]
    free = int(model.joint("object").qposadr[0])
    data.qpos[free : free + 7] = pose_to_qpos(gripper.T_base_tcp @ inverse(T))
    data.qpos[joints] = model.qpos_spring[joints] = lips
    data.ctrl[:] = 1.0
    mujoco.mj_step(model, data, nstep=round(_REST / profile.option.timestep))
    rate, body = int(model.joint("object").dofadr[0]), model.body("object").id
    steps = round(RAMP / profile.option.timestep)
    for k in range(steps):
        share = MOST * k / steps
        lever = np.array(file.tcp) - data.xipos[body]
        data.xfrc_applied[body, :3] = share * force
        data.xfrc_applied[body, 3:] = share * (torque + np.cross(lever, force))
        mujoco.mj_step(model, data)
        if np.linalg.norm(data.qvel[rate : rate + 2]) > _SLIPS or (data.sensordata[touch] <= 0).any():
            return share
    return MOST
