"""`graspgen video`: the in-scene trial of a stored grasp, simulated again and filmed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.layout import LOOKS
from graspgen.dataset.reader import Dataset
from graspgen.dataset.reader import open as open_dataset
from graspgen.errors import DatasetError, RenderError, nearest
from graspgen.frames import Array
from graspgen.grasps.candidates import unpacked
from graspgen.grasps.outcomes import Outcome, Phase
from graspgen.grasps.profile import Profile
from graspgen.grasps.scene_record import Trajectory, record_trial
from graspgen.grippers.gripper import Gripper
from graspgen.lens import NONE
from graspgen.looks.images import ImageStore
from graspgen.pipeline.film import Film, check_target, write_film
from graspgen.pipeline.stored import stored_gripper, stored_profile
from graspgen.pipeline.stored_scene import stored_scene
from graspgen.pipeline.trial_images import render_trial, trial_world, with_views
from graspgen.render.closeup import closeup
from graspgen.scene.plan import ViewPlan
from graspgen.scene.world import SettledScene

#: s that the film goes on after the end of the trial.
LINGER = 0.4
#: How long a trial that holds takes, s: so long a belt carries it, and the camera stands still.
_TRIAL_TIME = 2.0
#: Image of the camera that is placed for the trial, px.
SIZE = (640, 480)
#: It sees at least this share of every colour where no light falls.
AMBIENT = 0.3


@dataclass(frozen=True)
class Filmed:
    """What a film shows.

    Attributes:
        row, key: of the grasp.
        scene: of it.
        outcome: of the trial, as it went now.
        stored: what the dataset says, `NOT_TRIED` where it says nothing.
        frames: in the file.
        seconds: of simulated time.
    """

    row: int
    key: int
    scene: int
    outcome: Outcome
    stored: Outcome
    frames: int
    seconds: float


def film_trial(
    path: str | Path,
    out: str | Path,
    *,
    grasp: int | None = None,
    outcome: str | None = None,
    fps: float = 25.0,
    slow: float = 1.0,
    size: tuple[int, int] = SIZE,
    view: int | None = None,
) -> Filmed:
    """Simulate the in-scene trial of a stored grasp again, film it, and write the film.

    Args:
        path: a dataset of scenes.
        out: file to write: .mp4 (needs imageio-ffmpeg), .gif or .webp, or .png or .jpg for a sheet of frames.
        grasp: row of `grasps`; from 2³² on it is a key.
        outcome: instead of `grasp`: the first grasp with this outcome in the scene.
        fps: frames a second.
        slow: how many times slower than life.
        size: width and height, px, of the images of the camera that is placed for the trial.
        view: number of one of the scene's own cameras, whose images have their own size; None places a camera.

    Raises:
        DatasetError: there is no such dataset, grasp or view, or the file cannot be written.
        RenderError: the film would need more frames than are simulated, or what is not installed.
    """
    target = Path(out)
    check_target(target)
    with open_dataset(path) as dataset:
        if not len(dataset.scenes):
            raise DatasetError(f"{path} holds no scenes to try grasps in; give a dataset of `graspgen generate`")
        row = _row(dataset, grasp, outcome)
        key, scene = int(dataset.grasps["id"][row]), int(dataset.grasps["scene"][row])
        settled = stored_scene(dataset, scene)
        gripper, profile = stored_gripper(dataset), stored_profile(dataset)
        if fps * slow * profile.option.timestep > 1:
            most = 1 / profile.option.timestep
            raise RenderError(
                f"{fps:g} frames a second, {slow:g} times slower, are more than the {most:g} steps a second that are "
                "simulated; lower --fps or --slow"
            )
        T, width, grip_width, instance, asset = _grasp(dataset, row)
        fingers = unpacked(dataset.grasps["fingers"][row : row + 1])[0] if gripper.fingered else None
        if view is None:
            planned = _closeup(settled, gripper, profile, instance, T, width, grip_width, size, fingers)
        else:
            planned = _own_view(settled, view)
        settled = with_views(settled, (planned,))
        spec = dataset.recipe["grasps"]
        trajectory = record_trial(
            settled, gripper, profile, instance, T, width, grip_width=grip_width,
            force=spec["force"], approach=spec["approach"],
            shake=spec["in_scene"]["shake"], period=1 / (fps * slow), linger=LINGER, views=True, fingers=fingers,
        )  # fmt: skip
        images = ImageStore(dataset.path / LOOKS)
        seen = render_trial(trial_world(settled, trajectory), trajectory.states, 0, images=images)
        frames = [_halved(image.rgb) if view is None else image.rgb for image in seen]
        name = dataset.assets["name"][dataset.assets.index_of(int(asset))]
        film = _film(frames, trajectory, f"grasp {row} ({name})", profile, fps)
        written = write_film(target, film)
        return Filmed(
            row,
            key,
            scene,
            Outcome(int(trajectory.results.outcome[0])),
            Outcome(int(dataset.grasps["outcome_in_scene"][row])),
            written,
            float(trajectory.time[-1]),
        )


def _row(dataset: Dataset, grasp: int | None, outcome: str | None) -> int:
    """Return the row of the grasp that is asked for."""
    keys = dataset.grasps["id"]
    if not len(keys):
        raise DatasetError(f"{dataset.path} holds no grasps; generate it with grasps.per_object at least 1")
    if outcome is None:
        assert grasp is not None
        row = grasp if grasp < 1 << 32 else int(np.searchsorted(keys, grasp))
        if not 0 <= row < len(keys) or (grasp >= 1 << 32 and keys[row] != grasp):
            what = f"grasp {grasp}" if grasp < 1 << 32 else f"grasp with the key {grasp}"
            raise DatasetError(f"{dataset.path} has no {what}; it has the grasps 0 … {len(keys) - 1}")
        return row
    codes = dataset.grasps["outcome_in_scene"]
    name = outcome.upper().replace("-", "_").replace(" ", "_")
    if name not in Outcome.__members__:
        raise DatasetError(f"there is no outcome '{outcome}'{nearest(name, Outcome.__members__)}")
    found = np.flatnonzero(codes == Outcome[name])
    if not len(found):
        tried = sorted({Outcome(int(c)).name.lower() for c in np.unique(codes)} - {"not_tried"})
        told = f"in its scenes occurred: {', '.join(tried)}" if tried else "it tried no grasp in its scenes"
        raise DatasetError(f"{dataset.path} has no grasp with the outcome '{outcome}' in the scene; {told}")
    return int(found[0])


def _grasp(dataset: Dataset, row: int) -> tuple[Array, float, float, int, int]:
    """Return T_world_grasp, openings before closing and at the object, m, instance id of the object, its asset."""
    thing = dataset.objects.index_of(int(dataset.grasps["object"][row]))
    T = dataset.objects["T_world_object"][thing] @ dataset.grasps["T_object_grasp"][row]
    instance, asset = (int(dataset.objects[name][thing]) for name in ("instance_id", "asset"))
    width, grip_width = (float(dataset.grasps[name][row]) for name in ("width", "grip_width"))
    return T, width, grip_width, instance, asset


def _closeup(
    settled: SettledScene,
    gripper: Gripper,
    profile: Profile,
    instance: int,
    T_world_grasp: Array,
    width: float,
    grip_width: float,
    size: tuple[int, int],
    fingers: Array | None,
) -> ViewPlan:
    """Return a view of the trial from near, with the lights and colours of the scene's first view.

    Its images are twice as large as wanted, so that edges are smooth after they are halved.
    """
    size = (2 * size[0], 2 * size[1])
    travel = _TRIAL_TIME * np.array(settled.world.plan.arena.belt_velocity)
    K, T_world_camera = closeup(
        settled,
        gripper,
        instance,
        T_world_grasp,
        width,
        grip_width=grip_width,
        lift=profile.scene.lift,
        travel=travel,
        size=size,
        pregrasp=None if fingers is None else fingers[0],
    )
    views = settled.world.plan.views
    if not views:
        raise DatasetError(f"scene {settled.world.plan.index} has no view whose lights could be used")
    T = tuple(map(tuple, T_world_camera.tolist()))
    placed = {
        "camera": "closeup", "width": size[0], "height": size[1], "K": K, "distortion": NONE, "near": 0.02,
        "T_world_camera": T, "T_world_camera_nominal": T, "engine": "opengl",
        "ambient": max(views[0].ambient, AMBIENT),
    }  # fmt: skip
    return views[0].model_copy(update=placed)


def _halved(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Average 2×2 pixels of an (H, W, 3) image."""
    height, width = image.shape[:2]
    return image.reshape(height // 2, 2, width // 2, 2, 3).mean(axis=(1, 3)).round().astype(np.uint8)


def _own_view(settled: SettledScene, view: int) -> ViewPlan:
    views = settled.world.plan.views
    if not 0 <= view < len(views):
        raise DatasetError(f"scene {settled.world.plan.index} has no view {view}; it has 0 … {len(views) - 1}")
    return views[view]


def _film(frames: list[NDArray[np.uint8]], trajectory: Trajectory, what: str, profile: Profile, fps: float) -> Film:
    end = int(trajectory.results.steps[0]) * profile.option.timestep
    outcome = Outcome(int(trajectory.results.outcome[0])).name.lower().replace("_", " ")
    if trajectory.results.first_touch[0] >= 0:
        end = float(trajectory.time[-1])  # it ended at the touch, before the steps that were simulated at a time
    captions = []
    for time, phase in zip(trajectory.time, trajectory.phase, strict=True):
        now = Phase(int(phase)).name.lower() if time <= end + 1e-9 else "after its end"
        captions.append(f"{what}: {outcome} | {now} {time:.2f} s")
    # The film rests on its last picture as long as it lingers: where something was hit, nothing goes on.
    rest = max(0, round(fps * LINGER)) if trajectory.time[-1] <= end + 1e-9 else 0
    changes = np.flatnonzero(np.diff(trajectory.phase.astype(int)))
    ended = int(np.searchsorted(trajectory.time, end - 1e-9))
    notable = [*changes.tolist(), min(ended, len(frames) - 1)]
    return Film(frames, captions, fps, rest, notable)
