"""Colours of one picture made like those of another, against known answers."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from graspgen.loaders import Crop, LoaderError, RGBDViews
from graspgen.loaders.adapt import Adapt, fda, lab_moments, load_pictures, match_histograms, match_moments, reinhard
from graspgen.loaders.lab import from_lab, to_lab


def picture(seed: int, low: int = 60, high: int = 190, size=(60, 80)) -> np.ndarray:
    """Smooth colours, so that they are not only noise."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(low, high, (6, 8, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize(size[::-1], Image.Resampling.BICUBIC))


@pytest.mark.parametrize(
    ("srgb", "lab"),
    [  # Lindbloom's calculator, D65
        ([255, 255, 255], [100, 0, 0]),
        ([0, 0, 0], [0, 0, 0]),
        ([255, 0, 0], [53.24, 80.09, 67.20]),
        ([0, 255, 0], [87.73, -86.18, 83.18]),
        ([0, 0, 255], [32.30, 79.19, -107.86]),
        ([119, 119, 119], [50.03, 0, 0]),
    ],
)
def test_lab_of_known_colours(srgb, lab):
    assert to_lab(np.array(srgb, np.uint8)) == pytest.approx(lab, abs=0.03)


def test_lab_and_back_is_the_same_picture():
    colours = np.random.default_rng(0).integers(0, 256, (100, 100, 3), np.uint8)
    assert np.abs(from_lab(to_lab(colours)).astype(int) - colours).max() <= 1


def test_reinhard_gives_the_references_moments():
    a, b = picture(1), picture(2, 90, 160)
    mean, std = lab_moments(b)
    exact = match_moments(to_lab(a), mean, std).reshape(-1, 3)
    assert exact.mean(axis=0) == pytest.approx(mean, abs=1e-3) and exact.std(axis=0) == pytest.approx(std, abs=1e-3)
    found = lab_moments(reinhard(a, b))
    assert found[0] == pytest.approx(mean, abs=0.3) and found[1] == pytest.approx(std, abs=0.3)


def test_reinhard_to_itself_changes_nothing_and_flat_pictures_stay_flat():
    a = picture(1)
    assert np.abs(reinhard(a, a).astype(int) - a).max() <= 1
    flat = np.full((10, 10, 3), 100, np.uint8)
    assert (reinhard(flat, a) == reinhard(flat, a)[0, 0]).all()


def test_a_histogram_of_as_many_pixels_is_met_exactly():
    # A picture whose values are all different in rank: the result is the reference's values in the picture's order.
    rng = np.random.default_rng(0)
    values = np.repeat(np.arange(0, 256, 4), 4).astype(np.uint8)
    wanted = np.repeat(np.linspace(30, 220, 64).astype(np.uint8), 4)
    a = np.stack([rng.permutation(values) for _ in range(3)], -1).reshape(16, 16, 3)
    b = np.stack([rng.permutation(wanted) for _ in range(3)], -1).reshape(16, 16, 3)
    found = match_histograms(a, b)
    for c in range(3):
        assert np.sort(found[..., c], axis=None).tolist() == np.sort(b[..., c], axis=None).tolist()
        assert (
            np.argsort(found[..., c], axis=None, kind="stable") == np.argsort(a[..., c], axis=None, kind="stable")
        ).all()


def test_histograms_are_matched_as_scikit_image_does():
    exposure = pytest.importorskip("skimage.exposure", reason="scikit-image is not installed")
    a, b = picture(1), picture(2, 10, 120)
    expected = exposure.match_histograms(a, b, channel_axis=-1)
    assert np.abs(match_histograms(a, b).astype(float) - expected).max() <= 1


def test_histograms_by_sorting_every_pixel():
    # The definition, one pixel at a time: the reference's value at the same cumulative share.
    a, b = picture(3, size=(12, 10)), picture(4, 20, 200, size=(9, 11))
    found = match_histograms(a, b)
    for c in range(3):
        values, counts = np.unique(b[..., c], return_counts=True)
        shares = np.cumsum(counts) / counts.sum()
        for value in np.unique(a[..., c]):
            share = (a[..., c] <= value).mean()
            expected = np.interp(share, shares, values)
            assert found[..., c][a[..., c] == value] == pytest.approx(expected, abs=0.5001)


def test_fda_with_no_band_changes_nothing():
    a, b = picture(1), picture(2)
    assert (fda(a, b, 0.0) == a).all()
    assert np.abs(fda(a, a, 0.1).astype(int) - a).max() <= 1, "nor does a picture of itself"


def test_fda_takes_the_mean_of_the_reference():
    a, b = picture(1), picture(2, 100, 220)
    assert fda(a, b, 0.02).mean(axis=(0, 1)) == pytest.approx(b.mean(axis=(0, 1)), abs=1)


def test_fda_is_the_published_swap_of_the_centred_spectrum():
    # The authors' code on the whole, shifted transform: the square of half-side floor(β min(H, W)) about its middle.
    a, b, beta = picture(1), picture(2), 0.09
    expected = np.zeros(a.shape)
    for c in range(3):
        A, B = np.fft.fft2(a[..., c].astype(float)), np.fft.fft2(b[..., c].astype(float))
        amplitude, other = np.fft.fftshift(np.abs(A)), np.fft.fftshift(np.abs(B))
        h, w = a.shape[:2]
        half, y, x = int(beta * min(h, w)), h // 2, w // 2
        box = np.s_[y - half : y + half + 1, x - half : x + half + 1]
        amplitude[box] = other[box]
        expected[..., c] = np.fft.ifft2(np.fft.ifftshift(amplitude) * np.exp(1j * np.angle(A))).real
    assert np.abs(fda(a, b, beta) - np.clip(expected, 0, 255)).max() <= 1


def test_a_sample_keeps_all_but_its_colours(boxes_path):
    references = [picture(5), picture(6, 0, 80)]
    plain = RGBDViews(boxes_path, augment=[Crop(40, 40)])
    for method in ("reinhard", "histogram", "fda"):
        source = RGBDViews(boxes_path, augment=[Crop(40, 40), Adapt(method, references, beta=(0.05, 0.1))])
        a, b = plain[2], source[2]
        assert (a["rgb"] != b["rgb"]).any() and all((a[k] == b[k]).all() for k in a if k != "rgb")
        assert (b["rgb"] == source[2]["rgb"]).all()
    never = RGBDViews(boxes_path, augment=[Crop(40, 40), Adapt("fda", references, probability=0)])
    assert (never[2]["rgb"] == plain[2]["rgb"]).all()


def test_pictures_come_from_a_folder(tmp_path):
    Image.fromarray(picture(1, size=(900, 1200))).save(tmp_path / "b.jpg")
    Image.fromarray(picture(2)).save(tmp_path / "a.png")
    (tmp_path / "notes.txt").write_text("no picture")
    assert [p.shape for p in load_pictures(tmp_path)] == [(60, 80, 3), (480, 640, 3)]
    (tmp_path / "c.png").write_bytes(b"no picture either")
    with pytest.raises(LoaderError, match=r"c\.png is no readable picture"):
        load_pictures(tmp_path)
    with pytest.raises(LoaderError, match="no picture in"):
        load_pictures(tmp_path / "nowhere")


def test_what_cannot_be_adapted_is_refused(boxes_path):
    with pytest.raises(LoaderError, match="did you mean 'reinhard'"):
        Adapt("rheinhard", [picture(1)])
    with pytest.raises(LoaderError, match="at least one"):
        Adapt("fda", [])
    with pytest.raises(LoaderError, match="load_pictures"):
        Adapt("fda", "pictures")
    with pytest.raises(LoaderError, match="uint8 picture"):
        Adapt("fda", [np.zeros((4, 4, 3))])
    with pytest.raises(LoaderError, match="beta"):
        fda(picture(1), picture(2), 0.7)
    with pytest.raises(LoaderError, match="no colours"):
        RGBDViews(boxes_path, images=("depth",), augment=[Adapt("fda", [picture(1)])])[0]
