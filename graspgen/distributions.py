"""Values of a recipe: a constant or a distribution, written the same way everywhere.

    0.5                                            a constant
    {uniform: [low, high]}                         both ends included where the value is a whole number
    {log_uniform: [low, high]}
    {cosine: [low, high]}                          degrees of elevation: evenly over that part of a sphere
    {normal: [mean, std]}                          truncated to what the key allows
    {truncated_normal: [mean, std, low, high]}
    {choice: [a, b, c], weights: [1, 2, 1]}        weights may be left out
    {poisson: mean}  or  {poisson: [mean, low, high]}   truncated to low..high, or to what the key allows
    {uniform: [low, high], part: [0.5, 1]}         what lies between two quantiles of any distribution: its upper half

Every draw takes exactly one uniform number from the stream and inverts the distribution's function, so changing one
value of a recipe from a constant to a distribution moves no other draw.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
from pydantic import GetCoreSchemaHandler
from pydantic_core import core_schema
from scipy.special import ndtr, ndtri, pdtr

from graspgen.errors import nearest

Scalar = float | int | str

#: Names of the parameters of each kind, in the order in which they are written.
PARAMETERS: dict[str, tuple[str, ...]] = {
    "constant": ("value",),
    "uniform": ("low", "high"),
    "log_uniform": ("low", "high"),
    "cosine": ("low", "high"),
    "normal": ("mean", "std"),
    "truncated_normal": ("mean", "std", "low", "high"),
    "choice": ("options",),
    "poisson": ("mean", "low", "high"),
}


#: Quantiles of all of a distribution.
WHOLE = (0.0, 1.0)


@dataclass(frozen=True)
class Distribution:
    """A value of a recipe. Build it with `parse`, which checks it."""

    kind: str
    values: tuple[Scalar, ...]
    weights: tuple[float, ...] | None = None
    integer: bool = False
    part: tuple[float, float] = WHOLE

    @property
    def is_constant(self) -> bool:
        """Whether every draw gives the same value."""
        return self.kind == "constant"

    @property
    def support(self) -> tuple[float, float]:
        """Smallest and largest number that a draw can give (infinite for a normal); only for numbers."""
        v = self.values
        match self.kind:
            case "constant":
                return float(v[0]), float(v[0])
            case "uniform" | "log_uniform" | "cosine":
                return float(v[0]), float(v[1])
            case "normal":
                return (-math.inf, math.inf) if v[1] > 0 else (float(v[0]), float(v[0]))
            case "truncated_normal":
                return float(v[2]), float(v[3])
            case "poisson":
                return float(v[1]), float(v[2])
            case _:
                return float(min(v)), float(max(v))

    @property
    def options(self) -> tuple[Scalar, ...]:
        """The values of a constant or a choice; empty for the others."""
        return self.values if self.kind in ("constant", "choice") else ()

    def draw(self, rng: np.random.Generator) -> Scalar:
        """Draw one value, using exactly one uniform number of `rng`."""
        low, high = self.part
        return self.quantile(low + float(rng.random()) * (high - low))

    def quantile(self, u: float) -> Scalar:
        """Return the value below which the share `u`, 0 … 1, of the whole distribution lies; of names, one at `u`."""
        u = min(max(u, 2.0**-54), 1 - 2.0**-53)
        v = self.values
        match self.kind:
            case "constant":
                x = v[0]
            case "uniform" if self.integer:
                x = min(int(v[0]) + math.floor(u * (int(v[1]) - int(v[0]) + 1)), int(v[1]))
            case "uniform":
                x = v[0] + u * (v[1] - v[0])
            case "log_uniform":
                x = math.exp(math.log(v[0]) + u * (math.log(v[1]) - math.log(v[0])))
            case "cosine":
                low, high = (math.sin(math.radians(e)) for e in v)
                x = min(max(math.degrees(math.asin(low + u * (high - low))), v[0]), v[1])
            case "normal":
                x = v[0] + v[1] * float(ndtri(u))
            case "truncated_normal":
                mean, std, low, high = v
                a, b = ndtr((low - mean) / std), ndtr((high - mean) / std)
                x = min(max(mean + std * float(ndtri(a + u * (b - a))), low), high)
            case "poisson":
                x = _poisson_inverse(u, *v)
            case _:
                weights = np.asarray(self.weights or np.ones(len(v)))
                x = v[
                    min(
                        int(np.searchsorted(np.cumsum(weights) / weights.sum(), u, "right")),
                        len(v) - 1,
                    )
                ]
        return round(x) if self.integer and not isinstance(x, str) else x

    def written(self) -> Any:
        """Return the value as a recipe writes it."""
        if self.is_constant:
            return self.values[0]
        if self.part != WHOLE:
            return {**replace(self, part=WHOLE).written(), "part": list(self.part)}
        if self.kind == "choice" and self.weights:
            return {"choice": list(self.values), "weights": list(self.weights)}
        if self.kind == "poisson" and self.values[1:] == (0, math.inf):
            return {"poisson": self.values[0]}
        return {self.kind: list(self.values)}

    def __str__(self) -> str:
        if self.is_constant:
            return f"{self.values[0]}"
        if self.part != WHOLE:
            return f"{replace(self, part=WHOLE)}, its quantiles {self.part[0]:g} to {self.part[1]:g}"
        if self.kind == "choice":
            weights = self.weights or (1,) * len(self.values)
            total = sum(weights)
            return "choice " + ", ".join(f"{v} {w / total:.0%}" for v, w in zip(self.values, weights, strict=True))
        named = zip(PARAMETERS[self.kind], self.values, strict=True)
        return f"{self.kind} " + ", ".join(f"{n} {v:g}" for n, v in named)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            parse,
            serialization=core_schema.plain_serializer_function_ser_schema(Distribution.written),
        )


@dataclass(frozen=True)
class Bounds:
    """What a field of a recipe allows, and its unit; checked when the recipe is read."""

    unit: str = ""
    low: float = -math.inf
    high: float = math.inf
    integer: bool = False
    text: bool = False

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        inner = handler(source)
        return core_schema.no_info_after_validator_function(self.check, inner)

    def _truncated(self, value: Distribution) -> Distribution:
        """Keep a normal, or a Poisson without a largest value, within what the field allows."""
        v = value.values
        if value.kind == "normal" and v[1] > 0 and math.isfinite(self.low) and math.isfinite(self.high):
            if self.low <= v[0] <= self.high:
                return replace(value, kind="truncated_normal", values=(*v, self.low, self.high))
        if value.kind == "poisson" and math.isinf(float(v[2])) and math.isfinite(self.high):
            return replace(value, values=(v[0], max(v[1], math.ceil(self.low)), math.floor(self.high)))
        return value

    def check(self, value: Distribution) -> Distribution:
        """Return `value`, made whole where the field asks for it; raise ValueError where it is out of bounds."""
        is_text = any(isinstance(v, str) for v in value.values)
        if self.text:
            if not value.options or not all(isinstance(v, str) for v in value.values):
                raise ValueError(f"expected a name or a choice of names, got {value}")
            return value
        if is_text:
            raise ValueError(f"expected a number or a distribution of numbers, got {value}")
        value = self._truncated(value)
        low, high = value.support
        if low < self.low or high > self.high:
            raise ValueError(f"{value} can leave the allowed range [{self.low:g}, {self.high:g}] {self.unit}".rstrip())
        if self.integer:
            whole = value.values if value.kind in ("constant", "uniform", "choice") else ()
            if any(float(v) != int(v) for v in whole):
                raise ValueError(f"expected whole numbers, got {value}")
            return replace(value, integer=True)
        return value


def Number(unit: str = "", low: float = -math.inf, high: float = math.inf) -> Any:
    """Type of a recipe's field that holds a number or a distribution within [low, high] `unit`."""
    return Annotated[Distribution, Bounds(unit, low, high)]


def Whole(unit: str = "", low: float = 0, high: float = math.inf) -> Any:
    """Type of a recipe's field that holds a whole number or a distribution of whole numbers."""
    return Annotated[Distribution, Bounds(unit, low, high, integer=True)]


Name = Annotated[Distribution, Bounds(text=True)]
"""Type of a recipe's field that holds a name or a choice of names."""


def parse(written: Any) -> Distribution:
    """Turn what a recipe says into a `Distribution`.

    Raises:
        ValueError: the kind is unknown, parameters are missing or too many, or the range is empty.
    """
    if isinstance(written, Distribution):
        return written
    if isinstance(written, bool) or written is None or isinstance(written, list):
        raise ValueError(f"expected a constant or a distribution such as {{uniform: [0, 1]}}, got {written!r}")
    if not isinstance(written, dict):
        return Distribution("constant", (_finite(written),))
    if "part" in written:
        return _part(written)
    kinds = [k for k in written if k != "weights"]
    if len(kinds) != 1 or kinds[0] not in PARAMETERS:
        hint = nearest(kinds[0], PARAMETERS) if len(kinds) == 1 else f"; known: {', '.join(PARAMETERS)}"
        raise ValueError(f"expected one distribution, got {', '.join(map(str, kinds)) or 'nothing'}{hint}")
    kind, given = kinds[0], written[kinds[0]]
    if kind == "choice":
        return _parse_choice(given, written.get("weights"))
    if "weights" in written:
        raise ValueError("weights belong to choice")
    return _parse_numbers(kind, given)


def _part(written: dict[str, Any]) -> Distribution:
    whole = parse({key: value for key, value in written.items() if key != "part"})
    given = written["part"]
    if not isinstance(given, list) or len(given) != 2:
        raise ValueError(f"part needs two quantiles [low, high], got {given!r}")
    low, high = (float(_number(x)) for x in given)
    if not 0 <= low < high <= 1:
        raise ValueError(f"part needs two quantiles 0 <= low < high <= 1, got {given}")
    return replace(whole, part=(low, high))


def _parse_choice(options: Any, weights: Any) -> Distribution:
    if not isinstance(options, list) or not options:
        raise ValueError(f"choice needs a list of at least one value, got {options!r}")
    values = tuple(_finite(o) for o in options)
    if len({isinstance(v, str) for v in values}) > 1:
        raise ValueError(f"choice mixes names and numbers: {list(values)}")
    if weights is None:
        return Distribution("choice", values)
    if not isinstance(weights, list) or len(weights) != len(values):
        raise ValueError(f"choice of {len(values)} values needs {len(values)} weights, got {weights!r}")
    w = tuple(_number(x) for x in weights)
    if min(w) < 0 or sum(w) <= 0:
        raise ValueError(f"weights must be >= 0 and not all zero, got {list(w)}")
    return Distribution("choice", values, w)


def _parse_numbers(kind: str, given: Any) -> Distribution:
    names = PARAMETERS[kind]
    if isinstance(given, dict):
        unknown = [k for k in given if k not in names]
        if unknown:
            raise ValueError(f"{kind} has no parameter '{unknown[0]}'{nearest(str(unknown[0]), names)}")
        given = [given[n] for n in names if n in given]
    if kind == "poisson":
        given = given if isinstance(given, list) else [given]
        given = given + [0, math.inf][len(given) - 1 :]
    if not isinstance(given, list) or len(given) != len(names):
        raise ValueError(f"{kind} needs [{', '.join(names)}], got {given!r}")
    v = tuple(_number(x, allow_infinite=kind == "poisson") for x in given)
    named = dict(zip(names, v, strict=True))
    low, high = named.get("low"), named.get("high")
    if low is not None and (low > high or (kind != "poisson" and low == high)):
        raise ValueError(f"{kind} has an empty range: low {low:g} is not below high {high:g}")
    if kind == "log_uniform" and v[0] <= 0:
        raise ValueError(f"log_uniform needs low > 0, got {v[0]:g}")
    if kind == "cosine" and not -90 <= v[0] < v[1] <= 90:
        raise ValueError(f"cosine needs degrees of elevation within -90 … 90, got {list(v)}")
    if named.get("std", 1) < 0 or (kind == "truncated_normal" and named["std"] == 0):
        raise ValueError(f"{kind} needs std > 0, got {named['std']:g}")
    if kind == "poisson" and (v[0] <= 0 or v[1] < 0):
        raise ValueError(f"poisson needs mean > 0 and low >= 0, got {list(v)}")
    return Distribution(kind, v)


def _poisson_inverse(u: float, mean: float, low: float, high: float) -> int:
    """Smallest k in low..high whose share of the truncated distribution reaches u."""
    below = float(pdtr(low - 1, mean)) if low > 0 else 0.0
    above = 1.0 if math.isinf(high) else float(pdtr(high, mean))
    if above <= below:  # the whole range lies in a tail that underflows: its likelier end
        return int(low if mean < low else high)
    target, k = below + u * (above - below), int(low)
    while k < high and float(pdtr(k, mean)) < target:
        k += 1
    return k


def _number(x: Any, allow_infinite: bool = False) -> float | int:
    if isinstance(x, bool) or not isinstance(x, int | float):
        raise ValueError(f"expected a number, got {x!r}")
    if math.isnan(x) or (math.isinf(x) and not allow_infinite):
        raise ValueError(f"expected a finite number, got {x}")
    return x


def _finite(x: Any) -> Scalar:
    return x if isinstance(x, str) else _number(x)
