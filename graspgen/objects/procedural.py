"""The catalogue of procedural objects: asset k is made from the run's seed and k alone."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from graspgen.distributions import Distribution
from graspgen.errors import ObjectError, RecipeError, nearest
from graspgen.objects.asset import Asset
from graspgen.objects.catalogue import grouped
from graspgen.objects.families import FAMILIES
from graspgen.objects.family import Built, Family
from graspgen.objects.keypoints import keypoints_of
from graspgen.objects.materials import materials
from graspgen.objects.parameter import Params
from graspgen.objects.pseudo_inertia import mass_com_inertia
from graspgen.objects.unwrap import unwrap
from graspgen.objects.weigh import weigh
from graspgen.recipe import Objects
from graspgen.streams import Purpose, stream

#: Assets kept in memory: all of a pool of the usual size, of some 70 kB each, or an asset is made again and again.
CACHE = 1024

_DRAWN_LAST = {
    "material_density": "density of its material, kg/m³",
    "friction": "sliding friction of its material",
    "second_density": "density of its second material, kg/m³",
}


class ProceduralCatalogue:
    """Procedural assets 0 … pool − 1 of a run.

    Asset k draws its family, then the family's parameters and materials, all from `stream(seed, Purpose.ASSET, k)`.
    """

    def __init__(self, objects: Objects, seed: int) -> None:
        """Check that every family of the recipe exists, and that the parameters it overrides do.

        Raises:
            RecipeError: it names an unknown family or parameter, or asks for values that no object can be built from.
        """
        for name in objects.families.options:
            if name not in FAMILIES:
                raise RecipeError(f"objects.families: unknown family '{name}'{nearest(str(name), FAMILIES)}")
        self._families: Distribution = objects.families
        self._overrides = objects.parameters
        check_overrides(objects.parameters)
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
        return FAMILIES[str(self._families.draw(stream(self._seed, Purpose.ASSET, number)))].class_name

    @cached_property
    def by_class(self) -> Mapping[str, Sequence[int]]:
        """Numbers of its assets by class; nothing is built."""
        return grouped([self.class_of(number) for number in range(self._pool)])

    def asset(self, number: int) -> Asset:
        """Make asset `number`, or return it from memory.

        Raises:
            ObjectError: the catalogue has no such number, or its parameters contradict each other.
        """
        if not 0 <= number < self._pool:
            raise ObjectError(f"asset {number} is not in the pool of {self._pool} objects (objects.pool)")
        if number in self._cache:
            self._cache.move_to_end(number)
            return self._cache[number]
        rng = stream(self._seed, Purpose.ASSET, number)
        family = FAMILIES[str(self._families.draw(rng))]
        params = draw_params(family, rng, self._overrides.get(family.name))
        asset = asset_from_params(family.name, params, f"{family.name}-{number:06d}")
        self._cache[number] = asset
        if len(self._cache) > CACHE:
            self._cache.popitem(last=False)
        return asset


def check_overrides(parameters: Mapping[str, Mapping[str, Distribution]]) -> None:
    """Check what a recipe says in `objects.parameters`.

    Raises:
        RecipeError: it names an unknown family or parameter, or asks for values that no object can be built from.
    """
    for name, asked in parameters.items():
        if name not in FAMILIES:
            raise RecipeError(f"objects.parameters: unknown family '{name}'{nearest(name, FAMILIES)}")
        known = FAMILIES[name].parameters
        for key, distribution in asked.items():
            where = f"objects.parameters.{name}.{key}"
            if key not in known:
                raise RecipeError(f"{where}: the family '{name}' has no such parameter{nearest(key, known)}")
            try:
                known[key].overridden(distribution)
            except ValueError as error:
                raise RecipeError(f"{where}, {known[key].doc}: {error}") from None


def draw_params(
    family: Family, rng: np.random.Generator, overrides: Mapping[str, Distribution] | None = None
) -> dict[str, Any]:
    """Draw all that an asset of a family is made from: its parameters, then density and friction of its material(s)."""
    params = family.draw(rng, overrides)
    main = materials()[str(params["material"])]
    params["material_density"], params["friction"] = float(main.density.draw(rng)), float(main.friction.draw(rng))
    if family.second is not None:
        params["second_density"] = float(materials()[str(params["second_material"])].density.draw(rng))
    return params


def asset_from_params(family: str, params: Params, name: str) -> Asset:
    """Build an asset of `family` from what was drawn for it, or from what is stored with an asset.

    Args:
        family: name in `FAMILIES`.
        params: a value for every parameter of the family, and `material_density` (kg/m³), `friction` and, where the
            family has a second material, `second_density`.
        name: of the asset.

    Raises:
        ObjectError: the family or a parameter is unknown or missing, or the parameters contradict each other.
    """
    if family not in FAMILIES:
        raise ObjectError(f"unknown family '{family}'{nearest(family, FAMILIES)}")
    known = FAMILIES[family]
    docs = {key: p.doc for key, p in known.parameters.items()} | _DRAWN_LAST
    if known.second is None:
        del docs["second_density"]
    for key in params:
        if key not in docs:
            raise ObjectError(f"family '{family}' has no parameter '{key}'{nearest(key, docs)}")
    for key, doc in docs.items():
        if key not in params:
            raise ObjectError(f"family '{family}' needs the parameter '{key}', {doc}")
    mesh, parts = _built(known, params, name)
    volume, J = weigh(known, mesh, parts, params)
    mass, com, inertia = mass_com_inertia(J)
    density = mass / volume
    plain: dict[str, Any] = dict(params)
    return Asset(
        name=name,
        class_name=known.class_name,
        mesh=unwrap(mesh, known.unwrap),
        parts=parts,
        volume=volume,
        com=com,
        unit_inertia=inertia / density,
        density=density,
        friction=float(params["friction"]),
        source=f"procedural:{family}",
        params=plain,
        symmetry=known.symmetry(params),
        keypoints=keypoints_of(family, params),
    )


def _built(family: Family, params: Params, name: str) -> Built:
    try:
        mesh, parts = family.build(params)
    except (ObjectError, ValueError, ArithmeticError) as error:
        raise _contradiction(family, params, name, str(error)) from error
    if not np.isfinite(mesh.vertices).all() or not len(mesh.faces):
        raise _contradiction(family, params, name, "a size is not finite or nothing is left")
    return mesh, parts


def _contradiction(family: Family, params: Params, name: str, why: str) -> ObjectError:
    told = ", ".join(f"{k} {v:.4g}" for k, v in params.items() if isinstance(v, int | float) and k in family.parameters)
    return ObjectError(
        f"{name} cannot be built: its parameters contradict each other ({why}); change "
        f"objects.parameters.{family.name}; it has {told}"
    )
