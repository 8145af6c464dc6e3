"""Named points of the procedural families: what a person would point at.

Corners and centre of the box around an object are keypoints of everything and stand in no table here. A point is on
the surface, but for the centres of openings (`rim_centre`, `ring`, `jaw`). Of a round thing, a point beside the axis
lies towards +x.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from graspgen.objects.parameter import Params

Points = Mapping[str, tuple[float, float, float]]


def keypoints_of(family: str, params: Params) -> dict[str, tuple[float, float, float]]:
    """Return the named keypoints of an object of a family, m, asset's frame, by name; none for many families."""
    build = _KEYPOINTS.get(family)
    return {} if build is None else {name: _plain(point) for name, point in sorted(build(params).items())}


def _plain(point: tuple[float, float, float]) -> tuple[float, float, float]:
    x, y, z = (float(c) for c in point)
    return x, y, z


def _open(p: Params, rim: float) -> Points:
    h = p["height"]
    return {"rim": (rim - p["wall"] / 2, 0, h), "rim_centre": (0, 0, h), "base": (0, 0, 0)}


def _mug(p: Params) -> Points:
    rim, height = p["diameter"] / 2, p["height"]
    foot = rim * p["taper"]
    span = p["handle_span"] * height / 2

    def outside(z: float) -> float:
        return foot + (rim - foot) * z / height

    middle, half = 0.52 * height, p["handle_thickness"] / 2
    top, low = middle + span + half, middle - span - half
    return {
        **_open(p, rim),
        "handle": (outside(middle) + p["handle_reach"] + p["handle_thickness"] / 2, 0, middle),
        "handle_top": (outside(top), 0, top),
        "handle_bottom": (outside(low), 0, low),
    }


def _plate(p: Params) -> Points:
    return {
        "rim": (p["diameter"] / 2 - p["wall"], 0, p["height"]),
        "rim_centre": (0, 0, p["height"]),
        "base": (0, 0, 0),
    }


def _wine_glass(p: Params) -> Points:
    return {
        **_open(p, p["diameter"] / 2 * p["mouth"]),
        "stem": (p["stem_diameter"] / 2, 0, 0.5 * p["stem"] * p["height"]),
    }


def _stands(p: Params) -> Points:
    return {"top": (0, 0, p["height"]), "base": (0, 0, 0)}


def _bottle(p: Params) -> Points:
    height = p["height"]
    neck = (height * (p["body"] + p["shoulder"]) + height - p["cap_height"]) / 2
    return {**_stands(p), "neck": (p["neck_diameter"] / 2, 0, neck)}


def _carton(p: Params) -> Points:
    top, y = p["height"] + p["gable"] * p["width"] + p["fin"], p["depth"] / 2
    return {"ridge_front": (0, y, top), "ridge_back": (0, -y, top), "base": (0, 0, 0)}


def _centred(p: Params) -> Points:
    return {"top": (0, 0, p["height"] / 2), "base": (0, 0, -p["height"] / 2)}


def _capsule(p: Params) -> Points:
    end = p["straight"] / 2 + p["diameter"] / 2
    return {"top": (0, 0, end), "base": (0, 0, -end)}


def _hammer(p: Params) -> Points:
    half, thick, length = p["head_length"] / 2, p["head_width"] / 2, p["handle_length"]
    return {
        "face": (0, 0, half),
        "claw": (-1.6 * thick, 0, -half),
        "grip": (-0.65 * length, 0, p["handle_diameter"] / 2),
        "handle_end": (-length, 0, 0),
    }


def _screwdriver(p: Params) -> Points:
    return {
        "tip": (0, 0, p["handle_length"] + p["shaft_length"]),
        "grip": (p["handle_diameter"] / 2, 0, 0.4 * p["handle_length"]),
        "handle_end": (0, 0, 0),
    }


def _wrench(p: Params) -> Points:
    size, length = p["size"], p["length"]
    a, b, turn = -length / 2 + 0.92 * size, length / 2 - 1.1 * size, math.radians(15)
    return {
        "ring": (a, 0, 0),
        "jaw": (b + 0.35 * size * math.cos(turn), 0.35 * size * math.sin(turn), 0),
        "grip": ((a + b) / 2, 0, 0.3 * p["thickness"]),
    }


def _spoon(p: Params) -> Points:
    half, wall, reach = p["bowl_length"] / 2, p["thickness"], p["handle_length"]
    end = p["depth"] - wall / 2 + reach * 0.12 * math.sin(0.7 * math.pi)
    return {"dish": (0, 0, wall), "tip": (half, 0, p["depth"]), "handle_end": (-(half - 0.7 * wall) - reach, 0, end)}


def _fork(p: Params) -> Points:
    gap, x = p["head_width"] / 4, 1.45 * p["tine_length"]
    tines = {f"tine_{i}": (x, (i - 1.5) * gap, 0.0) for i in range(4)}
    return {**tines, "handle_end": (-p["handle_length"], 0, 0.02 * p["handle_length"])}


def _knife(p: Params) -> Points:
    broad, height = p["handle_width"] / 2, p["blade_height"]
    top = 0.8 * broad
    return {
        "tip": (p["blade_length"], top - 0.5 * height, 0),
        "heel": (0, top - height, 0),
        "handle_end": (-p["handle_length"], -0.12 * broad, 0),
    }


def _brush(p: Params) -> Points:
    tip = 0.9 * p["width"] / 2 + p["bristle_length"]
    return {"tip": (tip, 0, 0), "handle_end": (-p["handle_length"], 0, 0)}


def _bolt(p: Params) -> Points:
    return {"head": (0, 0, 0), "tip": (0, 0, 0.65 * p["diameter"] + p["length"])}


def _pencil(p: Params) -> Points:
    return {"point": (0, 0, p["length"] / 2), "end": (0, 0, -p["length"] / 2)}


_KEYPOINTS: dict[str, Callable[[Params], Points]] = {
    "mug": _mug,
    "bowl": lambda p: _open(p, p["diameter"] / 2),
    "cup": lambda p: _open(p, p["diameter"] / 2),
    "glass": lambda p: _open(p, p["diameter"] / 2),
    "plate": _plate,
    "wine_glass": _wine_glass,
    "jar": _stands,
    "bottle": _bottle,
    "carton": _carton,
    "can": _centred,
    "cylinder": _centred,
    "capsule": _capsule,
    "hammer": _hammer,
    "screwdriver": _screwdriver,
    "wrench": _wrench,
    "spoon": _spoon,
    "fork": _fork,
    "knife": _knife,
    "brush": _brush,
    "bolt": _bolt,
    "pencil": _pencil,
}
