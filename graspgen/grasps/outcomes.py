"""Outcome codes: what happened to a grasp, never only whether it worked. The numbers are stored: never change one."""

from __future__ import annotations

from enum import IntEnum

#: Instance id of the hand in masks of trials; no object has it.
HAND_INSTANCE = 255


class Outcome(IntEnum):
    """What happened in a trial. Exactly one applies; the earliest cause wins."""

    SUCCESS = 0
    """Held, by both fingers, two links of a hand or a cup, through every disturbance, moved less than the limits."""
    HITS_TARGET = 1
    """The open hand touches the object that it should grasp, on its approach or at the grasp."""
    HITS_OBJECT = 2
    """The open hand touches another object."""
    HITS_SUPPORT = 3
    """The open hand touches the support."""
    NO_CONTACT = 4
    """The fingers closed without touching the object."""
    ONE_FINGER = 5
    """After closing only one finger touches the object; of multi-finger hands no two links from opposite sides."""
    DROPPED = 6
    """Contact was lost, in `phase`: while closing (the object was pushed or squeezed out), or after it."""
    SLIPPED = 7
    """The centre of mass moved more than the limit since the close."""
    ROTATED = 8
    """The object turned more than the limit since the close."""
    LIFTED_NEIGHBOUR = 9
    """Another object came along (in-scene trials)."""
    UNSTABLE = 10
    """The simulation diverged; the label says nothing about the grasp."""
    BLOCKED = 11
    """The hand fell behind its path after the close, its force at its limit: too heavy, or caught (in-scene trials)."""
    NO_SEAL = 12
    """No cup seals on the surface that it is pressed against (suction)."""
    PEELED = 13
    """A part of the lip lifted, air came in, and the last cup that held let go (suction)."""
    NOT_TRIED = 255
    """No trial was made."""


class Phase(IntEnum):
    """Where in a trial something happened."""

    APPROACH = 0
    CLOSE = 1
    DISTURB = 2
    HOLD = 3
    LIFT = 4
    """In-scene trials; DISTURB has no part in them, and HOLD is at the top of the lift."""
    SHAKE = 5
    """In-scene trials, where shaking is asked for; the rest after it included."""


class Sampler(IntEnum):
    """How a candidate was proposed."""

    ANTIPODAL = 0
    """Ray through the object inside the friction cone; approach uniform about the closing line."""
    GIVEN = 1
    """By the user."""
    PERTURBED = 2
    """A successful grasp, moved a little."""
    ANTIPODAL_CLEAR = 3
    """As ANTIPODAL, but approach and opening were drawn again until the open hand was clear of the object."""
    ANTIPODAL_BLOCKED = 4
    """As ANTIPODAL_CLEAR, but none of the draws was clear; the first is kept."""
    SURFACE = 10
    """Suction: a point of the surface, uniform by area, approached within a cone about its inward normal."""
    SURFACE_SEALED = 11
    """As SURFACE, but points were drawn again until a cup sealed."""
    SURFACE_UNSEALED = 12
    """As SURFACE_SEALED, but at none of the points a cup sealed; the first is kept."""
    APPROACH = 20
    """Multi-finger: as SURFACE, at a drawn depth, opening and way to hold; the fingers close on what they meet."""
    APPROACH_CLEAR = 21
    """As APPROACH, but drawn again until the open hand was clear of the object."""
    APPROACH_BLOCKED = 22
    """As APPROACH_CLEAR, but none of the draws was clear; the first is kept."""
    CONTACT = 23
    """Multi-finger: pose and joints optimised until the fingertips lie on the surface, clear of it before closing."""
    CONTACT_BLOCKED = 24
    """As CONTACT, but at no opening was the hand clear of the object."""
    SCENE_CLEAR = 25
    """Multi-finger: along the robot's approach cone, drawn again until clear of object, support and neighbours."""
    SCENE_BLOCKED = 26
    """As SCENE_CLEAR, but none of the draws was clear; the first is kept."""
    SCENE_CONTACT = 27
    """As CONTACT, from starts as SCENE_CLEAR's, above what the object stands on, clear of support and neighbours."""
    SCENE_CONTACT_BLOCKED = 28
    """As SCENE_CONTACT, but at no opening was the hand clear of all that."""


class Collision(IntEnum):
    """Bits of `grasps.collision`: what the open hand touches, where."""

    SUPPORT_AT_GRASP = 1
    NEIGHBOUR_AT_GRASP = 2
    TARGET_AT_GRASP = 4
    SUPPORT_ON_APPROACH = 8
    NEIGHBOUR_ON_APPROACH = 16
    TARGET_ON_APPROACH = 32
