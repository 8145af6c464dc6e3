import numpy as np
import pytest

from graspgen.frames import pose
from graspgen.labels import overlay

K = np.array([[100.0, 0, 80.0], [0, 100.0, 60.0], [0, 0, 1]])
RED = (255, 0, 0)


def black() -> np.ndarray:
    return np.zeros((120, 160, 3), np.uint8)


def drawn(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.nonzero(image.any(-1))


def test_a_box_is_drawn_onto_the_outermost_pixels_it_encloses() -> None:
    before = black()
    rows, columns = drawn(overlay.draw_boxes(before, [[10, 20, 30, 5]], RED))
    assert (columns.min(), columns.max(), rows.min(), rows.max()) == (10, 39, 20, 24)
    assert len(rows) == 2 * 30 + 2 * 3 and not before.any()


def test_nothing_is_drawn_for_an_object_that_is_not_seen() -> None:
    assert not overlay.draw_boxes(black(), [[-1, -1, -1, -1]]).any()
    assert not overlay.draw_cuboids(black(), np.full((1, 9, 2), np.nan)).any()
    behind = pose(None, [0, 0, -1])
    assert not overlay.draw_gripper(black(), K, behind, 0.08).any()


def test_a_cuboid_has_the_twelve_edges_of_a_box() -> None:
    assert len(set(overlay.CUBOID_EDGES)) == 12
    degree = np.bincount(np.ravel(overlay.CUBOID_EDGES), minlength=8)
    assert (degree == 3).all()
    corners = np.array([[10 + 40 * (i >> 2 & 1) + 8 * (i & 1), 10 + 30 * (i >> 1 & 1) + 6 * (i & 1)] for i in range(8)])
    image = overlay.draw_cuboids(black(), [[*corners + 0.5, [30, 25]]], RED)
    assert all(image[y, x, 0] == 255 for x, y in corners)


def test_a_gripper_seen_from_its_side_shows_its_opening_and_depth() -> None:
    # The approach (z) along the image's down, the closing axis (y) along the image's right, at 0.5 m.
    R = np.stack([[0, 0, 1.0], [1.0, 0, 0], [0, 1.0, 0]], axis=1)
    image = overlay.draw_gripper(black(), K, pose(R, [0, 0, 0.5]), 0.1, RED, thickness=1, finger=0.1, stem=0.05)
    rows, columns = drawn(image)
    # 0.1 m is 20 px: fingers at 70 and 90, tips at row 60, palm at 40, the stem up to 30.
    assert abs(columns.min() - 69.5) <= 1 and abs(columns.max() - 89.5) <= 1
    assert abs(rows.max() - 59.5) <= 1 and abs(rows.min() - 29.5) <= 1
    assert image[30:38, 78:82].any() and not image[45:58, 74:86].any()


def test_a_gripper_that_reaches_behind_the_camera_is_cut_and_not_mirrored() -> None:
    T = pose(None, [0.01, 0, 0.04])  # approach along the view: the palm is behind the camera
    rows, columns = drawn(overlay.draw_gripper(black(), K, T, 0.0, RED, finger=0.1))
    assert len(rows) and columns.min() >= 80


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ((0, 0, 1), (0, 0, 2), ((0, 0, 1), (0, 0, 2))),
        ((0, 0, 0), (4, 0, 2), ((2, 0, 1), (4, 0, 2))),
        ((4, 0, 2), (0, 0, 0), ((4, 0, 2), (2, 0, 1))),
        ((0, 0, 0), (0, 0, 0.5), None),
    ],
)
def test_segments_are_clipped_at_the_near_plane(a: tuple, b: tuple, expected: tuple | None) -> None:
    found = overlay.clip_segment(np.array(a, float), np.array(b, float), 1.0)
    assert (found is None) == (expected is None)
    assert found is None or np.allclose(found, expected)


def test_a_contact_sheet_holds_every_tile_unchanged() -> None:
    rng = np.random.default_rng(0)
    tiles = [rng.integers(0, 256, (40, 60, 3)).astype(np.uint8) for _ in range(5)]
    plain = overlay.contact_sheet(tiles, 3, gap=4)
    assert plain.shape == (4 + 2 * 44, 4 + 3 * 64, 3)
    assert np.array_equal(plain[48:88, 68:128], tiles[4])
    captioned = overlay.contact_sheet(tiles, 3, ["a", "", "a caption far too long for it", "é 20°", "b"])
    assert captioned.shape[0] > plain.shape[0]
    assert overlay.contact_sheet(tiles[:1], 4, gap=0).shape == (40, 60, 3)


def test_a_contact_sheet_of_nothing_or_of_unequal_tiles_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one tile"):
        overlay.contact_sheet([], 3)
    with pytest.raises(ValueError, match="differ in size"):
        overlay.contact_sheet([black(), black()[1:]], 3)
    with pytest.raises(ValueError, match="2 tiles need 2 captions, got 1"):
        overlay.contact_sheet([black(), black()], 3, ["one"])


def test_names_of_points_that_crowd_never_overlap_and_stay_in_the_picture() -> None:
    points = [(30.0 + dx, 20.0 + dy) for dx in (0, 2, 4) for dy in (0, 3)] + [(58.0, 20.0)]
    names = ["handle", "rim", "base", "top", "tip", "neck", "edge"]
    font = overlay.ImageFont.load_default(9)
    places = list(overlay._places(points, names, font, 3, (60, 40)))
    boxes = [(x, y, x + font.getlength(names[i]), y + font.getbbox("Ag")[3]) for i, (x, y) in places]
    assert 2 <= len(boxes) < len(names)
    for k, a in enumerate(boxes):
        assert a[0] >= 0 and a[1] >= 0 and a[2] <= 60 and a[3] <= 40
        assert all(a[2] < b[0] or b[2] < a[0] or a[3] < b[1] or b[3] < a[1] for b in boxes[:k])


def test_a_caption_never_leaves_its_tile() -> None:
    for width in (8, 20, 64, 320):
        text, font = overlay._fitting("a caption far too long for a small tile", 12, width)
        assert font.getlength(text) <= width
        assert (text == "a caption far too long for a small tile") == (width == 320)
