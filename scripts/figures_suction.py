"""Draw the picture of suction in the documentation: `python scripts/figures_suction.py`.

Candidates of a few objects, tried in free space: for each cup a row of grasps that hold, that peel off, and that do not
seal.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from graspgen.frames import inverse
from graspgen.grasps.outcomes import Outcome
from graspgen.grasps.profile import load_profile
from graspgen.grasps.suction_candidates import propose_suction, suction_file
from graspgen.grasps.suction_quality import suction_quality
from graspgen.grasps.trial import try_asset
from graspgen.grippers.gripper import load_gripper
from graspgen.labels.overlay import Picture, contact_sheet
from graspgen.objects.library import run_catalogue
from graspgen.raycast import RayCaster
from graspgen.recipe_file import load_recipe
from graspgen.render.grasp_view import grasp_renderer
from graspgen.streams import Purpose, stream

IMAGE = Path(__file__).parents[1] / "docs/images/suction.jpg"
SHOWN = (Outcome.SUCCESS, Outcome.SUCCESS, Outcome.PEELED, Outcome.NO_SEAL, Outcome.NO_SEAL)
SEED, OBJECTS, CANDIDATES = 3, 14, 48
FAMILIES = {
    "suction_cup": ("carton", "bottle", "mug", "bowl", "hammer"),
    "suction_array": ("carton", "plate", "box", "bowl"),
}


def rows(hand: str, families: tuple[str, ...]) -> tuple[list[Picture], list[str]]:
    """Pictures and captions of grasps with the outcomes that are shown, each of another object where there is one."""
    gripper, profile = load_gripper(hand), load_profile("standard")
    recipe = load_recipe("tabletop", [f"objects.families={{choice: [{','.join(families)}]}}"])
    catalogue = run_catalogue(recipe, SEED)
    found: dict[Outcome, list[tuple[Picture, str]]] = {outcome: [] for outcome in SHOWN}
    for number in range(OBJECTS):
        asset = catalogue.asset(number)
        mass = asset.density * asset.volume
        rng = stream(SEED, Purpose.GRASPS, number)
        c = propose_suction(asset, gripper, CANDIDATES, rng, tilt=np.radians(5), sealed_share=0.5)
        r = try_asset(
            asset, gripper, profile, c.T_object_grasp, c.width, mass=mass, inertia=asset.density * asset.unit_inertia,
            friction=(asset.friction, 0.005, 0.002), graded=False,
        )  # fmt: skip
        caster = RayCaster(asset.mesh.vertices, asset.mesh.faces)
        q = suction_quality(caster, c, suction_file(gripper), asset.com, asset.friction, mass)
        with grasp_renderer(asset, gripper, 300, 250) as renderer:
            for outcome in found:
                for row in np.flatnonzero(r.outcome == outcome)[:1].tolist():
                    picture = renderer.render(gripper.T_base_tcp @ inverse(c.T_object_grasp[row]), 0.0)
                    name = outcome.name.lower().replace("_", " ")
                    told = f"{name}: seal {q.seal[row]:.2f}, resists {q.resists_any[row]:.1f} x its weight"
                    found[outcome].append((picture, told))
    tiles, captions = [], []
    for i, outcome in enumerate(SHOWN):
        if number_of := len(found[outcome]):
            picture, told = found[outcome][min(SHOWN[:i].count(outcome), number_of - 1)]
            tiles.append(picture)
            captions.append(told)
        else:
            tiles.append(np.full((250, 300, 3), 255, np.uint8))
            captions.append("")
    return tiles, captions


def main() -> None:
    """Write the picture."""
    tiles, captions = [], []
    for hand, families in FAMILIES.items():
        more, told = rows(hand, families)
        tiles += more
        captions += told
    Image.fromarray(contact_sheet(tiles, len(SHOWN), captions)).save(IMAGE, quality=85)


if __name__ == "__main__":
    main()
