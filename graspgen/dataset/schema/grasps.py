"""Tables of grasps: candidates, the trials of each, and how views see them."""

from __future__ import annotations

import numpy as np

from graspgen.dataset.schema.codes import GripperKind, Seen, TrialKind
from graspgen.dataset.schema.column import POSE, Column, Table
from graspgen.grasps.outcomes import Collision, Outcome, Phase, Sampler

#: Most driven joints of a multi-finger hand (`graspgen.grippers.fingers`).
MAX_JOINTS = 24

GRASPS: dict[str, Table] = {
    "grippers": Table(
        "a gripper that grasps refer to",
        {
            "id": Column("i8", doc="key of the gripper", low=0),
            "name": Column("str", doc=""),
            "kind": Column("u1", doc="how it holds", enum=GripperKind),
            "definition": Column("json", doc="the gripper's YAML and MJCF, whole, and their hash"),
            "T_base_tcp": Column(
                "f8",
                POSE,
                "m",
                "open hand's tool frame in the gripper's base; where it moves as the hand closes, `definition` "
                "says how",
            ),
            "stroke": Column("f8", (), "m", "largest opening; 0 for suction", low=0),
            "max_force": Column(
                "f8", (), "N", "largest grip force; of suction the force of the vacuum on all cups", low=0
            ),
        },
        shared=True,
    ),
    "profiles": Table(
        "a physics profile that trials refer to",
        {
            "id": Column("i8", doc="key of the profile", low=0),
            "name": Column("str", doc=""),
            "version": Column("i4", doc="grows with every change of the profile", low=1),
            "engine_version": Column("str", doc="MuJoCo's version"),
            "options": Column("json", doc="contact settings, protocol and MuJoCo's whole option block"),
        },
        shared=True,
    ),
    "grasps": Table(
        "a grasp candidate, successful or not",
        {
            "id": Column("i8", doc="key of the grasp", low=0),
            "scene": Column("i8", doc="key of the scene; −1 in a database of single objects", low=-1),
            "object": Column("i8", doc="key of the object; of the asset (`assets.id`) where there is no scene", low=0),
            "gripper": Column("i8", doc="key of the gripper", low=0),
            "T_object_grasp": Column("f8", POSE, "m", "grasp frame in the object's frame"),
            "width": Column("f8", (), "m", "opening before closing; 0 for suction", low=0),
            "grip_width": Column(
                "f8",
                (),
                "m",
                "opening where the pads should meet the object; the grasp frame is the tool point there",
                low=0,
            ),
            "contacts": Column(
                "f4",
                (2, 3),
                "m",
                "points where the pads should touch, object frame; of cups the first is where the approach meets",
                nan=True,
            ),
            "normals": Column("f4", (2, 3), "", "outward unit normals there, object frame", nan=True),
            "sampler": Column("u1", doc="how it was proposed", enum=Sampler),
            "parent": Column("i8", doc="key of the grasp that it perturbs; −1 for none", low=-1),
            "antipodal_angle": Column(
                "f4",
                (),
                "rad",
                "largest angle between the closing line and an inward normal",
                low=0,
                high=np.pi,
                nan=True,
            ),
            "min_friction_analytic": Column(
                "f4",
                (),
                "",
                "smallest sliding friction with soft-finger force closure: tan(antipodal_angle)",
                low=0,
                nan=True,
            ),
            "epsilon": Column(
                "f4",
                (),
                "",
                "Ferrari–Canny ε (L1) at the object's friction, moments over its radius; 0 without force closure",
                low=0,
                nan=True,
            ),
            "flatness": Column(
                "f4", (), "m", "how far from flat the surface under a pad is (RMS), the worse pad", low=0, nan=True
            ),
            "patch": Column(
                "f4", (), "", "share of a pad within 1 mm of the surface, the worse pad", low=0, high=1, nan=True
            ),
            "seal": Column(
                "f4",
                (),
                "",
                "suction: mean score of the cups that seal, 1 on a plane across the approach, 0 where none seals; NaN "
                "for other grippers",
                low=0,
                high=1,
                nan=True,
            ),
            "cups": Column("u1", doc="suction: bit i says that cup i seals; 0 for other grippers"),
            "resists_any": Column(
                "f4",
                (),
                "",
                "suction: multiple of the object's weight that its lips resist in the worst direction, by statics, at "
                "most 1000; NaN for other grippers",
                low=0,
                high=1000,
                nan=True,
            ),
            "resists_gravity": Column(
                "f4",
                (),
                "",
                "suction: likewise under gravity, the object as it lies in the scene; NaN without a scene or gravity",
                low=0,
                high=1000,
                nan=True,
            ),
            "fingers": Column(
                "f8",
                (2, MAX_JOINTS),
                "rad or m",
                "multi-finger hands: driven joints before closing, and at the grasp, in the order of the `joints` of "
                "the gripper's YAML; NaN beyond them, and for other grippers",
                nan=True,
            ),
            "hand_shape": Column(
                "u1",
                doc="multi-finger hands: which of the `shapes` of the gripper's YAML, by name, from 1 on; 0 for none",
            ),
            "collision": Column(
                "u1",
                doc="what the open hand touches in the settled scene",
                enum=Collision,
                flags=True,
            ),
            "clearance": Column(
                "f4",
                (),
                "m",
                "smallest distance of the open hand to support and neighbours at the grasp and on its "
                "approach; negative inside; capped at 0.02",
                nan=True,
            ),
            "approach_angle": Column(
                "f4",
                (),
                "rad",
                "between the approach, z of the grasp frame, and the recipe's `grasps.approach_axis`; "
                "NaN without a scene",
                low=0,
                high=np.pi,
                nan=True,
            ),
            "in_cone": Column(
                "bool", doc="the approach lies in the recipe's cone (`grasps.approach_cone_deg`); false without a scene"
            ),
            "outcome": Column("u1", doc="outcome of its free trial", enum=Outcome),
            "success_rate": Column(
                "f4",
                (),
                "",
                "share of its repeated free trials (draw > 0) that succeeded, else of the nominal one (draw 0)",
                low=0,
                high=1,
                nan=True,
            ),
            "min_friction": Column(
                "f4",
                (),
                "",
                "smallest sliding friction that held in simulation; NaN where none did or none was searched",
                nan=True,
            ),
            "outcome_in_scene": Column("u1", doc="outcome of its trial in the scene; 255 = not tried", enum=Outcome),
            "edge_cases": Column(
                "u4",
                doc="bit i: the grasp is the i-th of the recipe's `quotas.cases`, sorted by name, by its definition",
                modality="edge_cases",
            ),
        },
    ),
    "grasp_views": Table(
        "a grasp in a view: one row for each grasp and each view of a scene",
        {
            "grasp": Column("i8", doc="key of the grasp", low=0),
            "view": Column("i8", doc="key of the view", low=0),
            "seen": Column(
                "u1",
                doc="how the view sees the two `contacts`; no bit where they are not known",
                enum=Seen,
                flags=True,
            ),
            "tool_pixel": Column(
                "f4", (2,), "px", "the tool point in the image, which it may leave; NaN behind the camera", nan=True
            ),
            "tool_depth": Column("f4", (), "m", "planar z of the tool point, negative behind the camera"),
        },
    ),
    "trials": Table(
        "a simulated trial of a grasp",
        {
            "grasp": Column("i8", doc="key of the grasp", low=0),
            "kind": Column("u1", doc="where it was made", enum=TrialKind),
            "profile": Column("i8", doc="key of the profile", low=0),
            "draw": Column(
                "i4", doc="0 the nominal trial, else which draw of friction, mass, centre of mass and pose", low=0
            ),
            "outcome": Column("u1", doc="what happened", enum=Outcome),
            "phase": Column("u1", doc="the phase that the trial reached", enum=Phase),
            "time_to_failure": Column(
                "f4",
                (),
                "s",
                "from the start of the disturbances, in the scene of the lift; NaN for a success or an earlier failure",
                low=0,
                nan=True,
            ),
            "failed_direction": Column(
                "i1",
                doc="number of the push that broke it (the profile's directions, then its turns), in the scene of the "
                "shake; −1 for none",
                low=-1,
            ),
            "drift_closing": Column(
                "f4",
                (),
                "m",
                "motion of the centre of mass while closing, gripper frame",
                low=0,
                nan=True,
            ),
            "drift_holding": Column(
                "f4",
                (),
                "m",
                "largest motion of the centre of mass since the close",
                low=0,
                nan=True,
            ),
            "rotation_closing": Column("f4", (), "rad", "rotation while closing", low=0, nan=True),
            "rotation_holding": Column("f4", (), "rad", "largest rotation since the close", low=0, nan=True),
            "grip_force": Column(
                "f4",
                (),
                "N",
                "mean normal force of the two pads after closing; of suction the vacuum's force on the cups that hold, "
                "of multi-finger hands the mean force of the links that press. Without a grip (phase CLOSE) an object "
                "can jam between finger and palm: then it is more than the motor can",
                low=0,
                nan=True,
            ),
            "width": Column("f4", (), "m", "opening after closing", nan=True),
            "peak_acceleration": Column(
                "f4",
                (),
                "m/s²",
                "largest acceleration of the frame that was applied",
                low=0,
                nan=True,
            ),
            "held_acceleration": Column("f4", (), "m/s²", "largest step of the ladder that held", low=0, nan=True),
            "friction": Column("f4", (), "", "sliding friction between pad and object", low=0),
            "mass": Column("f4", (), "kg", "", low=0),
            "com_offset": Column("f4", (3,), "m", "offset of the centre of mass from the object's, object frame"),
            "pose_noise": Column("f4", (6,), "m, rad", "offset of the grasp: x, y, z, rotation vector, grasp frame"),
        },
    ),
    "scene_trials": Table(
        "a trial in the scene; outcome, drift and grip are in its row of `trials`",
        {
            "grasp": Column("i8", doc="key of the grasp", low=0),
            "first_touch": Column(
                "i4", doc="instance id of what the hand touched on its approach; 0 the support, −1 nothing", low=-1
            ),
            "lift_height": Column(
                "f4", (), "m", "largest rise of the target's centre of mass while it was held", nan=True
            ),
            "wrench": Column(
                "f4",
                (6,),
                "N, N m",
                "force and torque of the arm at the end of the hold, without the hand's own weight: grasp frame, about "
                "the tool point",
                nan=True,
            ),
            "tracking_error": Column(
                "f4", (), "m", "largest distance of the hand from its path, from the grasp on", low=0, nan=True
            ),
            "steps": Column("i4", doc="simulated steps", low=0),
        },
    ),
    "displacements": Table(
        "how far a trial in the scene has moved another object, from where it lay to the end of the trial",
        {
            "grasp": Column("i8", doc="key of the grasp that was tried", low=0),
            "object": Column("i8", doc="key of the other object", low=0),
            "displacement": Column("f4", (), "m", "of the centre of mass", low=0, nan=True),
            "rotation": Column("f4", (), "rad", "", low=0, high=np.pi, nan=True),
        },
    ),
}
