import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from render_scenes import K_of, at, mesh_of, table_of_ten, view_of, world_of
from scipy import ndimage
from trimesh.ray.ray_pyembree import RayMeshIntersector

from graspgen.frames import inverse, pose, random_rotation
from graspgen.labels.silhouette import NEAR, Silhouette, silhouettes
from graspgen.objects.asset import Mesh, float32_exact
from graspgen.render.opengl import render_views

K = np.array([[310.0, 0, 83.4], [0, 290.0, 55.1], [0, 0, 1]])
WIDTH, HEIGHT = 160, 120


def silhouette(mesh: Mesh, T: np.ndarray, K: np.ndarray, width: int, height: int) -> Silhouette:
    return silhouettes([mesh], [T], K, width, height)[0]


def in_image(s: Silhouette, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    image = np.zeros((height, width), bool)
    mask, x, y = s.inside(width, height)
    image[y : y + mask.shape[0], x : x + mask.shape[1]] = mask
    return image


def ray_cast(shape: trimesh.Trimesh, T_camera_object: np.ndarray) -> np.ndarray:
    """Embree's answer for every pixel of the image."""
    vertices = float32_exact(shape.vertices)
    scene = RayMeshIntersector(trimesh.Trimesh(vertices, shape.faces, process=False))
    v, u = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    rays = np.stack([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], np.ones(u.shape)], -1)
    T = inverse(T_camera_object)
    directions = rays.reshape(-1, 3) @ T[:3, :3].T
    return scene.intersects_any(T[:3, 3] + NEAR * directions, directions).reshape(u.shape)


@settings(max_examples=40, deadline=None)
@given(
    which=st.integers(0, 9),
    seed=st.integers(0, 2**32),
    x=st.floats(-0.2, 0.2),
    y=st.floats(-0.15, 0.15),
    z=st.floats(0.0, 0.7),
)
def test_it_is_what_rays_through_the_pixel_centres_hit(which: int, seed: int, x: float, y: float, z: float) -> None:
    shape = table_of_ten()[0][which]
    T = pose(random_rotation(np.random.default_rng(seed)), [x, y, z])
    found = silhouette(mesh_of(shape), T, K, WIDTH, HEIGHT)
    # Rays and rows round differently where a centre lies on an edge.
    assert (in_image(found) ^ ray_cast(shape, T)).sum() <= 2


@pytest.mark.parametrize("centre", [(0, 0, 0.4), (0.08, -0.05, 0.4), (0.25, 0.1, 0.5)])
def test_a_ball_covers_the_area_of_its_ellipse(centre: tuple[float, float, float]) -> None:
    # The cone of half-angle a about an axis tilted by t cuts the plane z = 1 in an ellipse of area
    # pi sin²a cos a / (cos²t - sin²a)^(3/2).
    r, f = 0.06, 900.0
    distance = np.linalg.norm(centre)
    sin2, cos2_t = (r / distance) ** 2, (centre[2] / distance) ** 2
    area = np.pi * sin2 * np.sqrt(1 - sin2) / (cos2_t - sin2) ** 1.5 * f * 1.1 * f
    camera = np.array([[f, 0, 320.0], [0, 1.1 * f, 240.0], [0, 0, 1]])
    ball = mesh_of(trimesh.creation.icosphere(5, r))
    found = silhouette(ball, pose(None, centre), camera, 640, 480)
    assert found.pixels == pytest.approx(area, rel=2e-3)


def test_a_box_that_faces_the_camera_covers_a_known_rectangle() -> None:
    camera = np.array([[100.0, 0, 80.0], [0, 200.0, 60.0], [0, 0, 1]])
    box = mesh_of(trimesh.creation.box([0.4, 0.2, 0.5]))
    found = silhouette(box, at(0.1, 0, 1.25), camera, WIDTH, HEIGHT)  # front face at z = 1
    # x from -0.1 to 0.3, y from -0.1 to 0.1: 70 ... 110 and 40 ... 80 px
    assert found.bbox == (70, 40, 40, 40) and found.mask.all()


@pytest.mark.parametrize(("du", "dv"), [(150, 0), (-200, 40), (0, 119), (-90, -130)])
def test_it_does_not_change_where_it_leaves_the_image(du: int, dv: int) -> None:
    mesh, T = mesh_of(table_of_ten()[0][5]), at(0.01, 0, 0.4)
    moved = K + np.array([[0, 0, du], [0, 0, dv], [0, 0, 0]])
    a, b = (silhouette(mesh, T, k, WIDTH, HEIGHT) for k in (K, moved))
    assert (a.x + du, a.y + dv) == (b.x, b.y) and np.array_equal(a.mask, b.mask)


def test_it_is_followed_one_image_size_beyond_the_image_and_no_further() -> None:
    wall = mesh_of(trimesh.creation.box([50, 50, 0.1]))
    found = silhouette(wall, at(0, 0, 1), K, WIDTH, HEIGHT)
    assert found.bbox == (-WIDTH, -HEIGHT, 3 * WIDTH, 3 * HEIGHT) and found.mask.all()
    beyond = silhouette(mesh_of(trimesh.creation.box([0.1] * 3)), at(5, 0, 1), K, WIDTH, HEIGHT)
    assert beyond.pixels == 0 and beyond.bbox == (-1, -1, -1, -1)


def test_nothing_is_seen_of_what_is_behind_the_camera() -> None:
    ball = mesh_of(trimesh.creation.icosphere(2, 0.05))
    assert silhouette(ball, at(0, 0, -0.3), K, WIDTH, HEIGHT).pixels == 0
    assert silhouette(ball, at(0, 0, NEAR - 0.05), K, WIDTH, HEIGHT).pixels == 0


def test_what_reaches_behind_the_camera_is_cut_at_the_near_plane() -> None:
    rod = trimesh.creation.box([0.02, 0.02, 1.0])  # from 0.3 m behind to 0.7 m before the camera
    T = at(0.03, 0.02, 0.2)
    found = silhouette(mesh_of(rod), T, K, WIDTH, HEIGHT)
    assert np.array_equal(in_image(found), ray_cast(rod, T))
    # The near plane cuts it at x = 0.04, z = 0.02: 700 px to the right, beyond what is followed.
    assert found.x + found.mask.shape[1] == 2 * WIDTH


def test_inside_gives_the_part_in_the_image() -> None:
    s = Silhouette(-2, 3, np.ones((4, 5), bool))
    mask, x, y = s.inside(10, 5)
    assert (x, y, mask.shape) == (0, 3, (2, 3))
    assert Silhouette(20, 3, np.ones((4, 5), bool)).inside(10, 5)[0].size == 0
    assert Silhouette(-9, 3, np.ones((4, 5), bool)).inside(10, 5)[0].size == 0


def test_it_agrees_with_the_renderers_ids_but_for_pixels_on_the_edge() -> None:
    shapes, poses = table_of_ten()
    views = [view_of(640, 480, K=K_of(640, 480) + np.array([[40.0, 0, 31.4], [0, 0, -17.2], [0, 0, 0]]))]
    for i in (1, 4, 5, 7):
        world = world_of([shapes[i]], [poses[i]], views)
        ids = render_views(world)[0].instances
        T = inverse(views[0].T_world_camera) @ poses[i]
        found = in_image(silhouette(mesh_of(shapes[i]), T, views[0].K, 640, 480), 640, 480)
        edge = found & ~ndimage.binary_erosion(found)
        different = found ^ (ids == 1)
        assert different.sum() <= 0.02 * edge.sum() + 1
        assert found.sum() > 500


def test_together_they_are_what_they_are_alone() -> None:
    """Some behind the camera, some cut by the near plane, some beyond the image."""
    rng = np.random.default_rng(4)
    meshes = [mesh_of(shape) for shape in table_of_ten()[0]]
    poses = [pose(random_rotation(rng), rng.uniform([-0.5, -0.4, -0.1], [0.5, 0.4, 0.6])) for _ in meshes]
    together = silhouettes(meshes, poses, K, WIDTH, HEIGHT)
    alone = [silhouette(mesh, T, K, WIDTH, HEIGHT) for mesh, T in zip(meshes, poses, strict=True)]
    assert any(s.pixels == 0 for s in alone) and any(s.pixels > 100 for s in alone)
    for a, b in zip(together, alone, strict=True):
        assert (a.x, a.y) == (b.x, b.y) and np.array_equal(a.mask, b.mask)


def split(mesh: Mesh) -> Mesh:
    """The same mesh with corners of its own for every face, as a textured mesh has at the seams of its texture."""
    return Mesh(mesh.vertices[mesh.faces.ravel()], np.arange(mesh.faces.size).reshape(-1, 3))


def test_corners_at_one_place_are_one_corner() -> None:
    ball = mesh_of(trimesh.creation.icosphere(2, 0.05))
    T = pose(random_rotation(np.random.default_rng(1)), [0.03, 0.02, 0.5])
    whole, apart = silhouettes([ball, split(ball)], [T, T], K, WIDTH, HEIGHT)
    assert split(ball).seams is not None
    assert whole.bbox == apart.bbox and np.array_equal(whole.mask, apart.mask)


def test_an_open_mesh_covers_what_its_faces_cover_from_both_sides() -> None:
    ball = mesh_of(trimesh.creation.icosphere(2, 0.05))
    # The far half alone, seen from inside, is as large as the whole: its rim is the outline.
    T = pose(np.eye(3), [0, 0, 0.5])
    centres = ball.vertices[ball.faces].mean(axis=1)
    bowl = Mesh(ball.vertices, ball.faces[centres[:, 2] > -0.02])  # the outline is at z = -5 mm
    assert ball.seams is not None and bowl.seams is None
    whole, opened = silhouettes([ball, bowl], [T, T], K, WIDTH, HEIGHT)
    assert whole.bbox == opened.bbox and np.array_equal(whole.mask, opened.mask)


def test_every_edge_of_a_closed_mesh_lies_between_two_faces_that_go_opposite_ways() -> None:
    ball = mesh_of(trimesh.creation.icosphere(2, 0.05))
    edges = {
        (int(i), int(j)): f for f, face in enumerate(ball.faces) for i, j in zip(face, np.roll(face, -1), strict=True)
    }
    assert 2 * ball.seams.shape[1] == len(edges)
    assert all(edges[i, j] == f and edges[j, i] == g for i, j, f, g in zip(*ball.seams.tolist(), strict=True))
