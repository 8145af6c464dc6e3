"""Small datasets whose every number is known: two boxes on a table, seen by rays that trimesh casts.

A small box flies in the upper left corner of every view.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import trimesh

from graspgen.dataset.check_looks import looks_of_plan
from graspgen.dataset.create import create_dataset
from graspgen.dataset.index import finalize
from graspgen.dataset.layout import shard_file
from graspgen.dataset.manifest import Manifest, add_shard
from graspgen.dataset.record import SceneRecord, columns, no_rows
from graspgen.dataset.schema import (
    DEPTH_SCALE,
    Seen,
    Shape,
    Toucher,
    TrialKind,
    episode_key,
    frame_key,
    grasp_key,
    object_key,
    step_key,
    view_key,
)
from graspgen.dataset.writer import write_shard
from graspgen.frames import axis_angle, inverse, look_at, pose, project, transform_points
from graspgen.grasps.outcomes import Outcome, Phase, Sampler
from graspgen.labels.keypoints import KeypointState
from graspgen.objects.asset import Asset, Mesh, Part
from graspgen.objects.library import content_hash, save_asset

WIDTH, HEIGHT = 64, 48
K = np.array([[60.0, 0, 32], [0, 60.0, 24], [0, 0, 1]])
TABLE = (0.9, 0.7, 0.04)
ARENA = [
    {"name": "table", "kind": "box", "size": [0.45, 0.35, 0.02], "drawn": True,
     "T_world_geom": pose(translation=[0, 0, -0.02]).tolist()},
    {"name": "floor", "kind": "plane", "size": [10, 10, 0], "drawn": True,
     "T_world_geom": pose(translation=[0, 0, -0.75]).tolist()},
]  # fmt: skip
#: Unscaled sides of the boxes of the two assets, m, and the offset of their meshes from their frames.
SIDES = np.array([[0.06, 0.08, 0.10], [0.05, 0.05, 0.05]])
FLYING = np.array([0.02, 0.015, 0.01])
OFFSET = np.array([0.01, -0.02, 0.005])
SCALES = (1.0, 1.6)
#: Named points of both assets.
KEYPOINTS = {"lid": [0.01, -0.02, 0.03]}
DENSITY = 500.0
#: What the four grasps of a box come to in the scene.
HERE = (Outcome.NOT_TRIED, Outcome.NOT_TRIED, Outcome.SUCCESS, Outcome.HITS_OBJECT)
RECIPE = {
    "task": "boxes",
    "scene": {
        "settle": {
            "max_speed": 0.01,
            "max_angular_speed": 0.1,
            "time_limit": 8.0,
            "rest_time": 0.25,
            "max_penetration": 0.001,
        },
        "pile": {"wait": 1.0},
    },
    "views": {"width": WIDTH, "height": HEIGHT},
    "demos": {"task": "Pick-v0", "action_mode": "delta7", "max_steps": 100, "images": True},
}
LOOKS = {"preset": "", "lights": [], "ambient": 0.3, "environment": {}, "grade": {}, "background": {"kind": "plane"}}
PROTOCOL = {
    "acceleration": 9.81,
    "ladder": [0.5, 1.0, 2.0],
    "max_drift": 0.01,
    "max_rotation_deg": 10,
    "directions": [[0, 0, 1], [0, 0, -1]],
}
IN_SCENE = {
    "lift": 0.12,
    "lift_speed": 0.3,
    "hold": 0.2,
    "max_lag": 0.01,
    "neighbour_rise": 0.03,
    "shakes": [[0, 0, 1]],
    "shake_turns": [],
}
ATTRS = {"graspgen_version": "0.1.0", "mujoco_version": "4.0.0", "seed": 7, "recipe": RECIPE}


def definition() -> str:
    content = {
        "yaml": {"name": "jaw", "kind": "parallel_jaw", "stroke": 0.14, "max_force": 70.0, "tcp": [0, 0, 0]},
        "mjcf": "",
    }
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return json.dumps({**content, "sha256": digest})


def box(asset: int, scale: float = 1.0) -> trimesh.Trimesh:
    mesh = trimesh.creation.box(SIDES[asset])
    mesh.apply_translation(OFFSET)
    mesh.apply_scale(scale)
    return mesh


def asset(number: int) -> Asset:
    volume, (x, y, z) = SIDES[number].prod(), SIDES[number] ** 2
    part = Part("box", SIDES[number] / 2, pose(np.eye(3), OFFSET))
    solid = box(number)
    return Asset(
        name=f"box_{number}", class_name="box", mesh=Mesh(solid.vertices, solid.faces), parts=(part,), volume=volume,
        com=OFFSET, unit_inertia=volume / 12 * np.diag([y + z, x + z, x + y]), density=DENSITY, friction=0.6,
        source="procedural:box", keypoints={name: tuple(at) for name, at in KEYPOINTS.items()},
    )  # fmt: skip


HASHES = [content_hash(asset(number)) for number in range(2)]


def save_meshes(folder: Path) -> None:
    for number in range(2):
        save_asset(asset(number), folder / "objects")


def flying_pose(camera):
    """In the camera's frame: ahead, to the left and above."""
    return camera @ pose(axis_angle([0.6, 0, 0.8], 0.7), [-0.06, -0.04, 0.15])


def make_record(scene: int, *, views: int = 2, seed: int = 7) -> SceneRecord:
    rng = np.random.default_rng([seed, scene])
    poses = []
    for asset, x in ((0, -0.06), (1, 0.07)):
        bottom = (OFFSET[2] - SIDES[asset, 2] / 2) * SCALES[asset]
        turn = axis_angle([0, 0, 1], rng.uniform(0, 6))
        centre = pose(turn, [0, 0, 0]) @ [*OFFSET * SCALES[asset], 1]
        poses.append(pose(turn, [x - centre[0], rng.uniform(-0.03, 0.03) - centre[1], -bottom]))
    T = np.array(poses)
    eyes = [[0.35, 0.3 * np.cos(v + scene), 0.3] for v in range(views)]
    cameras = np.array([look_at(eye, [0, 0, 0.03]) for eye in eyes]).reshape(-1, 4, 4)
    tables = _tables(scene, seed, T, cameras, rng)
    # Tests change records in place: nothing of them may be shared.
    return SceneRecord(scene, {t: {n: v.copy() for n, v in c.items()} for t, c in tables.items()})


def _tables(scene, seed, T, cameras, rng):
    keys = [object_key(scene, i) for i in (1, 2)]
    sides = SIDES * np.array(SCALES)[:, None]
    mass = DENSITY * sides.prod(axis=1)
    squares = sides**2
    moments = mass[:, None] * (squares.sum(axis=1, keepdims=True) - squares) / 12
    friction = [0.6, 0.005, 0.0005]
    planned = [
        {
            "instance_id": i + 1,
            "asset": i,
            "scale": SCALES[i],
            "friction": friction,
            "density": DENSITY,
            "surface": {},
            "com_offset": [0, 0, 0],
            "inertia_scale": [1, 1, 1],
        }
        for i in range(2)
    ]
    plan = {
        "seed": seed, "index": scene, "attempt": 0, "task": "boxes", "gravity": 9.81,
        "arena": {"name": "table", "belt_velocity": [0, 0, 0], "geoms": ARENA},
        "arrangement": {"kind": "drop", "left_out": 0}, "objects": planned,
        "flying_max_hidden": 0.3,
        "views": [
            {"flying": [{"shape": "box", "size": FLYING.tolist(), "T_world_flying": flying_pose(camera).tolist()}],
             "camera": f"shell_{v}", "T_world_camera_nominal": camera.tolist(), "redraws": 0, "engine": "opengl",
             **LOOKS, "surfaces": {}}
            for v, camera in enumerate(cameras)
        ],
    }  # fmt: skip
    seen = [see(T, camera) for camera in cameras]
    n = len(cameras)
    view_keys = [view_key(scene, v) for v in range(n)]
    images = {
        "rgb": np.array([s["rgb"] for s in seen], np.uint8).reshape(n, HEIGHT, WIDTH, 3),
        "depth": np.array([s["depth"] for s in seen], np.uint16).reshape(n, HEIGHT, WIDTH),
        "instances": np.array([s["instances"] for s in seen], np.uint8).reshape(n, HEIGHT, WIDTH),
    }
    tables = {
        "scenes": columns(
            "scenes", 1, index=scene, seed=seed, attempt=0, task="boxes", plan=json.dumps(plan),
            gravity=[0, 0, -9.81], settled=True, settle_time=0.4, max_speed=0.001, max_angular_speed=0.01,
            max_penetration=1e-4, arena="table", arrangement="drop", belt_velocity=[0, 0, 0], removed=0,
            tunnelled=0, left_out=0,
        ),
        "assets": columns(
            "assets", 2, id=[0, 1], name=["box_0", "box_1"], class_name="box", class_id=1,
            source="procedural:box", params="{}", licence="", content_hash=HASHES,
            mesh=["objects/box_0/visual.glb", "objects/box_1/visual.glb"], extents=SIDES,
            volume=SIDES.prod(axis=1), symmetry="{}", keypoints=json.dumps(KEYPOINTS),
        ),
        "objects": columns(
            "objects", 2, id=keys, scene=scene, asset=[0, 1], instance_id=[1, 2], T_world_object=T,
            velocity=[[0.001, 0, 0], [0, 0, 0]], angular_velocity=[[0, 0, 0.01], [0, 0, 0]],
            scale=np.repeat(np.array(SCALES)[:, None], 3, axis=1), mass=mass,
            com=OFFSET * np.array(SCALES)[:, None], inertia=np.array([np.diag(m) for m in moments]),
            friction=friction, role=0, labelled=True,
        ),
        "views": columns(
            "views", n, id=view_keys, scene=scene, camera=[f"shell_{v}" for v in range(n)],
            engine="opengl", sensor="ideal", K=K, distortion=np.zeros(5), T_world_camera=cameras,
            T_world_camera_nominal=cameras, preset="",
            looks=json.dumps(looks_of_plan(plan, plan["views"][0])) if n else "{}", redraws=0, **images,
        ),
        "annotations": _annotations(keys, view_keys, T, cameras, seen),
        "keypoints": _keypoints(keys, view_keys, T, cameras, seen),
        "grippers": columns(
            "grippers", 1, id=0, name="jaw", kind=0, definition=definition(), T_base_tcp=np.eye(4), stroke=0.14,
            max_force=70.0,
        ),
        "profiles": columns(
            "profiles", 1, id=0, name="standard", version=1, engine_version="4.0.0",
            options=json.dumps({"name": "standard", "version": 1, "protocol": PROTOCOL, "scene": IN_SCENE,
                                "option": {"timestep": 0.002}}),
        ),
        "flying": columns(
            "flying", n, view=view_keys, shape=Shape.BOX, size=FLYING,
            T_world_flying=np.array([flying_pose(c) for c in cameras]).reshape(-1, 4, 4), shown=True,
            pixels=[s["flying"] for s in seen], hides=0.0,
        ),
        **(of_grasps := _grasps(scene, keys, mass, T, cameras, view_keys, rng)),
        **_frames(scene, keys, T, cameras, view_keys, of_grasps["grasps"]),
        **_episode(scene, keys, T, cameras, view_keys, of_grasps["grasps"]),
    }  # fmt: skip
    return tables


def see(T, camera, flies=True):
    """Cast one ray through the centre of every pixel with trimesh."""
    meshes = [box(i, SCALES[i]).apply_transform(T[i]) for i in range(2)]
    table = trimesh.creation.box(TABLE).apply_translation([0, 0, -TABLE[2] / 2])
    floor = trimesh.creation.box([20, 20, 0.1]).apply_translation([0, 0, -0.75 - 0.05])
    flying = trimesh.creation.box(FLYING).apply_transform(flying_pose(camera))
    parts = [*meshes, table, floor, *([flying] if flies else [])]
    whole = trimesh.util.concatenate(parts)
    ids = np.repeat([1, 2, 0, 0, 3][: len(parts)], [len(p.faces) for p in parts])
    masks = [_hit(mesh, camera)[0] >= 0 for mesh in meshes]
    face, z = _hit(whole, camera)
    shows = np.where(face >= 0, ids[face], 0)
    instances = np.where(shows == 3, 0, shows)
    depth = np.where((face >= 0) & (z < 6.5), np.round(z / DEPTH_SCALE), 0)
    shades = np.array([[40, 40, 60], [200, 80, 40], [60, 160, 90]])
    return {
        "instances": instances,
        "depth": depth,
        "rgb": shades[instances],
        "masks": masks,
        "flying": (shows == 3).sum(),
    }


def _hit(mesh, camera):
    row, column = np.mgrid[:HEIGHT, :WIDTH]
    rays = np.stack([column + 0.5, row + 0.5, np.ones_like(row)], -1).reshape(-1, 3) @ np.linalg.inv(K).T
    directions = rays @ camera[:3, :3].T
    origins = np.repeat(camera[None, :3, 3], len(rays), axis=0)
    points, which, hit = mesh.ray.intersects_location(origins, directions, multiple_hits=False)
    face, z = np.full(len(rays), -1), np.zeros(len(rays))
    face[which] = hit
    z[which] = transform_points(inverse(camera), points)[:, 2]
    return face.reshape(HEIGHT, WIDTH), z.reshape(HEIGHT, WIDTH)


def _annotations(keys, view_keys, T, cameras, seen):
    rows = []
    for v, camera in enumerate(cameras):
        for i in range(2):
            visible, whole = seen[v]["instances"] == i + 1, seen[v]["masks"][i]
            T_camera_object = inverse(camera) @ T[i]
            low, high = box(i, SCALES[i]).bounds
            ends = np.array([low, high])
            corners = [[ends[a, 0], ends[b, 1], ends[c, 2]] for a in (0, 1) for b in (0, 1) for c in (0, 1)]
            points = np.array([*corners, (low + high) / 2])
            rows.append(
                {
                    "view": view_keys[v], "object": keys[i], "bbox_visible": _box(visible),
                    "bbox_amodal": _box(whole), "pixels_visible": visible.sum(),
                    "pixels_in_frame": whole.sum(), "pixels_all": whole.sum(),
                    "visibility": visible.sum() / max(whole.sum(), 1), "in_frame": float(whole.any()),
                    "visible_in_frame": visible.sum() / max(whole.sum(), 1), "centre_depth": transform_points(
                        T_camera_object, points)[-1, 2],
                    "ignore": visible.sum() < 0.1 * whole.sum(), "T_camera_object": T_camera_object,
                    "cuboid": project(K, transform_points(T_camera_object, points)),
                }
            )  # fmt: skip
    if not rows:
        empty = {"bbox_visible": (0, 4), "bbox_amodal": (0, 4), "T_camera_object": (0, 4, 4), "cuboid": (0, 9, 2)}
        from graspgen.dataset.schema import TABLES

        return columns("annotations", 0, **{c: np.zeros(empty.get(c, 0)) for c in TABLES["annotations"].required})
    return columns("annotations", len(rows), **{c: np.array([r[c] for r in rows]) for c in rows[0]})


def _keypoints(keys, view_keys, T, cameras, seen):
    """Project each point by itself and look before it by hand."""
    rows = []
    for v, camera in enumerate(cameras):
        for i in range(2):
            low, high = box(i, SCALES[i]).bounds
            ends = np.array([low, high])
            points = [[ends[a, 0], ends[b, 1], ends[c, 2]] for a in (0, 1) for b in (0, 1) for c in (0, 1)]
            points += [(low + high) / 2, np.array(KEYPOINTS["lid"]) * SCALES[i]]
            for number, point in enumerate(points):
                at = transform_points(inverse(camera) @ T[i], [point])[0]
                pixel = project(K, at[None])[0].astype(np.float32)
                x, y = (int(c) for c in np.floor(pixel))
                state = KeypointState.OUT_OF_FRAME
                if 0 <= x < WIDTH and 0 <= y < HEIGHT:
                    before = seen[v]["depth"][y, x] * DEPTH_SCALE < at[2] - 0.004 and seen[v]["depth"][y, x] > 0
                    own = seen[v]["instances"][y, x] == i + 1
                    hidden = KeypointState.SELF_OCCLUDED if own else KeypointState.OCCLUDED
                    state = hidden if before else KeypointState.VISIBLE
                rows.append({"view": view_keys[v], "object": keys[i], "number": number, "pixel": pixel,
                             "depth": at[2], "state": state})  # fmt: skip
    from graspgen.dataset.schema import TABLES

    names = TABLES["keypoints"].columns
    return columns("keypoints", len(rows), **{
        c: np.array([r[c] for r in rows]).reshape(len(rows), *names[c].shape) for c in names})  # fmt: skip


def _box(mask):
    y, x = np.nonzero(mask)
    return [x.min(), y.min(), np.ptp(x) + 1, np.ptp(y) + 1] if len(x) else [-1] * 4


def _grasps(scene, keys, mass, T, cameras, view_keys, rng):
    """Four grasps across the sides of each box: two hold in free space; the others are tried in the scene."""
    rows, trials, sights, inside, moved = [], [], [], [], []
    for i, key in enumerate(keys):
        half = SIDES[i] * SCALES[i] / 2
        for g in range(4):
            axis = g % 2
            normal = np.eye(3)[axis]
            height = OFFSET * SCALES[i] + [0, 0, rng.uniform(-0.5, 0.5) * half[2]]
            left, right = height + half * normal, height - half * normal
            y = normal
            z = np.array([0.0, 0.0, -1.0])
            grasp = grasp_key(scene, len(rows))
            ok = g < 2
            rows.append(
                {
                    "id": grasp, "scene": scene, "object": key, "gripper": 0,
                    "T_object_grasp": pose(np.stack([np.cross(y, z), y, z], axis=-1), height),
                    "width": 2 * half[axis] + 0.01,
                    "grip_width": 2 * half[axis], "contacts": [left, right], "normals": [normal, -normal],
                    "sampler": Sampler.ANTIPODAL, "parent": -1, "antipodal_angle": 0.0,
                    "min_friction_analytic": 0.0, "epsilon": np.nan, "flatness": np.nan, "patch": np.nan,
                    "fingers": np.full((2, 24), np.nan), "hand_shape": 0,
                    "seal": np.nan, "cups": 0, "resists_any": np.nan, "resists_gravity": np.nan,
                    "collision": 0, "clearance": 0.02, "approach_angle": 0.0, "in_cone": True,
                    "outcome": Outcome.SUCCESS if ok else Outcome.DROPPED, "success_rate": float(ok),
                    "min_friction": np.nan, "outcome_in_scene": HERE[g],
                }
            )  # fmt: skip
            contacts = transform_points(T[i], np.array([left, right]))
            for camera, view in zip(cameras, view_keys, strict=True):
                seen = _sight(T, camera, contacts, T[i] @ rows[-1]["T_object_grasp"])
                sights.append({"grasp": grasp, "view": view, **seen})
            trials.append(
                {
                    "grasp": grasp, "kind": TrialKind.FREE, "profile": 0, "draw": 0,
                    "outcome": Outcome.SUCCESS if ok else Outcome.DROPPED, "phase": Phase.HOLD if ok else Phase.DISTURB,
                    "time_to_failure": np.nan if ok else 0.3, "failed_direction": -1 if ok else 1,
                    "drift_closing": 0.001, "drift_holding": 0.002 if ok else 0.2, "rotation_closing": 0.01,
                    "rotation_holding": 0.02, "grip_force": 20.0, "width": 2 * half[axis],
                    "peak_acceleration": 9.81, "held_acceleration": 9.81 if ok else 0.0, "friction": 0.6,
                    "mass": mass[i], "com_offset": [0, 0, 0], "pose_noise": [0] * 6,
                }
            )  # fmt: skip
            if HERE[g] == Outcome.NOT_TRIED:
                continue
            held = HERE[g] == Outcome.SUCCESS
            R = T[i, :3, :3] @ rows[-1]["T_object_grasp"][:3, :3]
            trials.append(
                trials[-1]
                | {
                    "kind": TrialKind.IN_SCENE, "outcome": HERE[g], "phase": Phase.HOLD if held else Phase.APPROACH,
                    "time_to_failure": np.nan, "failed_direction": -1, "drift_holding": 0.001 if held else np.nan,
                    "held_acceleration": np.nan,
                }
                | ({} if held else dict.fromkeys(("drift_closing", "rotation_closing", "rotation_holding",
                                                  "grip_force", "width", "peak_acceleration"), np.nan))
            )  # fmt: skip
            inside.append(
                {
                    "grasp": grasp, "first_touch": -1 if held else 2 - i, "lift_height": 0.12 if held else np.nan,
                    "wrench": [*R.T @ [0, 0, 9.81 * mass[i]], 0, 0, 0] if held else [np.nan] * 6,
                    "tracking_error": 1e-4, "steps": 800,
                }
            )  # fmt: skip
            moved.append({"grasp": grasp, "object": keys[1 - i], "displacement": 1e-6, "rotation": 0.0})
    return {
        name: columns(name, len(given), **{c: np.array([r[c] for r in given]) for c in given[0]})
        if given
        else no_rows(name)
        for name, given in (
            ("grasps", rows),
            ("grasp_views", sights),
            ("trials", trials),
            ("scene_trials", inside),
            ("displacements", moved),
        )
    }


def _frames(scene, keys, T, cameras, view_keys, grasps):
    """Three frames of the first trial that held: its start, the close, and the box held 12 cm higher; one image."""
    number = int(np.flatnonzero(grasps["outcome_in_scene"] == Outcome.SUCCESS)[0])
    tool = T[0] @ grasps["T_object_grasp"][number]
    up = pose(translation=[0, 0, 0.12])
    tools, objects = np.array([tool, tool, up @ tool]), np.array([T, T, [up @ T[0], T[1]]])
    frames = np.array([frame_key(scene, f) for f in range(3)])
    views = min(1, len(cameras))
    seen = [see(T, camera, flies=False) for camera in cameras[:1]]
    images = {
        name: np.array([s[name] for s in seen]).reshape(views, HEIGHT, WIDTH, *rest)
        for name, rest in (("rgb", (3,)), ("depth", ()), ("instances", ()))
    }
    pads = transform_points(tools[2], [[0, 0.01, 0], [0, -0.01, 0]])
    return {
        "frames": columns(
            "frames", 3, id=frames, scene=scene, grasp=grasps["id"][number], time=[0, 0.8, 1.6],
            phase=[Phase.APPROACH, Phase.CLOSE, Phase.HOLD], T_world_tool=tools, opening=0.06, velocity=np.zeros(3),
            angular_velocity=np.zeros(3),
        ),
        "frame_objects": columns(
            "frame_objects", 6, frame=np.repeat(frames, 2), object=np.tile(keys, 3),
            T_world_object=objects.reshape(-1, 4, 4), velocity=np.zeros(3), angular_velocity=np.zeros(3),
        ),
        "frame_contacts": columns(
            "frame_contacts", 2, frame=frames[2], first=[Toucher.FIRST_FINGER, Toucher.SECOND_FINGER], second=keys[0],
            position=pads, normal=[-tools[2, :3, 1], tools[2, :3, 1]], force=20.0,
        ),
        "frame_views": columns(
            "frame_views", views, frame=frames[:views], view=view_keys[:views], camera=["shell_0"][:views], K=K,
            distortion=np.zeros(5), T_world_camera=cameras[:views], **images,
        ),
    }  # fmt: skip


def _episode(scene, keys, T, cameras, view_keys, grasps):
    """Two actions: the hand goes down by 1 cm, then up with the first box; the cameras see nothing of it move."""
    episode, steps = episode_key(scene, 0), np.array([step_key(scene, i) for i in range(3)])
    tools = np.array([pose(np.diag([1.0, -1.0, -1.0]), [0, 0, z]) for z in (0.2, 0.19, 0.2)])
    objects = np.array([T, T, [pose(translation=[0, 0, 0.01]) @ T[0], T[1]]])
    agent, state = np.zeros((3, 17)), np.zeros((3, 2, 17))
    agent[:, :3], agent[:, 3:7], agent[:, 13] = tools[:, :3, 3], [0, 1, 0, 0], 0.08
    state[..., 0], state[..., 5:8], state[..., 8:11] = 1, objects[..., :3, 0], objects[..., :3, 1]
    action = np.full((3, 7), np.nan)
    action[:2] = 0.25
    views = len(cameras)
    seen = [see(T, camera, flies=False) for camera in cameras] * 3
    images = {
        name: np.array([s[name] for s in seen]).reshape(3 * views, HEIGHT, WIDTH, *rest)
        for name, rest in (("rgb", (3,)), ("depth", ()), ("instances", ()))
    }
    return {
        "episodes": columns(
            "episodes", 1, id=episode, scene=scene, task="graspgen/Pick-v0", description="pick up an object",
            action_mode="delta7", target=-1, T_world_tool=tools[0], opening=0.08, grasp=grasps["id"][-1], attempts=1,
            length=2, success=True, outcome=Outcome.SUCCESS, total_reward=1.25,
        ),
        "steps": columns(
            "steps", 3, id=steps, episode=episode, time=[0, 0.04, 0.08], T_world_tool=tools, agent_pos=agent,
            held=False, rise=0, action=action, reward=[0.25, 1, np.nan], terminated=[False, True, True],
            truncated=False, success=[False, True, True],
        ),
        "step_objects": columns(
            "step_objects", 6, step=np.repeat(steps, 2), object=np.tile(keys, 3),
            T_world_object=objects.reshape(-1, 4, 4), state=state.reshape(-1, 17),
        ),
        "step_views": columns(
            "step_views", 3 * views, step=np.repeat(steps, views), view=np.tile(view_keys, 3),
            camera=[f"shell_{v}" for v in range(views)] * 3, K=K,
            T_world_camera=np.reshape(list(cameras) * 3, (-1, 4, 4)), **images,
        ),
    }  # fmt: skip


def _sight(T, camera, contacts, grasp):
    """Cast a ray of trimesh to each contact: the boxes alone can hide it, since the table lies below."""
    scene = trimesh.util.concatenate([box(i, SCALES[i]).apply_transform(T[i]) for i in range(2)])
    bits, points = 0, transform_points(inverse(camera), contacts)
    for n, (contact, pixel) in enumerate(zip(contacts, project(K, points), strict=True)):
        ray = contact - camera[:3, 3]
        hit = scene.ray.intersects_location(camera[None, :3, 3], ray[None], multiple_hits=False)[0][0]
        visible = np.linalg.norm(hit - contact) < 1e-4
        inside = (pixel >= 0).all() and (pixel < [WIDTH, HEIGHT]).all()
        names = (Seen.FIRST_VISIBLE, Seen.FIRST_OCCLUDED, Seen.FIRST_OUT_OF_FRAME)
        bits |= int(names[(0 if visible else 1) if inside else 2]) << n
    tool = transform_points(inverse(camera), grasp[None, :3, 3])[0]
    return {"seen": bits, "tool_pixel": project(K, tool), "tool_depth": tool[2]}


def begin(folder: Path, scenes: int = 4, per_shard: int = 2, **options) -> Manifest:
    return create_dataset(
        folder, recipe=RECIPE, seed=7, scenes=scenes, scenes_per_shard=per_shard, mujoco_version="4.0.0", **options
    )


def add(folder: Path, manifest: Manifest, number: int) -> Manifest:
    records = (make_record(scene) for scene in manifest.expected(number))
    return add_shard(folder, write_shard(folder / shard_file(number), records, manifest.attributes))


def make_dataset(folder: Path, scenes: int = 4, per_shard: int = 2) -> Path:
    manifest = begin(folder, scenes, per_shard)
    save_meshes(folder)
    for number in range(manifest.shard_count):
        add(folder, manifest, number)
    finalize(folder)
    return folder
