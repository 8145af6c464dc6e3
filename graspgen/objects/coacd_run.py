"""Runs CoACD on a closed mesh, in a process of its own and for a limited time.

Wei et al., "Approximate convex decomposition for 3D meshes with collision-aware concavity and tree search",
ACM Transactions on Graphics 41(4), 2022.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from graspgen.errors import ObjectError
from graspgen.frames import Array
from graspgen.objects.hull_files import read_hulls

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
        simplify: the mesh may move by this share of its largest extent before it is cut by CoACD.
        seed: of CoACD.
        method: "coacd"; "walls" (`wall_parts`); or "auto": walls for meshes with thin, bent walls, CoACD for others,
            and the better one where CoACD's parts are off by more than a tenth of the volume.
    """

    threshold: float = 0.05
    max_parts: int = 128
    resolution: int = 1000
    mcts_nodes: int = 12
    mcts_iterations: int = 40
    simplify: float = 0.002
    seed: int = 1
    method: Literal["auto", "coacd", "walls"] = "auto"


class TooSlow(ObjectError):
    """CoACD ran out of time."""


def run_coacd(
    v: Array, f: np.ndarray, settings: Decomposition, preprocess: Literal["on", "off"], time_limit: float
) -> list[Array]:
    """Return the corners of each convex hull, m.

    Args:
        v, f: a closed mesh, m.
        settings: parameters.
        preprocess: CoACD's own remeshing, 2 % of the size thick, for what is no manifold.
        time_limit: s.

    Raises:
        TooSlow: it took longer.
        ObjectError: it failed.
    """
    options = {
        "threshold": settings.threshold,
        "max_convex_hull": settings.max_parts,
        "preprocess_mode": preprocess,
        "resolution": settings.resolution,
        "mcts_nodes": settings.mcts_nodes,
        "mcts_iterations": settings.mcts_iterations,
        "seed": settings.seed,
    }
    with tempfile.TemporaryDirectory(prefix="graspgen-coacd-") as folder:
        source, target = Path(folder) / "in.npz", Path(folder) / "out.npz"
        np.savez(source, vertices=v, faces=f, options=json.dumps(options))
        worker = Path(__file__).with_name("coacd_worker.py")
        try:
            done = subprocess.run(
                [sys.executable, str(worker), str(source), str(target)],
                capture_output=True, text=True, errors="replace", timeout=time_limit, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise TooSlow(
                f"CoACD took longer than {time_limit:g} s: raise --time-limit, cut it by --method walls, or simplify "
                "the mesh"
            ) from error
        if done.returncode != 0 or not target.is_file():
            lines = done.stderr.strip().splitlines()
            raise ObjectError(
                f"the convex decomposition failed ({lines[-1] if lines else f'status {done.returncode}'}); "
                "simplify or remesh the mesh"
            )
        return read_hulls(target)[0]
