"""Mass, centre of mass and inertia as one matrix that adds up and cannot become impossible.

The pseudo-inertia of a body is the 4×4 matrix J = ∫ ρ(x) [x; 1][x; 1]ᵀ dx = [[Σ, h], [hᵀ, m]] with h = m·c the first
moment and Σ the second moment about the frame's origin. Bodies add by adding their matrices. A mass distribution
exists for J exactly when J is positive definite: then the inertia is positive definite and its principal moments
satisfy the triangle inequality (Wensing, Kim & Slotine, "Linear matrix inequalities for physically-consistent
inertial parameter identification", IEEE RA-L 2018). A matrix T·J·Tᵀ with T = [[A, b], [0, 1]] is that of the body
whose matter was moved by x → A·x + b, so every randomization of this kind stays physical.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from graspgen.frames import Array
from graspgen.objects.mass import mass_properties


def pseudo_inertia(mass: float, com: ArrayLike, inertia: ArrayLike) -> Array:
    """Return the (4, 4) pseudo-inertia about the frame's origin.

    Args:
        mass: kg.
        com: (3,) centre of mass, m.
        inertia: (3, 3) about the centre of mass, kg m².
    """
    c, inertia = np.asarray(com, float), np.asarray(inertia, float)
    J = np.empty((4, 4))
    J[:3, :3] = np.trace(inertia) / 2 * np.eye(3) - inertia + mass * np.outer(c, c)
    J[:3, 3] = J[3, :3] = mass * c
    J[3, 3] = mass
    return J


def mass_com_inertia(J: ArrayLike) -> tuple[float, Array, Array]:
    """Return mass (kg), (3,) centre of mass (m) and (3, 3) inertia about it (kg m²) of a (4, 4) pseudo-inertia."""
    J = np.asarray(J, float)
    mass = float(J[3, 3])
    com = J[:3, 3] / mass
    second = J[:3, :3] - mass * np.outer(com, com)
    inertia = np.trace(second) * np.eye(3) - second
    return mass, com, (inertia + inertia.T) / 2


def solid(vertices: ArrayLike, faces: ArrayLike) -> Array:
    """Return the (4, 4) pseudo-inertia of the inside of a closed mesh at 1 kg/m³."""
    m = mass_properties(vertices, faces)
    return pseudo_inertia(m.volume, m.com, m.unit_inertia)


def shell(vertices: ArrayLike, faces: ArrayLike, thickness: float) -> Array:
    """Return the (4, 4) pseudo-inertia of a thin skin on the faces of a mesh at 1 kg/m³.

    The thickness (m) counts as small: the skin's volume is area times thickness, its matter lies in the faces. For a
    triangle of area A, ∫ x xᵀ = A/12 (Σᵢ vᵢ vᵢᵀ + s sᵀ).
    """
    a, b, c = np.moveaxis(np.asarray(vertices, float)[np.asarray(faces)], 1, 0)
    weight = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2 * thickness
    s = a + b + c
    J = np.empty((4, 4))
    J[:3, :3] = sum((p * weight[:, None]).T @ p for p in (a, b, c, s)) / 12
    J[:3, 3] = J[3, :3] = weight @ s / 3
    J[3, 3] = weight.sum()
    return J


def deformed(J: ArrayLike, scale: ArrayLike, shift: ArrayLike) -> Array:
    """Return the pseudo-inertia after the matter was stretched about its centre by `scale` (3,) along the axes and then
    shifted by `shift` (3,), m. The mass stays."""
    J = np.asarray(J, float)
    com = J[:3, 3] / J[3, 3]
    T = np.eye(4)
    T[:3, :3] = np.diag(np.asarray(scale, float))
    T[:3, 3] = com - T[:3, :3] @ com + np.asarray(shift, float)
    moved = T @ J @ T.T
    return (moved + moved.T) / 2


def is_physical(J: ArrayLike) -> bool:
    """Tell whether some distribution of mass has this (4, 4) pseudo-inertia."""
    J = np.asarray(J, float)
    if not np.isfinite(J).all() or J[3, 3] <= 0:
        return False
    inertia = mass_com_inertia(J)[2]
    second = np.trace(inertia) / 2 * np.eye(3) - inertia
    return bool(np.linalg.eigvalsh(second)[0] > 0)
