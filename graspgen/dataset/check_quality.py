"""ε of stored grasps, derived again from their contacts, normals and friction."""

from __future__ import annotations

import numpy as np

from graspgen.dataset.checked import Checked
from graspgen.dataset.violations import Report
from graspgen.errors import DatasetError

#: Grasps of a shard that are derived again, spread over its rows: one takes about 0.2 ms.
SAMPLE = 500
#: Contacts and normals are stored in single precision.
TOLERANCE = 1e-3


def check_quality(report: Report, checked: Checked) -> None:
    """Check the Ferrari–Canny ε of a sample of the grasps in scenes."""
    from graspgen.grasps.wrench import ferrari_canny, primitive_wrenches  # imports no MuJoCo, but scipy

    grasps, objects = checked.tables["grasps"], checked.tables["objects"]
    known = (grasps["scene"] >= 0) & np.isfinite(grasps["contacts"]).all(axis=(1, 2)) & ~np.isnan(grasps["epsilon"])
    rows = np.flatnonzero(known)
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, min(SAMPLE, len(rows))).round().astype(int))]
    owner = checked.rows_of("objects", grasps["object"][rows])
    bad, expected = np.zeros(len(known), bool), np.zeros(len(known))
    for of in np.unique(owner).tolist():
        mine = rows[owner == of]
        try:
            vertices, _ = checked.object_mesh(of)
        except DatasetError:
            continue  # named once, for the asset
        com, (sliding, torsional) = objects["com"][of], objects["friction"][of][:2]
        closed = mine[(grasps["min_friction_analytic"][mine] < sliding) & (torsional > 0)]
        wrenches = primitive_wrenches(
            grasps["contacts"][closed].astype(float),
            grasps["normals"][closed].astype(float),
            grasps["T_object_grasp"][closed, :3, 2],
            com,
            float(np.linalg.norm(vertices - com, axis=1).max()),
            float(sliding),
            float(torsional),
        )
        expected[closed] = ferrari_canny(wrenches)
        # Where friction is just what is needed, rounding decides whether there is force closure.
        edge = np.abs(grasps["min_friction_analytic"][mine] - sliding) < 1e-4 * (1 + sliding)
        bad[mine] = ~edge & ~(np.abs(grasps["epsilon"][mine] - expected[mine]) <= TOLERANCE)
    report.rows(
        "grasps",
        "epsilon",
        bad,
        lambda r: f"{grasps['epsilon'][r]:g}, contacts, normals and friction give {expected[r]:g}",
        grasps["id"],
    )
