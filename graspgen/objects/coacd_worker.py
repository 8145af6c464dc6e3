"""Runs CoACD in a process of its own: it prints to the terminal from C++, and a crash must not take graspgen along.

    python coacd_worker.py IN.npz OUT.npz

IN holds `vertices`, `faces` and `options` (JSON of keywords for `coacd.run_coacd`); OUT the corners of all hulls
(`corners`) and how many each hull has (`counts`). Imports nothing of graspgen.
"""

from __future__ import annotations

import json
import sys

import coacd
import numpy as np


def main(source: str, target: str) -> None:
    """Decompose the mesh in `source`."""
    with np.load(source) as given:
        mesh = coacd.Mesh(given["vertices"], given["faces"])
        options = json.loads(str(given["options"]))
    coacd.set_log_level("error")
    hulls = [np.asarray(v, float) for v, _ in coacd.run_coacd(mesh, **options)]
    counts = np.array([len(v) for v in hulls])
    np.savez(target, corners=np.concatenate([np.zeros((0, 3)), *hulls]), counts=counts)


if __name__ == "__main__":
    main(*sys.argv[1:])
