"""Draw the depth sensor of a view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from graspgen.recipe.sensors import Sensor
from graspgen.scene.drawing import VIEW, number, scene_stream
from graspgen.scene.plan import ObjectPlan, SurfacePlan
from graspgen.scene.sensor_plan import SensorPlan
from graspgen.streams import Purpose

#: Stream of a sensor, below that of its camera: part of every seed's meaning (1 is its lens, 2 a redraw).
_SENSOR = 3
#: Depth is stored up to here, m.
_FURTHEST = 6.5535
#: How much a metal mirrors whose look says nothing of it: brushed, as tools are.
_BRUSHED = 0.6
_METALS = ("steel", "aluminium", "brass")
_GLASS = "glass"


def draw_sensor(
    spec: Sensor,
    seed: int,
    key: tuple[int, int],
    slot: int,
    view: int,
    objects: Sequence[ObjectPlan] = (),
    surfaces: Mapping[str, SurfacePlan] | None = None,
) -> SensorPlan | None:
    """Draw the depth sensor of a view, None where the recipe has none.

    Args:
        spec: the recipe's section.
        seed: of the run.
        key: scene and attempt.
        slot: number of the camera; the two of a stereo pair are one device.
        view: number of the view, which has noise of its own.
        objects: of the scene.
        surfaces: how the view's surfaces look, by material.
    """
    if not spec.on:
        return None
    rng = scene_stream(seed, Purpose.CAMERA, key, VIEW, slot, _SENSOR)
    name = str(spec.profile.draw(rng))
    profile = spec.profile_of(name)
    bias, axial = number(spec.scale_bias, rng), number(spec.axial_noise, rng)
    keys = ("disparity_noise", "lateral_shift", "dropout", "grazing_deg", "dark", "specular", "transparent")
    drawn = {k: number(getattr(spec, k), rng, getattr(profile, k)) for k in keys}
    noise = scene_stream(seed, Purpose.CAMERA, key, VIEW, view, _SENSOR, 1)
    near, far = profile.range or (0.0, _FURTHEST)
    stereo = profile.baseline is not None
    a, field = profile.axial, None
    if stereo and profile.width and profile.fx and not profile.converging:
        K = profile.K(profile.width, profile.height or profile.width)
        field = (-K[0][2] / K[0][0], (profile.width - K[0][2]) / K[0][0])
    return SensorPlan(
        profile=name,
        version=profile.version,
        focal=profile.fx,
        baseline=profile.baseline,
        field=field,
        range=(near, min(far, _FURTHEST)),
        unit=profile.unit,
        disparity_step=profile.disparity_step,
        lateral_tilt=profile.lateral_tilt,
        axial=(axial * a.constant, axial * a.linear, axial * a.quadratic, a.start, axial * a.tilt),
        mixed=profile.mixed,
        scale_bias=bias,
        shadow=stereo if spec.shadow is None else spec.shadow and stereo,
        **{**drawn, "disparity_noise": drawn["disparity_noise"] if stereo else 0.0},
        lost=_lost(objects, surfaces or {}, drawn["specular"], drawn["transparent"]),
        noise_seed=int(noise.random() * 2**32),
    )


def _lost(
    objects: Sequence[ObjectPlan], surfaces: Mapping[str, SurfacePlan], specular: float, transparent: float
) -> dict[int, float]:
    """Return the share of the pixels of each object that its material costs, without those that lose none."""
    found = {}
    for o in objects:
        surface = surfaces.get(f"object_{o.instance_id}", o.surface)
        mirror = surface.metallic * (1 - surface.roughness)
        mirror = max(mirror, _BRUSHED if o.made_of in _METALS else 0.0)
        share = max(specular * mirror, transparent if _GLASS in (o.made_of, surface.material) else 0.0)
        if share > 0:
            found[o.instance_id] = share
    return found
