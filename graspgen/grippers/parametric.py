"""A parallel jaw of boxes from a few figures: how far it opens, how long its fingers are, how large its pads are."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

#: Names of what a gripper's file names elsewhere: base, fingers, driven joints.
BASE, FINGERS, JOINTS = "base", ("left_finger", "right_finger"), ("left_joint", "right_joint")

_HEAD = """<mujoco model="{name}">
  <compiler angle="radian" autolimits="true"/>
  <default>
    <default class="finger">
      <joint type="slide" axis="0 1 0" range="0 {half_stroke:g}" armature="0.1" damping="1"
        solreflimit="0.004 1" solimplimit="0.99 0.999 0.0001"/>
      <geom type="box" rgba="0.70 0.71 0.73 1"/>
    </default>
    <default class="look">
      <geom type="mesh" group="2" contype="0" conaffinity="0" mass="0" rgba="0.25 0.33 0.45 1"/>
    </default>
    <equality solref="0.004 1" solimp="0.99 0.999 0.0001"/>
  </default>
  <asset>
    <mesh name="palm" builtin="supersphere" params="20 0.15 0.15" scale="{palm_x:g} {palm_y:g} {palm_z:g}"/>
    <mesh name="blade" vertex="{blade_hull}"/>
  </asset>
  <worldbody>
    <body name="base">
      <geom name="flange" type="cylinder" size="0.0315 0.005" pos="0 0 0.005" rgba="0.62 0.63 0.65 1" mass="0.1"/>
      <geom name="palm" type="box" size="{palm_x:g} {palm_y:g} {palm_z:g}" pos="0 0 {palm_at:g}"
        group="3" rgba="0.25 0.33 0.45 1" mass="0.6"/>
      <geom class="look" mesh="palm" pos="0 0 {palm_at:g}"/>
      <geom class="look" type="box" size="{slot_x:g} {slot_y:g} 0.0006" pos="0 0 {slot_at:g}" rgba="0.13 0.14 0.16 1"/>
"""
_FINGER = """      <body name="{side}_finger" pos="0 0 {root:g}"{turn} childclass="finger">
        <joint name="{side}_joint"/>
        <geom name="{side}_jaw" size="{jaw_x:g} {thick:g} 0.006" pos="0 {jaw_y:g} 0.006"
          rgba="0.35 0.36 0.38 1" mass="0.02"/>
        <geom name="{side}_blade" size="{pad_x:g} {blade:g} {blade_z:g}" pos="0 {blade_y:g} {blade_at:g}" group="3"
          mass="0.02"/>
        <geom class="look" mesh="blade" rgba="0.70 0.71 0.73 1"/>
        <geom name="{side}_pad" size="{pad_x:g} {rubber:g} {pad_z:g}" pos="0 {rubber:g} {pad_at:g}"
          rgba="0.10 0.10 0.11 1" mass="0.01"/>
      </body>
"""
_TAIL = """    </body>
  </worldbody>
  <equality>
    <joint joint1="right_joint" joint2="left_joint"/>
  </equality>
</mujoco>
"""


class JawShape(BaseModel):
    """Figures of a jaw of boxes, m. Stroke and pad are the gripper's own keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    finger_length: float = Field(0.06, ge=0.015, le=0.5)
    """From the palm's front to the fingertips, m."""
    finger_thickness: float = Field(0.012, ge=0.004, le=0.1)
    """Of each finger along the closing direction, its pad included, m."""
    palm_length: float = Field(0.06, ge=0.015, le=0.3)
    """From the flange to the palm's front, m."""


def parametric_mjcf(name: str, shape: JawShape, stroke: float, pad: tuple[float, float]) -> str:
    """Return the model of a jaw: a palm as wide as the stroke asks for, and two straight fingers with pads at the tips.

    Args:
        name: of the gripper.
        shape: figures of palm and fingers.
        stroke: largest opening, m.
        pad: width (x) and length (z) of a pad, m.
    """
    rubber = min(0.0025, shape.finger_thickness / 4)
    blade = shape.finger_thickness / 2 - rubber
    half_pad = min(pad[1], shape.finger_length - 0.001) / 2
    near, far, tip = 2 * rubber, shape.finger_thickness, shape.finger_length
    chamfer = min(2 * blade, pad[0] / 2, tip / 4) / 2
    figures: dict[str, object] = {
        "name": name,
        "half_stroke": stroke / 2,
        "palm_x": max(0.0325, pad[0] / 2 + 0.004),
        "palm_y": stroke / 2 + shape.finger_thickness + 0.02,
        "palm_z": (shape.palm_length - 0.01) / 2,
        "palm_at": (shape.palm_length + 0.01) / 2,
        "root": shape.palm_length,
        "jaw_x": max(0.012, pad[0] / 2),
        "thick": (shape.finger_thickness + 0.012) / 2,
        "jaw_y": (shape.finger_thickness + 0.012) / 2 + 0.001,
        "pad_x": pad[0] / 2,
        "rubber": rubber,
        "pad_z": half_pad,
        "pad_at": shape.finger_length - half_pad,
        "blade": blade,
        "blade_y": 2 * rubber + blade,
        "blade_z": shape.finger_length / 2,
        "blade_at": shape.finger_length / 2,
        "blade_hull": _hull(
            pad[0] / 2, [(near, 0), (far, 0), (far, tip - 2 * chamfer), (far - chamfer, tip), (near, tip)]
        ),
        "slot_x": max(0.012, pad[0] / 2) + 0.001,
        "slot_y": stroke / 2 + shape.finger_thickness + 0.014,
        "slot_at": shape.palm_length - 0.0004,
    }
    left = _FINGER.format(side="left", turn="", **figures)
    right = _FINGER.format(side="right", turn=' quat="0 0 0 1"', **figures)
    return _HEAD.format(**figures) + left + right + _TAIL


def _hull(half: float, outline: list[tuple[float, float]]) -> str:
    """Vertices of an outline (y, z) that is drawn out along x by a half width, m."""
    return "  ".join(f"{x:g} {y:g} {z:g}" for x in (-half, half) for y, z in outline)


def parametric_tcp(shape: JawShape, pad: tuple[float, float]) -> tuple[float, float, float]:
    """Return the tool point of such a jaw in its base: the middle of the pads, m."""
    return (0.0, 0.0, shape.palm_length + shape.finger_length - min(pad[1], shape.finger_length - 0.001) / 2)
