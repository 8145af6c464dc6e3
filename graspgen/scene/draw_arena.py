"""Draw the arena of a scene."""

from __future__ import annotations

from graspgen.recipe import Recipe
from graspgen.scene import arena_fit as fit
from graspgen.scene.arena_cell import cell_arena, load_cell
from graspgen.scene.arena_plan import ArenaPlan
from graspgen.scene.drawing import ARENA, number, rgb, scene_stream
from graspgen.streams import Purpose


def draw_arena(recipe: Recipe, seed: int, key: tuple[int, int], friction: float) -> ArenaPlan:
    """Draw the sizes and the colour of the arena of the scene and attempt `key`.

    Args:
        recipe: what is random and how.
        seed: the run's seed.
        key: index and attempt.
        friction: sliding friction of the arena, drawn with the scene's other materials.

    Raises:
        SceneError: a user's MJCF cannot be an arena.
    """
    scene, name = recipe.scene, recipe.scene.arena
    rng = scene_stream(seed, Purpose.ARRANGEMENT, key, ARENA)
    colour = rgb(scene.fixture_colour, scene_stream(seed, Purpose.LOOKS, key, ARENA))
    match name:
        case "table":
            return fit.table_arena(scene.table.size, friction)
        case "bin":
            x, y = scene.bin.size
            depth = number(scene.bin.depth, rng)
            return ArenaPlan(
                name=name,
                friction=friction,
                geoms=fit.fitted(name, fit.bin_places((x, y), depth, scene.bin.wall), colour),
                parameters={"depth": depth},
                area=(x / 2, y / 2),
                inside=(-x / 2, -y / 2, x / 2, y / 2),
                rim=depth,
            )
        case "tray":
            (x, y), tray = scene.tray.size, scene.tray
            depth, drawn = number(tray.depth, rng), number(tray.pulled_out, rng, x)
            out = min(drawn, x)
            parameters = {"depth": depth} if tray.pulled_out is None else {"depth": depth, "pulled_out": out}
            places = fit.tray_places((x, y), depth, tray.wall, None if tray.pulled_out is None else out)
            return ArenaPlan(
                name=name,
                friction=friction,
                geoms=fit.fitted(name, places, colour),
                parameters=parameters,
                area=(out / 2, y / 2),
                inside=(out / 2 - x, -y / 2, out / 2, y / 2),
                rim=depth,
            )
        case "shelf":
            x, y = scene.shelf.size
            clearance = number(scene.shelf.clearance, rng)
            return ArenaPlan(
                name=name,
                friction=friction,
                geoms=fit.fitted(name, fit.shelf_places((x, y), clearance, scene.shelf.board), colour),
                parameters={"clearance": clearance},
                area=(x / 2, y / 2),
                inside=(-x / 2, -y / 2, 2 * x, y / 2),
                rim=clearance,
                headroom=clearance,
            )
        case "conveyor":
            speed = number(scene.conveyor.speed, rng)
            geoms = fit.fitted(name, fit.conveyor_places(scene.conveyor.size, scene.conveyor.rail), colour)
            belt = {"surface_velocity": (speed, 0.0, 0.0, 0.0, 0.0, 0.0)}
            return ArenaPlan(
                name=name,
                friction=friction,
                geoms=tuple(g.model_copy(update=belt) if g.name == "table" else g for g in geoms),
                parameters={"speed": speed},
                area=(scene.conveyor.size[0] / 2, scene.conveyor.size[1] / 2),
                belt_velocity=(speed, 0.0, 0.0),
            )
        case path:
            return cell_arena(load_cell(path, scene.cell), friction)
