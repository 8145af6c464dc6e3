"""A scene of a dataset as it settled, built again from what the dataset holds, without simulating."""

from __future__ import annotations

import numpy as np

from graspgen.dataset.reader import Dataset
from graspgen.errors import DatasetError
from graspgen.pipeline.stored import StoredObjects, stored_fixtures
from graspgen.scene.build import build_world
from graspgen.scene.make import assets_of
from graspgen.scene.plan import ScenePlan
from graspgen.scene.world import SettledScene


def stored_plan(text: str, scene: int) -> ScenePlan:
    """Read the plan of scene `scene` as the column `scenes.plan` holds it.

    Raises:
        DatasetError: it is damaged.
    """
    try:
        return ScenePlan.model_validate_json(text)
    except ValueError as error:
        raise DatasetError(f"the plan of scene {scene} is damaged: {str(error).splitlines()[0]}") from None


def stored_scene(dataset: Dataset, scene: int) -> SettledScene:
    """Return scene `scene` with every object where the dataset says that it came to rest.

    Args:
        dataset: a dataset of scenes.
        scene: key of the scene.

    Raises:
        DatasetError: there is no such scene, or its plan is damaged.
        ObjectError: an object's files are gone.
    """
    rows = np.flatnonzero(dataset.scenes["index"] == scene)
    if not len(rows):
        held = dataset.scenes["index"]
        told = f"{held.min()} … {held.max()}" if len(held) else "none"
        raise DatasetError(f"{dataset.path} has no scene {scene}; scenes in it: {told}")
    row = dataset.scenes.row(int(rows[0]))
    plan = stored_plan(row["plan"], scene)
    table = dataset.objects.rows(np.flatnonzero(dataset.objects["scene"] == scene))
    ids = [int(i) for i in table["instance_id"]]
    poses = np.asarray(table["T_world_object"], float).reshape(-1, 4, 4)
    kept = plan.model_copy(update={"objects": tuple(o for o in plan.objects if o.instance_id in ids)})
    assets = assets_of(StoredObjects(dataset), kept, stored_fixtures(dataset, plan))  # none of what has fallen off
    world = build_world(plan, assets, T_world_object=dict(zip(ids, poses, strict=True)), instances=ids)
    return SettledScene(
        world=world,
        T_world_object=poses,
        velocity=np.asarray(table["velocity"], float).reshape(-1, 3),
        angular_velocity=np.asarray(table["angular_velocity"], float).reshape(-1, 3),
        settled=bool(row["settled"]),
        refusal="",
        reason="",
        settle_time=float(row["settle_time"]),
        max_speed=float(row["max_speed"]),
        max_angular_speed=float(row["max_angular_speed"]),
        max_penetration=float(row["max_penetration"]),
        removed=tuple(o.instance_id for o in plan.objects if o.instance_id not in ids),
    )
