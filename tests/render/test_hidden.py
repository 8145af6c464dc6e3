"""Flying distractors never hide more of a target than is allowed: counted in known layers, and in rendered views."""

from __future__ import annotations

import numpy as np
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from render_scenes import at, view_of, world_of

from graspgen.frames import look_at
from graspgen.render.hidden import screen as screened
from graspgen.render.hidden import seen
from graspgen.render.opengl import render_views
from graspgen.scene.build import build_world
from graspgen.scene.plan import FlyingPlan, SurfacePlan


def screen(*args):
    return screened(*args)[0]


def layers(base, masks):
    """Look at an id image `base` behind flying masks, the nearest first."""

    def look(shown):
        flying = np.full(base.shape, -1)
        for i in sorted(shown, reverse=True):
            flying[masks[i]] = i
        return np.where(flying >= 0, 0, base).astype(np.uint8), flying

    return look


def row(*spans):
    mask = np.zeros((1, 100), bool)
    for start, stop in spans:
        mask[0, start:stop] = True
    return mask


BASE = np.array([[1] * 50 + [2] * 50], np.uint8)


def test_the_one_that_hides_most_of_the_worst_off_target_goes_first():
    look = layers(BASE, [row((0, 25)), row((40, 50)), row((60, 65))])  # 50 %, 20 % of target 1; 10 % of target 2
    assert screen(3, [1, 2], 0.3, look) == {1, 2}
    assert screen(3, [1, 2], 0.1, look) == {2}
    assert screen(3, [1, 2], 0.7, look) == {0, 1, 2}  # 70 % is not more than 70 %
    assert screen(3, [2], 0.3, look) == {0, 1, 2}  # target 1 is none here
    assert screen(3, [1, 2], None, look) == {0, 1, 2}
    told = seen({1, 2}, 3, [1, 2], BASE, look({1, 2})[1])
    assert told.shown.tolist() == [False, True, True] and told.pixels.tolist() == [0, 10, 5]
    np.testing.assert_allclose(told.hides, [0, 0.2, 0.1])


def test_what_is_uncovered_may_be_hidden_by_the_next():
    look = layers(BASE, [row((0, 30)), row((0, 25))])
    assert screen(2, [1], 0.3, look) == set()


@settings(max_examples=60, deadline=None)
@given(
    spans=st.lists(st.tuples(st.integers(0, 99), st.integers(1, 60)), max_size=6),
    limit=st.floats(0, 1),
)
def test_no_target_ever_loses_more_than_the_limit(spans, limit):
    masks = [row((a, a + n)) for a, n in spans]
    look = layers(BASE, masks)
    kept = screen(len(masks), [1, 2], limit, look)
    image, _ = look(kept)
    assert all((image == t).sum() >= 50 * (1 - limit) - 1e-6 for t in (1, 2))
    harmless = {i for i, m in enumerate(masks) if not (m & (BASE > 0)).any()}
    assert harmless <= kept


def scene(limit, size=0.03):
    """A ball, seen from above, with a box that flies before its middle and one beside it."""
    views = []
    for eye in ([0.0, -0.001, 0.6], [0.0, -0.6, 0.2]):
        T = look_at(eye, [0, 0, 0.03])
        views.append(view_of(T_world_camera=T))
    shapes = [
        FlyingPlan(shape="box", size=(size, size, 0.01), T_world_flying=at(0, 0, 0.2).tolist()),
        FlyingPlan(shape="box", size=(0.02, 0.02, 0.02), T_world_flying=at(0.1, 0, 0.2).tolist()),
    ]
    world = world_of([trimesh.creation.icosphere(4, 0.03)], [at(0, 0, 0.03)], views)
    red = {f"flying_0_{i}": SurfacePlan(colour=(1.0, 0.0, 0.0)) for i in range(2)}
    first = views[0].model_copy(update={"flying": tuple(shapes), "surfaces": views[0].surfaces | red})
    plan = world.plan.model_copy(update={"views": (first, views[1]), "flying_max_hidden": limit})
    return build_world(plan, world.assets)


def test_a_shape_before_a_target_is_left_out_of_its_view_or_shown_as_asked():
    bare, _ = render_views(scene(0.0))
    full, other = render_views(scene(None))
    none, _ = render_views(scene(0.3))
    assert bare.flying.shown.tolist() == none.flying.shown.tolist() == [False, True]
    assert full.flying.shown.tolist() == [True, True]
    assert (none.instances == bare.instances).all() and (none.depth == bare.depth).all()
    gone = (bare.instances == 1) & (full.instances == 0)
    assert full.flying.hides[0] == gone.sum() / (bare.instances == 1).sum() > 0.3
    assert full.flying.hides[1] == 0 and (full.flying.pixels > 0).all()
    # It is background to the mask, and as deep as it flies: 0.6 − 0.2 − 0.005.
    np.testing.assert_allclose(full.depth[gone], 0.395, atol=2e-3)
    red = full.rgb[gone].astype(int)
    assert (red[:, 0] > 2 * red[:, 1]).all()
    # In the other view nothing flies, and nothing casts a shadow.
    plain = render_views(build_world(scene(None).plan.model_copy(update={
        "views": tuple(v.model_copy(update={"flying": ()}) for v in scene(None).plan.views)
    }), scene(None).assets))[1]  # fmt: skip
    assert (other.rgb == plain.rgb).all() and (other.depth == plain.depth).all()


def test_shares_are_those_of_the_squares():
    # The square's upper side is 0.395 m away, the ball's centre 0.57 m.
    full, _ = render_views(scene(None, size=0.01))
    ball = np.pi * 0.03**2 / (1 - (0.03 / 0.57) ** 2)  # silhouette of the ball, at the depth of its centre
    expected = (0.01 * 0.57 / 0.395) ** 2 / ball
    assert abs(full.flying.hides[0] - expected) < 0.25 * expected


def test_objects_without_labels_are_background_to_masks():
    world = world_of([trimesh.creation.box([0.05] * 3)] * 2, [at(-0.05, 0, 0.025), at(0.05, 0, 0.025)], [view_of()])
    second = world.plan.objects[1].model_copy(update={"labelled": False, "role": "distractor"})
    plan = world.plan.model_copy(update={"objects": (world.plan.objects[0], second)})
    (with_label,), (without,) = render_views(world), render_views(build_world(plan, world.assets))
    assert (without.depth == with_label.depth).all() and (without.rgb == with_label.rgb).all()
    assert (without.instances == np.where(with_label.instances == 2, 0, with_label.instances)).all()
