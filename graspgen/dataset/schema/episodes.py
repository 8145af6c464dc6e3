"""Tables of demonstrations in the environment, step by step."""

from __future__ import annotations

from graspgen.dataset.schema.column import POSE, SCENE, Column, Table
from graspgen.grasps.outcomes import HAND_INSTANCE, Outcome

EPISODES: dict[str, Table] = {
    "episodes": Table(
        "an episode that the scripted expert played in the scene (`demos`)",
        {
            "id": Column("i8", doc="key of the episode", low=0),
            "scene": SCENE,
            "task": Column("str", doc="id of the environment"),
            "description": Column("str", doc="the task in words"),
            "action_mode": Column("str", doc="what the numbers of an action mean (`docs/environments.md`)"),
            "target": Column("i8", doc="key of the object that it was to lift; −1 for any", low=-1),
            "T_world_tool": Column("f8", POSE, "m", "pose of the tool point at which the hand starts"),
            "opening": Column("f8", (), "m", "of the fingers, at which it starts", low=0),
            "grasp": Column(
                "i8", doc="key of the grasp that it followed last; −1 for none, or one that is no label", low=-1
            ),
            "attempts": Column("i4", doc="grasps that it followed, one after the other", low=0),
            "length": Column("i4", doc="actions: one less than it has rows of `steps`", low=0),
            "success": Column("bool", doc="whether the task was done"),
            "outcome": Column("u1", doc="outcome of its last attempt that is over; 255 = none is", enum=Outcome),
            "total_reward": Column("f8", (), "", "sum of the rewards"),
        },
    ),
    "steps": Table(
        "a moment of an episode, the action that was done then, and what came of it; the last of an episode is its end",
        {
            "id": Column("i8", doc="key of the step", low=0),
            "episode": Column("i8", doc="key of the episode", low=0),
            "time": Column("f8", (), "s", "simulated, since the episode began", low=0),
            "T_world_tool": Column("f8", POSE, "m", "pose of the tool point"),
            "agent_pos": Column("f4", (17,), "m, m/s, rad/s", "what is observed of the hand (`docs/environments.md`)"),
            "held": Column("bool", doc="whether the target is held; the first number of `environment_state`"),
            "rise": Column("f4", (), "m", "of the target since the close; the second number of `environment_state`"),
            "action": Column(
                "f4",
                (7,),
                "",
                "the numbers of the action, in −1…1, those that the mode has not and those of an episode's end being "
                "NaN",
                low=-1,
                high=1,
                nan=True,
            ),
            "reward": Column("f8", (), "", "of the action; NaN at an episode's end", nan=True),
            "terminated": Column("bool", doc="whether the episode was over after the action"),
            "truncated": Column("bool", doc="whether it was cut short after it"),
            "success": Column("bool", doc="whether the task was done after it"),
        },
    ),
    "step_objects": Table(
        "an object in a step: one row for each object of the scene",
        {
            "step": Column("i8", doc="key of the step", low=0),
            "object": Column("i8", doc="key of the object", low=0),
            "T_world_object": Column("f8", POSE, "m", "pose of the asset's frame"),
            "state": Column("f4", (17,), "m, m/s", "its numbers of `environment_state` (`docs/environments.md`)"),
        },
    ),
    "step_views": Table(
        "an image of a step",
        {
            "step": Column("i8", doc="key of the step", low=0),
            "view": Column("i8", doc="key of the view whose camera and looks it has", low=0),
            "camera": Column("str", doc="name of the camera"),
            "K": Column("f8", (3, 3), "px", "as `views.K`"),
            "T_world_camera": Column(
                "f8", POSE, "m", "as `views.T_world_camera_nominal`; of a camera on the hand, then"
            ),
            "rgb": Column("u1", ("H", "W", 3), "", "colour, sRGB"),
            "depth": Column(
                "u2",
                ("H", "W"),
                "0.1 mm",
                "planar z = value × attribute `depth_scale` metres, as the sensor reports it where there is one; "
                "0 = none",
            ),
            "instances": Column("u1", ("H", "W"), "", f"as `views.instances`; {HAND_INSTANCE} is the hand"),
        },
    ),
}
