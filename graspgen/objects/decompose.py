"""Convex decomposition of a mesh by CoACD, kept in a cache by content.

Wei et al., "Approximate convex decomposition for 3D meshes with collision-aware concavity and tree search",
ACM Transactions on Graphics 41(4), 2022.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path

import manifold3d
import numpy as np

from graspgen.errors import ObjectError
from graspgen.frames import Array
from graspgen.objects import shapes
from graspgen.objects.asset import Part
from graspgen.objects.merge_hulls import MOST_MERGED, merge_hulls
from graspgen.objects.mesh_repair import shells

#: Most corners of a hull: MuJoCo's narrow phase slows down beyond.
MOST_CORNERS = 256
#: A mesh that fills its convex hull to this share is taken as convex.
CONVEX = 0.995
#: Longest run of CoACD, s, if nothing is said.
TIME_LIMIT = 300.0


@dataclass(frozen=True)
class Decomposition:
    """Parameters of the decomposition; part of the cache's key.

    Attributes:
        threshold: CoACD's concavity threshold, a share of the size (0.05: hollows of about 2.5 % of the largest
            extent are filled).
        max_parts: most convex parts; CoACD merges parts beyond it, which fills hollows.
        resolution: points sampled to measure a part's concavity.
        mcts_nodes, mcts_iterations: CoACD's tree search; its defaults take four times as long.
        simplify: the mesh may move by this share of its largest extent before it is cut.
        seed: of CoACD.
    """

    threshold: float = 0.05
    max_parts: int = 64
    resolution: int = 1000
    mcts_nodes: int = 12
    mcts_iterations: int = 40
    simplify: float = 0.002
    seed: int = 1


class TooSlow(ObjectError):
    """CoACD ran out of time."""


@dataclass(frozen=True, eq=False)
class Cut:
    """Convex parts, and how they were made.

    Attributes:
        parts: hulls in the mesh's frame, the largest first.
        source: "convex shells" (the mesh's own), "coacd", "coarse coacd" or "convex hull".
        settings: of CoACD, where it ran.
        notes: why a fallback was taken.
    """

    parts: tuple[Part, ...]
    source: str
    settings: Decomposition | None = None
    notes: tuple[str, ...] = ()


#: Settings of the second try, of a mesh that CoACD takes too long for: hollows of about 7 % of the extent are filled.
COARSE = Decomposition(
    threshold=0.15, max_parts=16, resolution=500, mcts_nodes=5, mcts_iterations=10, simplify=0.01
)  # fmt: skip


def decompose(vertices: Array, faces: np.ndarray, settings: Decomposition | None = None) -> tuple[Part, ...]:
    """Cut a closed mesh into convex hulls that cover it; `cut` without its report.

    Args:
        vertices: (n, 3), m.
        faces: (m, 3).
        settings: parameters.

    Raises:
        ObjectError: CoACD failed.
    """
    return cut(vertices, faces, settings).parts


def cut(
    vertices: Array, faces: np.ndarray, settings: Decomposition | None = None, time_limit: float = TIME_LIMIT
) -> Cut:  # fmt: skip
    """Cut a closed mesh into convex hulls that cover it.

    Shells that are convex become parts as they are. Where CoACD runs longer than the time limit it is ended, and tried
    once more with coarser settings (`COARSE`) for as long; then the convex hull stands for the mesh.

    Args:
        vertices: (n, 3), m.
        faces: (m, 3).
        settings: parameters.
        time_limit: of one run of CoACD, s.

    Raises:
        ObjectError: CoACD failed.
    """
    settings = settings or Decomposition()
    v, f = np.asarray(vertices, float), np.asarray(faces, np.int32)
    ready, rest = _convex_shells(v, f, settings.max_parts)
    if rest is None and ready:
        return Cut(_parts(ready), "convex shells")

    def run(tried: Decomposition) -> list[manifold3d.Manifold]:
        if rest is None:  # closed, but not a manifold: CoACD wraps it, 2 % of its size thick
            return _hulls(_cached_coacd(v, f, tried, "on", time_limit))
        return _cut(rest, tried, time_limit)

    notes = []
    left = max(1, settings.max_parts - len(ready))
    coarse = replace(COARSE, max_parts=min(COARSE.max_parts, left), seed=settings.seed)
    for source, tried in (("coacd", replace(settings, max_parts=left)), ("coarse coacd", coarse)):
        try:
            return Cut(_parts([*ready, *run(tried)]), source, tried, tuple(notes))
        except TooSlow:
            notes.append(f"CoACD took longer than {time_limit:g} s with a threshold of {tried.threshold:g}")
    notes.append("the convex hull stands for it, which fills its hollows")
    hull = manifold3d.Manifold.hull_points(np.ascontiguousarray(v)) if rest is None else rest.hull()
    return Cut(_parts([*ready, hull]), "convex hull", None, tuple(notes))


def _parts(hulls: list[manifold3d.Manifold]) -> tuple[Part, ...]:
    if not hulls:
        raise ObjectError("the convex decomposition is empty; simplify or remesh the mesh")
    return tuple(Part("hull", vertices=_few_corners(h)) for h in sorted(hulls, key=lambda h: -h.volume()))


def _convex_shells(v: Array, f: np.ndarray, most: int) -> tuple[list[manifold3d.Manifold], manifold3d.Manifold | None]:
    """Split a closed mesh into the hulls of its convex shells and the union of what is left (None: nothing)."""
    label = shells(f)
    solids = []
    for i in range(int(label.max()) + 1):
        used, index = np.unique(f[label == i], return_inverse=True)
        solids.append(shapes.to_manifold(v[used], index.reshape(-1, 3)))
    if any(s.volume() <= 0 for s in solids):  # a cavity, or a shell that is not manifold
        whole = shapes.to_manifold(v, f)
        return [], None if whole.is_empty() else whole
    convex = [s.volume() >= CONVEX * s.hull().volume() for s in solids]
    if sum(convex) > MOST_MERGED:
        convex = [False] * len(solids)
    ready = [s.hull() for s, is_convex in zip(solids, convex, strict=True) if is_convex]
    rest = [s for s, is_convex in zip(solids, convex, strict=True) if not is_convex]
    # What is not convex is cut into a quarter of the parts at least.
    ready = merge_hulls(ready, max(1, most - most // 4) if rest else most)
    union = manifold3d.Manifold.batch_boolean(rest, manifold3d.OpType.Add) if rest else None
    return ready, union


def _cut(solid: manifold3d.Manifold, settings: Decomposition, time_limit: float) -> list[manifold3d.Manifold]:
    box = np.reshape(solid.bounding_box(), (2, 3))
    v, f = shapes.from_manifold(solid.simplify(settings.simplify * float(np.ptp(box, axis=0).max())))
    try:
        return _hulls(_cached_coacd(v, f, settings, "off", time_limit))
    except TooSlow:
        raise
    except ObjectError:
        # CoACD trusts a closed mesh and can crash on sliver triangles; its own remeshing removes them.
        return _hulls(_cached_coacd(v, f, settings, "on", time_limit))


def _hulls(corners: list[Array]) -> list[manifold3d.Manifold]:
    hulls = [manifold3d.Manifold.hull_points(np.ascontiguousarray(c)) for c in corners]
    return [h for h in hulls if h.volume() > 0]


def cache_folder() -> Path:
    """Return where decompositions are kept: `$XDG_CACHE_HOME/graspgen/coacd`, by default below `~/.cache`."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "graspgen" / "coacd"


def _cached_coacd(v: Array, f: np.ndarray, settings: Decomposition, preprocess: str, time_limit: float) -> list[Array]:
    options = {
        "threshold": settings.threshold,
        "max_convex_hull": settings.max_parts,
        "preprocess_mode": preprocess,
        "resolution": settings.resolution,
        "mcts_nodes": settings.mcts_nodes,
        "mcts_iterations": settings.mcts_iterations,
        "seed": settings.seed,
    }
    key = hashlib.sha256(
        json.dumps([version("coacd"), options, asdict(settings)], sort_keys=True).encode()
        + np.ascontiguousarray(v, "<f8").tobytes()
        + np.ascontiguousarray(f, "<i4").tobytes()
    ).hexdigest()
    path = cache_folder() / f"{key}.npz"
    # A damaged or missing entry is made again.
    with contextlib.suppress(OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return _read(path)
    with tempfile.TemporaryDirectory(prefix="graspgen-coacd-") as folder:
        result = Path(folder) / "out.npz"
        _run_coacd(v, f, options, Path(folder) / "in.npz", result, time_limit)
        hulls = _read(result)
        # Without a cache the next import takes longer, nothing else: a full or read-only disk is no error here.
        with contextlib.suppress(OSError):
            _store(result, path)
    return hulls


def _run_coacd(
    v: Array, f: np.ndarray, options: dict[str, object], source: Path, target: Path, time_limit: float
) -> None:
    np.savez(source, vertices=v, faces=f, options=json.dumps(options))
    worker = Path(__file__).with_name("coacd_worker.py")
    try:
        done = subprocess.run(
            [sys.executable, str(worker), str(source), str(target)],
            capture_output=True, text=True, errors="replace", timeout=time_limit, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise TooSlow(f"the convex decomposition took more than {time_limit:g} s; simplify the mesh first") from error
    if done.returncode != 0 or not target.is_file():
        lines = done.stderr.strip().splitlines()
        raise ObjectError(
            f"the convex decomposition failed ({lines[-1] if lines else f'status {done.returncode}'}); "
            "simplify or remesh the mesh"
        )


def _read(path: Path) -> list[Array]:
    with np.load(path) as saved:
        return np.split(saved["corners"], np.cumsum(saved["counts"])[:-1])


def _store(result: Path, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(prefix=".partial-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(result.read_bytes())
        os.replace(partial, path)
    except OSError:
        os.unlink(partial)
        raise


def _few_corners(hull: manifold3d.Manifold) -> Array:
    """Return the corners of a hull; of more than MOST_CORNERS those that reach farthest in as many directions."""
    corners, _ = shapes.from_manifold(hull)
    if len(corners) <= MOST_CORNERS:
        return corners
    # Directions spread evenly over the sphere (Fibonacci), in the proportions of the hull.
    k = np.arange(MOST_CORNERS) + 0.5
    z, turn = 1 - 2 * k / MOST_CORNERS, np.pi * (1 + 5**0.5) * k
    directions = np.stack([np.cos(turn), np.sin(turn), np.zeros_like(z)], -1) * np.sqrt(1 - z**2)[:, None]
    directions[:, 2] = z
    size = np.ptp(corners, axis=0)
    farthest = np.argmax((corners / size) @ directions.T, axis=0)
    return corners[np.unique(farthest)]
