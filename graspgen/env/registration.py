"""The ids of the environments, and what each is made from."""

from __future__ import annotations

from typing import Any

#: Id to entry point, longest episode in control steps, and settings.
IDS: dict[str, tuple[str, int, dict[str, Any]]] = {
    "graspgen/Pick-v0": ("graspgen.env.gym_face:GraspEnv", 100, {"recipe": "tabletop"}),
    "graspgen/PickTarget-v0": (
        "graspgen.env.gym_face:GoalEnv",
        100,
        {
            "recipe": "tabletop",
            "overrides": ("scene.objects.count={uniform: [3, 8]}",),
            "goal": "target",
            "reward_mode": "sparse",
        },
    ),
    "graspgen/ClearBin-v0": ("graspgen.env.gym_face:GraspEnv", 600, {"recipe": "bin", "goal": "all"}),
    "graspgen/ConveyorPick-v0": ("graspgen.env.gym_face:GraspEnv", 100, {"recipe": "conveyor"}),
    "graspgen/GraspPose-v0": (
        "graspgen.env.grasp_pose:GraspPoseEnv",
        1,
        {"recipe": "tabletop", "reward_mode": "sparse"},
    ),
}


#: What makes many of the environments of an entry point at once.
VECTORS = {
    "graspgen.env.gym_face:GraspEnv": "graspgen.env.vector:GraspVectorEnv",
    "graspgen.env.gym_face:GoalEnv": "graspgen.env.vector:GoalVectorEnv",
}


def register_all() -> None:
    """Tell Gymnasium the ids, once."""
    from gymnasium.envs.registration import register, registry

    for name, (entry, steps, settings) in IDS.items():
        if name not in registry:
            register(
                id=name,
                entry_point=entry,
                vector_entry_point=VECTORS.get(entry),
                max_episode_steps=steps,
                kwargs=settings,
            )
