"""An arm of seven joints of our own, so that tests of arms need no package with a model."""

from __future__ import annotations

from pathlib import Path

#: Pose of each link in the one before it and limits of its joint: a Panda's published dimensions, m and rad.
_LINKS = (
    ("0 0 0.333", "1 0 0 0", 2.8973, -2.8973),
    ("0 0 0", "1 -1 0 0", 1.7628, -1.7628),
    ("0 -0.316 0", "1 1 0 0", 2.8973, -2.8973),
    ("0.0825 0 0", "1 1 0 0", -0.0698, -3.0718),
    ("-0.0825 0.384 0", "1 -1 0 0", 2.8973, -2.8973),
    ("0 0 0", "1 1 0 0", 3.7525, -0.0175),
    ("0.088 0 0", "1 1 0 0", 2.8973, -2.8973),
)


def seven_joints(folder: Path) -> str:
    """Write the arm; return the path of its YAML."""
    body = '<body name="flange" pos="0 0 0.107" quat="0.9239 0 0 -0.3827"><geom size="0.01"/></body>'
    for i, (pos, quat, high, low) in reversed(list(enumerate(_LINKS))):
        body = (
            f'<body name="link{i + 1}" pos="{pos}" quat="{quat}"><joint name="joint{i + 1}" range="{low} {high}"/>'
            f'<geom type="sphere" size="0.035" mass="{3 - 0.3 * i}" rgba="1 0.8 0.3 1"/>{body}</body>'
        )
    (folder / "seven.xml").write_text(
        '<mujoco model="seven"><compiler angle="radian"/><default><joint axis="0 0 1"/></default><worldbody>'
        f'<body name="base"><geom type="cylinder" size="0.06 0.1" pos="0 0 0.1"/>{body}</body></worldbody></mujoco>'
    )
    path = folder / "seven.yaml"
    path.write_text(
        "name: seven\nsources: [{file: seven.xml}]\nflange: flange\nhome: [0, -0.3, 0, -2.2, 0, 1.9, -0.7854]\n"
        "servos:\n  stiffness: [4500, 4500, 3500, 3500, 2000, 2000, 2000]\n"
        "  damping: [450, 450, 350, 350, 200, 200, 200]\n"
        "  torque: [87, 87, 87, 87, 12, 12, 12]\n  armature: 0.1\n"
    )
    return str(path)
