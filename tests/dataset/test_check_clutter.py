"""`check` names every fault in the labels of cluttered scenes: flying distractors, sight, cones, roles, ε."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from test_check import damage, put

from graspgen.dataset.check import check
from graspgen.dataset.schema import Role, Seen


def change_plan(change):
    def apply(file):
        plan = json.loads(file["scenes/plan"].asstr()[0])
        change(plan)
        file["scenes/plan"][0] = json.dumps(plan)

    return apply


def swap_sight(file):
    """What is visible becomes occluded and the other way round."""
    seen = file["grasp_views/seen"][...]
    low = (seen & (Seen.FIRST_VISIBLE | Seen.SECOND_VISIBLE)) << 2
    high = (seen & (Seen.FIRST_OCCLUDED | Seen.SECOND_OCCLUDED)) >> 2
    file["grasp_views/seen"][...] = low | high | (seen & 48)


def move_flying(file):
    T = file["flying/T_world_flying"][0]
    T[2, 3] += 0.02
    file["flying/T_world_flying"][0] = T


def grow_and_move_before_a_target(file):
    """Put the first view's shape half way to the first box, there and in the plan: only masks and rays can tell."""
    T = np.eye(4)
    eye = file["views/T_world_camera"][0][:3, 3]
    T[:3, 3] = (eye + file["objects/T_world_object"][0][:3, 3]) / 2
    file["flying/T_world_flying"][0], file["flying/size"][0] = T, [0.08] * 3
    change_plan(lambda p: p["views"][0]["flying"][0].update(size=[0.08] * 3, T_world_flying=T.tolist()))(file)


FAULTS = {
    "a shape moved": (move_flying, {("flying", "T_world_flying")}),
    "a shape that is not the plan's": (change_plan(lambda p: p["views"][0].update(flying=[])), {("views", "id")}),
    "another kind of shape": (put("flying/shape", 0, 3), {("flying", "shape")}),
    "a hidden shape with pixels": (put("flying/shown", 0, False), {("flying", "shown")}),
    "a shape's pixels": (put("flying/pixels", 0, 900), {("flying", "pixels")}),
    "a shape before a target": (grow_and_move_before_a_target, {("views", "id")}),
    "a shape of an unknown view": (put("flying/view", 3, 9 << 16), {("flying", "view")}),
    "visible for occluded": (swap_sight, {("grasp_views", "seen")}),
    "a contact with two bits": (put("grasp_views/seen", 0, 15), {("grasp_views", "seen")}),
    "a tool point elsewhere": (put("grasp_views/tool_pixel", 0, [1.0, 2.0]), {("grasp_views", "tool_pixel")}),
    "a tool point deeper": (put("grasp_views/tool_depth", 0, 0.2), {("grasp_views", "tool_depth")}),
    "a view repeated": (put("grasp_views/view", 1, 0), {("grasp_views", "grasp")}),
    "an approach in degrees": (put("grasps/approach_angle", 0, 1.5), {("grasps", "approach_angle")}),
    "an approach outside its cone": (put("grasps/in_cone", 0, False), {("grasps", "in_cone")}),
    "a distractor that is grasped": (put("objects/role", 0, Role.DISTRACTOR), {("grasps", "object")}),
    "a label that is not wanted": (put("objects/labelled", 0, False), {("annotations", "object")}),
    "another role than planned": (
        change_plan(lambda p: p["objects"][0].update(role="clutter")), {("objects", "role")}
    ),
    "ε of another grasp": (put("grasps/epsilon", 0, 0.9), {("grasps", "epsilon")}),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_single_fault_is_named(copy: Path, fault: str) -> None:
    change, expected = FAULTS[fault]
    damage(copy, change)
    found = {(v.table, v.column) for v in check(copy)}
    assert expected <= found, found


def test_a_plan_without_a_limit_allows_any_shape(copy: Path) -> None:
    def change(file):
        grow_and_move_before_a_target(file)
        change_plan(lambda p: p.update(flying_max_hidden=None))(file)

    damage(copy, change)
    assert not any("the plan allows" in str(v) for v in check(copy))
