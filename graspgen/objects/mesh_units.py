"""Which unit a mesh is in, from its size."""

from __future__ import annotations

from graspgen.errors import ObjectError

#: Metres of each unit.
UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001, "in": 0.0254}
_NAMES = {"m": "metres", "cm": "centimetres", "mm": "millimetres", "in": "inches"}
#: Sizes that an object can have, m: outside of them the unit is probably wrong.
SMALLEST, LARGEST = 0.002, 2.0
#: Sizes of most things that a hand can lift, m: they decide between units.
_USUAL = (0.02, 0.5)


def guess_unit(extent: float) -> str | None:
    """Return the unit in which a mesh of this largest extent is an object; "m" where it can be one in metres.

    Args:
        extent: largest extent in the file's own unit.

    Returns:
        None where no unit, or more than one, makes it an object of a usual size.
    """
    if SMALLEST <= extent <= LARGEST:
        return "m"
    for low, high in (_USUAL, (SMALLEST, LARGEST)):
        fits = [unit for unit, metres in UNITS.items() if low <= extent * metres <= high]
        if fits:
            return fits[0] if len(fits) == 1 else None
    return None


def unit_factor(extent: float, units: str | None, guess: bool, where: str) -> tuple[float, str | None]:
    """Return the factor to metres, and a warning where it was guessed.

    Args:
        extent: largest extent in the file's own unit.
        units: the unit that the user says, or None.
        guess: whether to guess where none is said.
        where: the file, for messages.

    Raises:
        ObjectError: the size is not that of an object, and no unit is said or can be guessed.
    """
    if units is not None:
        return UNITS[units], None
    unit = guess_unit(extent)
    if unit == "m":
        return 1.0, None
    if unit is None or not guess:
        raise ObjectError(size_problem(extent, where))
    return UNITS[unit], (
        f"warning: {extent:.3g} m would be no size for an object: taken as {_NAMES[unit]}, "
        f"so it is {extent * UNITS[unit]:.3g} m wide; --units says otherwise"
    )


def size_problem(extent: float, where: str) -> str:
    """Say what is wrong with a mesh that is `extent` metres wide, and how to mend it."""
    if extent < SMALLEST:
        return (
            f"{where}: the mesh is only {extent * 1000:.3g} mm wide; it looks like another unit than "
            "metres: pass --scale 1000, or --target-size with its largest extent in metres"
        )
    fits = {u: f for u, f in UNITS.items() if SMALLEST <= extent * f <= LARGEST}
    usual = {u: f for u, f in fits.items() if _USUAL[0] <= extent * f <= _USUAL[1]} or fits
    if not usual:
        advice = "it is too large in any unit: pass --target-size with its largest extent in metres"
    elif len(usual) == 1:
        ((unit, factor),) = usual.items()
        advice = f"it looks like {_NAMES[unit]}: pass --units {unit} (--scale {factor:g}), or --target-size"
    else:
        choice = " or ".join(f"{_NAMES[u]} ({extent * f:.2g} m)" for u, f in usual.items())
        advice = f"it could be in {choice}: pass --units {' or '.join(usual)}, or --target-size"
    return f"{where}: the mesh is {extent:.3g} m wide; {advice}"
