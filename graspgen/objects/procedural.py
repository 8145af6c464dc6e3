"""The catalogue of procedural objects: asset k is made from the run's seed and k alone."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from graspgen.distributions import Distribution
from graspgen.errors import ObjectError, RecipeError, nearest
from graspgen.objects.asset import Asset
from graspgen.objects.families import FAMILIES
from graspgen.objects.mass import mass_properties
from graspgen.objects.parameter import Params
from graspgen.recipe import Objects
from graspgen.streams import Purpose, stream

#: Assets kept in memory.
CACHE = 256


class ProceduralCatalogue:
    """Procedural assets 0 … pool − 1 of a run.

    Asset k draws its family, then the family's parameters, then density and friction, all from
    `stream(seed, Purpose.ASSET, k)`.
    """

    def __init__(self, objects: Objects, seed: int) -> None:
        """Check that every family of the recipe exists.

        Raises:
            RecipeError: it names an unknown family.
        """
        for name in objects.families.options:
            if name not in FAMILIES:
                raise RecipeError(f"objects.families: unknown family '{name}'{nearest(str(name), FAMILIES)}")
        self._families: Distribution = objects.families
        self._pool = objects.pool
        self._seed = seed
        self._cache: OrderedDict[int, Asset] = OrderedDict()

    def __len__(self) -> int:
        return self._pool

    @property
    def class_names(self) -> Sequence[str]:
        """Class names of all families, sorted, so that a class id does not depend on the recipe."""
        return sorted({f.class_name for f in FAMILIES.values()})

    def class_of(self, number: int) -> str:
        """Return the class name of asset `number`, from its first draw; nothing is built."""
        rng = stream(self._seed, Purpose.ASSET, number)
        return FAMILIES[str(self._families.draw(rng))].class_name

    def asset(self, number: int) -> Asset:
        """Make asset `number`, or return it from memory.

        Raises:
            ObjectError: the catalogue has no such number.
        """
        if not 0 <= number < self._pool:
            raise ObjectError(f"asset {number} is not in the pool of {self._pool} objects (objects.pool)")
        if number in self._cache:
            self._cache.move_to_end(number)
            return self._cache[number]
        rng = stream(self._seed, Purpose.ASSET, number)
        family = FAMILIES[str(self._families.draw(rng))]
        params = family.draw(rng)
        density, friction = float(family.density.draw(rng)), float(family.friction.draw(rng))
        asset = asset_from_params(family.name, params, density, friction, f"{family.name}-{number:06d}")
        self._cache[number] = asset
        if len(self._cache) > CACHE:
            self._cache.popitem(last=False)
        return asset


def asset_from_params(family: str, params: Params, density: float, friction: float, name: str) -> Asset:
    """Build an asset of `family` from its parameters, as drawn or as stored with an asset.

    Args:
        family: name in `FAMILIES`.
        params: a value for every parameter of the family.
        density: kg/m³.
        friction: sliding friction.
        name: of the asset.

    Raises:
        ObjectError: the family or a parameter is unknown or missing.
    """
    if family not in FAMILIES:
        raise ObjectError(f"unknown family '{family}'{nearest(family, FAMILIES)}")
    known = FAMILIES[family]
    for key in params:
        if key not in known.parameters:
            raise ObjectError(f"family '{family}' has no parameter '{key}'{nearest(key, known.parameters)}")
    for key in known.parameters:
        if key not in params:
            raise ObjectError(f"family '{family}' needs the parameter '{key}', {known.parameters[key].doc}")
    mesh, parts = known.build(params)
    mass = mass_properties(mesh.vertices, mesh.faces)
    plain: dict[str, Any] = dict(params)
    return Asset(
        name=name,
        class_name=known.class_name,
        mesh=mesh,
        parts=parts,
        volume=mass.volume,
        com=mass.com,
        unit_inertia=mass.unit_inertia,
        density=density,
        friction=friction,
        source=f"procedural:{family}",
        params=plain,
        symmetry=known.symmetry(params),
    )
