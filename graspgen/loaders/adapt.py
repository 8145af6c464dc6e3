"""Domain adaptation on the fly, without a network: rendered colours made to look like those of a few real pictures.

    source = RGBDViews(dataset, augment=[Adapt("reinhard", load_pictures("my_photos"))])

Only colours change: labels, depth and ids stay as they are. Adapt what a network is trained on, not what it is tested
on. Every function takes and returns (H, W, 3) uint8 sRGB; references may have any size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from graspgen.errors import nearest
from graspgen.loaders.errors import LoaderError
from graspgen.loaders.lab import from_lab, to_lab
from graspgen.loaders.source import Sample

Picture = NDArray[np.uint8]
Method = Literal["reinhard", "histogram", "fda"]
#: Pictures of a folder that are taken.
_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")


def reinhard(picture: Picture, reference: Picture) -> Picture:
    """Give a picture the mean and the spread of a reference in each channel of CIELAB.

    Reinhard et al., "Color transfer between images", IEEE CG&A 21(5), 2001, with CIELAB in place of their lαβ.
    """
    return from_lab(match_moments(to_lab(picture), *lab_moments(reference)))


def lab_moments(picture: Picture) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the (3,) means and standard deviations of a picture in CIELAB."""
    lab = to_lab(picture).reshape(-1, 3)
    return lab.mean(axis=0, dtype=np.float64), lab.std(axis=0, dtype=np.float64)


def match_moments(lab: NDArray[np.float32], mean: NDArray, std: NDArray) -> NDArray[np.float32]:
    """Shift and scale each channel of an (H, W, 3) image to a (3,) mean and standard deviation."""
    flat = lab.reshape(-1, 3)
    own, spread = flat.mean(axis=0, dtype=np.float64), flat.std(axis=0, dtype=np.float64)
    gain = np.where(spread > 1e-6, std / np.maximum(spread, 1e-6), 1.0)
    return lab * gain.astype(np.float32) + (mean - own * gain).astype(np.float32)


def match_histograms(picture: Picture, reference: Picture) -> Picture:
    """Give each channel of a picture the distribution of values of a reference's.

    A value goes to that of the reference with the same cumulative share, between values by interpolation (Gonzalez and
    Woods, Digital Image Processing, §3.3; scikit-image's `match_histograms` is the same).
    """
    found = np.empty_like(picture)
    for c in range(3):
        have = np.bincount(picture[..., c].reshape(-1), minlength=256)
        want = np.bincount(reference[..., c].reshape(-1), minlength=256)
        values = np.flatnonzero(want)
        shares = np.cumsum(want[values]) / reference[..., c].size
        table = np.interp(np.cumsum(have) / picture[..., c].size, shares, values)
        found[..., c] = np.rint(table).astype(np.uint8)[picture[..., c]]
    return found


def fda(picture: Picture, reference: Picture, beta: float = 0.01) -> Picture:
    """Give a picture the amplitudes of a reference at low frequencies, and keep its phases, which hold the shapes.

    Yang and Soatto, "FDA: Fourier Domain Adaptation", CVPR 2020: the square of half-side ⌊β · min(H, W)⌋ about
    frequency 0. β = 0 changes nothing; above 0.1 edges ring.

    Args:
        picture: (H, W, 3) uint8.
        reference: brought to the picture's size.
        beta: 0 … 0.5.

    Raises:
        LoaderError: β is outside.
    """
    if not 0 <= beta <= 0.5:
        raise LoaderError(f"beta of FDA is within 0 … 0.5, got {beta:g}")
    height, width = picture.shape[:2]
    half = int(beta * min(height, width))
    if half == 0:
        return picture
    if reference.shape != picture.shape:
        reference = np.asarray(Image.fromarray(reference).resize((width, height), Image.Resampling.BILINEAR))
    own = np.fft.rfft2(picture.astype(np.float32), axes=(0, 1))
    # Rows of the lowest frequencies, positive and negative; of columns, a real picture's transform holds half.
    rows = np.r_[0 : half + 1, height - half : height]
    low = np.ix_(rows, np.arange(half + 1))
    other = np.fft.rfft2(reference.astype(np.float32), axes=(0, 1))
    size = np.abs(own[low])
    phase = np.divide(own[low], size, out=np.ones_like(own[low]), where=size > 1e-6)
    own[low] = np.abs(other[low]) * phase
    return np.clip(np.rint(np.fft.irfft2(own, s=(height, width), axes=(0, 1))), 0, 255).astype(np.uint8)


METHODS: dict[str, Callable[..., Picture]] = {"reinhard": reinhard, "histogram": match_histograms, "fda": fda}


@dataclass(frozen=True, eq=False)
class Adapt:
    """Adapt the colours of a sample to a reference drawn for it.

    Attributes:
        method: "reinhard" (the safest), "histogram" or "fda".
        references: real pictures, (H, W, 3) uint8.
        probability: of a change.
        beta: of FDA: drawn uniformly from this range.
    """

    method: Method
    references: Sequence[Picture] = field(repr=False)
    probability: float = 1.0
    beta: tuple[float, float] = (0.01, 0.05)

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise LoaderError(f"unknown method '{self.method}'{nearest(self.method, METHODS)}")
        if isinstance(self.references, str | Path):
            raise LoaderError(f"references are pictures; load them with load_pictures('{self.references}')")
        if not len(self.references):
            raise LoaderError("adaptation needs at least one real picture; load some with `load_pictures(folder)`")
        for picture in self.references:
            if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
                raise LoaderError(f"a reference is an (H, W, 3) uint8 picture, got {picture.shape} {picture.dtype}")

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Return the sample with other colours."""
        wanted, which, beta = rng.random(), int(rng.integers(len(self.references))), rng.uniform(*self.beta)
        if wanted >= self.probability:
            return sample
        if "rgb" not in sample:
            raise LoaderError("a sample without 'rgb' has no colours to adapt; add it to `images`")
        options = {"beta": beta} if self.method == "fda" else {}
        return sample | {"rgb": METHODS[self.method](sample["rgb"], self.references[which], **options)}


def load_pictures(folder: str | Path, longest: int = 640) -> list[Picture]:
    """Load the pictures of a folder, sorted by name, made smaller to at most `longest` px.

    Raises:
        LoaderError: there is none, or one cannot be read.
    """
    paths = sorted(p for p in Path(folder).glob("*") if p.suffix.lower() in _SUFFIXES)
    if not paths:
        raise LoaderError(f"no picture in {folder} (looked for {', '.join(_SUFFIXES)})")
    found = []
    for path in paths:
        try:
            with Image.open(path) as image:
                picture = image.convert("RGB")
                picture.thumbnail((longest, longest))
                found.append(np.array(picture))
        except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
            raise LoaderError(f"{path} is no readable picture ({error}); remove it") from error
    return found
