"""Columns that `graspgen check` cannot derive again from the rows and meshes: only their content hash protects them."""

from __future__ import annotations

_SIMULATED = "an outcome of simulation: range, and presence by phase; `--deep` simulates a sample again"
_COARSE = "compared with how far it moved since the frame before, to within what bumps allow: little at few frames/s"
_RENDERED = "rendered: `--deep` renders a sample again"

#: "table.column" → why a plainly wrong value of the right type can only be noticed by the scene's content hash.
HASH_ONLY: dict[str, str] = {
    "scenes.settle_time": f"within the recipe's limit, {_SIMULATED}",
    "views.rgb": _RENDERED,
    "grasps.sampler": "how it was proposed: only that perturbed grasps, and no others, have a parent is verified",
    "grasps.fingers": f"of hands: within the joints' ranges, {_SIMULATED}",
    "grasps.hand_shape": "of hands: how it was proposed; one of the shapes of the gripper's file",
    "scene_trials.steps": f"between the profile's times and a minute, {_SIMULATED}",
    "displacements.displacement": _SIMULATED,
    "displacements.rotation": _SIMULATED,
    "frames.velocity": _COARSE,
    "frames.angular_velocity": _COARSE,
    "frame_objects.velocity": _COARSE,
    "frame_objects.angular_velocity": _COARSE,
    "frame_contacts.first": "must be there, and where the contact is; which finger it is, only simulation tells",
    "frame_contacts.force": _SIMULATED,
    "frame_views.rgb": _RENDERED,
    "episodes.description": "the task in words",
    "episodes.attempts": _SIMULATED,
    "steps.held": _SIMULATED,
    "step_views.rgb": _RENDERED,
    "step_views.depth": _RENDERED,
    "step_views.instances": _RENDERED,
}

#: Columns of modalities, which the small dataset of the tests has not: why that is no hole.
OPTIONAL: dict[str, str] = {
    "views.depth_sensor": "compared with the ideal depth by its reasons",
    "views.depth_reason": "codes; compared with the depth of the sensor",
    "views.sensor_values": "the drawn values of the sensor; must be JSON",
    "views.normals": "compared with the facets that rays meet",
    "views.object_coordinates": "computed again from poses, depth and ids",
    "views.flow": "computed again from poses, depth and ids",
    "annotations.amodal_mask": "compared with the silhouette of the mesh",
    "scenes.steering": "of runs with quotas or focus; the scene's recipe is made from it again",
    "scenes.edge_case": "of runs with quotas: that of its steering",
    "scenes.weight": "of runs with focus: computed again from the steering",
    "views.edge_cases": "of runs with quotas: measured again",
    "objects.edge_cases": "of runs with quotas: measured again",
    "grasps.edge_cases": "of runs with quotas: measured again",
}
