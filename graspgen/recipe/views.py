"""What a recipe says about views: images, lenses, and what every view must show."""

from __future__ import annotations

import itertools
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, ValidationError, model_validator

from graspgen.distributions import Distribution, Number
from graspgen.lens import LensError, Matrix3, intrinsics, pinhole
from graspgen.recipe.cameras import Camera, Cameras, Distortion, Pose
from graspgen.recipe.section import Section, default
from graspgen.recipe.sensors import Sensor
from graspgen.recipe.sequences import Sequence

#: Layers that are stored when a recipe asks for them.
Modality = Literal["normals", "object_coordinates", "amodal_masks", "flow"]


class Lens(NamedTuple):
    """What a camera's lens is drawn from: K, or field of view and offsets of the principal point; and distortion."""

    K: Matrix3 | None
    fovy: Distribution
    cx: Distribution
    cy: Distribution
    cx_share: Distribution
    cy_share: Distribution
    distortion: Distortion


class Views(Section):
    """The images of a scene. Without `cameras`, they are taken from a shell around the table's centre."""

    per_scene: Annotated[int, Field(ge=1, le=1000)] = 4
    """Views of every scene, where `cameras` names none."""
    width: Annotated[int, Field(ge=16, le=4096)] = 640
    """Image width, px."""
    height: Annotated[int, Field(ge=16, le=4096)] = 480
    """Image height, px."""
    fovy_deg: Number("deg", 5, 150) = default(45.0)
    """Vertical field of view; ignored when K is given."""
    K: Matrix3 | None = None
    """Camera matrix, px, with the centre of pixel (0, 0) at (0.5, 0.5); overrides fovy_deg."""
    cx_offset: Number("px", -4096, 4096) = default(0.0)
    """Offset of the principal point to the right of the image's centre; ignored when K is given."""
    cy_offset: Number("px", -4096, 4096) = default(0.0)
    """Offset of the principal point below the image's centre; ignored when K is given."""
    cx_share: Number("", -0.5, 0.5) = default(0.0)
    """The same to the right as a share of the image's width, on top; 0 adds none; ignored when K is given."""
    cy_share: Number("", -0.5, 0.5) = default(0.0)
    """The same downwards, as a share of the image's width too; 0 adds none; ignored when K is given."""
    distortion: Distortion = Distortion()
    radius: Number("m", 0.1, 5) = default({"uniform": [0.45, 0.8]})
    """Distance of the camera from its target."""
    elevation_deg: Number("deg", 0, 90) = default({"uniform": [25, 80]})
    """Height of the camera above the table's plane, seen from the target."""
    azimuth_deg: Number("deg", -360, 360) = default({"uniform": [0, 360]})
    """Direction of the camera seen from above."""
    roll_deg: Number("deg", -180, 180) = default(0.0)
    """Rotation about the optical axis."""
    target_jitter: Number("m", -1, 1) = default({"uniform": [-0.05, 0.05]})
    """Offset of the target from the table's centre, drawn for x, for y and for z."""
    target_jitter_z: Number("m", -1, 1) | None = None
    """Offset of its height; none is as `target_jitter`."""
    position_error: Number("m", -0.1, 0.1) = default(0.0)
    """Calibration error of the camera's position, drawn per axis: what `T_world_camera_nominal` is off by."""
    rotation_error_deg: Number("deg", -10, 10) = default(0.0)
    """Calibration error of the camera's orientation, drawn per axis."""
    near: Annotated[float, Field(ge=0.001, le=1)] = 0.02
    """What is nearer to a camera than this plane is not drawn, m."""
    far: Annotated[float, Field(gt=0, le=6.5)] = 6.5
    """What is further from a camera than this plane is not drawn, m; depth is stored up to 6.55 m."""
    cameras: Cameras = ()
    """Groups of cameras: a list of mappings with a kind (shell, top_down, eye_in_hand, fixed) and its keys."""
    same_looks: bool = False
    """Whether all views of a scene have the looks of its first; both of a stereo pair always look alike."""
    min_distance: Annotated[float, Field(ge=0, le=1)] = 0.05
    """A camera nearer than this to the box around an object is drawn again, m; fixed cameras stay where they are."""
    in_view: Literal["any", "target", "all", "off"] = "any"
    """Whose centre must be in the picture, or the camera is drawn again: any object's, a target's, every object's."""
    in_sight: bool = True
    """Whether these must be seen as well, behind nothing else: of some rays to their surface one must meet them first;
    flying distractors do not count."""
    redraws: Annotated[int, Field(ge=0, le=1000)] = 20
    """How often a camera is drawn again before its scene is refused."""
    ignore_below: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Objects of which less than this share is visible are marked `ignore`."""
    modalities: tuple[Modality, ...] = ()
    """Layers to store besides colour, depth and ids: normals, object_coordinates, amodal_masks, flow."""
    sensor: Sensor = Sensor()
    sequence: Sequence = Sequence()

    @model_validator(mode="before")
    @classmethod
    def _sensor_camera(cls, content: Any) -> Any:
        """Take the image size and K of the sensor where the recipe wants its own camera and gives no K."""
        if not isinstance(content, dict) or content.get("K") is not None:
            return content
        try:
            sensor = Sensor.model_validate(content.get("sensor", {}))
        except ValidationError:
            return content  # the section itself says what is wrong
        if not sensor.own_camera:
            return content
        profile = sensor.profile_of(str(sensor.profile.options[0]))
        width, height = (content.get(side, getattr(profile, side)) for side in ("width", "height"))
        if not (isinstance(width, int) and isinstance(height, int)):
            return content
        return {**content, "width": width, "height": height, "K": profile.K(width, height)}

    @model_validator(mode="after")
    def _valid(self) -> Views:
        if self.near >= self.far:
            raise ValueError(f"near, {self.near:g} m, is not below far, {self.far:g} m")
        if len(set(self.modalities)) < len(self.modalities):
            raise ValueError(f"modalities names one twice: {', '.join(self.modalities)}")
        self._check_lens("", self.lens())
        self._check_cameras()
        self._check_sequence()
        return self

    def _check_sequence(self) -> None:
        views = sum(len(camera.view_names()) for camera in self.cameras) if self.cameras else self.per_scene
        strange = [number for number in self.sequence.cameras if number >= views]
        if strange and self.sequence.per_scene:
            raise ValueError(f"sequence.cameras: a scene has the views 0 … {views - 1}, not {strange[0]}")

    def lens(self, camera: Camera | None = None, pose: Pose | None = None) -> Lens:
        """Return what a camera's lens is drawn from: its own keys, then its group's, then those of the views."""
        mine = ("fovy_deg", "cx_offset", "cy_offset", "cx_share", "cy_share")
        own = camera is not None and any(getattr(camera, key) is not None for key in mine)
        K = (pose.K if pose else None) or (camera.K if camera else None) or (None if own else self.K)
        distortion = (camera.distortion if camera else None) or self.distortion
        if pose is not None and pose.distortion is not None:
            distortion = Distortion.of(pose.distortion)
        return Lens(
            K,
            (camera.fovy_deg if camera else None) or self.fovy_deg,
            (camera.cx_offset if camera else None) or self.cx_offset,
            (camera.cy_offset if camera else None) or self.cy_offset,
            (camera.cx_share if camera else None) or self.cx_share,
            (camera.cy_share if camera else None) or self.cy_share,
            distortion,
        )

    def _check_cameras(self) -> None:
        names: set[str] = set()
        for number, camera in enumerate(self.cameras):
            where = f"cameras.{number}: "
            for name in camera.view_names():
                if name in names:
                    raise ValueError(f"{where}two views are called '{name}'; give them different names")
                names.add(name)
            self._check_lens(where, self.lens(camera))
            for name, pose in camera.stated():
                size = (pose.width or self.width, pose.height or self.height)
                if size != (self.width, self.height):
                    raise ValueError(
                        f"{where}'{name}' has images of {size[0]}x{size[1]} px, the views have {self.width}x"
                        f"{self.height}; set views.width and views.height"
                    )
                if pose.K is not None or pose.distortion is not None:
                    self._check_lens(f"{where}'{name}': ", self.lens(camera, pose))
        if len(names) > 1000:
            raise ValueError(f"{len(names)} views a scene, at most 1000")

    def _check_lens(self, where: str, lens: Lens) -> None:
        """Check K or the principal points that can be drawn, and the lens at the ends of all that it can draw."""
        if lens.K is not None:
            (fx, skew, x), (a, fy, y), last = lens.K
            if fx <= 0 or fy <= 0 or skew != 0 or a != 0 or tuple(last) != (0.0, 0.0, 1.0):
                raise ValueError(f"{where}K must be [[fx, 0, cx], [0, fy, cy], [0, 0, 1]] with fx, fy > 0")
            if not (0 <= x <= self.width and 0 <= y <= self.height):
                raise ValueError(
                    f"{where}the principal point ({x:g}, {y:g}) is outside the {self.width}x{self.height} image"
                )
        offsets = {"cx": (lens.cx, lens.cx_share, self.width), "cy": (lens.cy, lens.cy_share, self.height)}
        ways = {key: _offsets(px, share, self.width) for key, (px, share, _) in offsets.items()}
        for key, (px, share, side) in offsets.items():
            if lens.K is None and max(map(abs, ways[key])) > side / 2:
                name, value = ("share", share) if max(map(abs, px.support)) == 0 else ("offset", px)
                raise ValueError(
                    f"{where}{key}_{name} ({value}) can put the principal point outside the {self.width}x{self.height} "
                    "image"
                )
        d = lens.distortion
        ends = [sorted(set(v.support)) for v in (d.k1, d.k2, d.p1, d.p2, d.k3)]
        if not any(map(any, ends)):
            return
        cameras = (
            [lens.K]
            if lens.K
            else [
                intrinsics(self.width, self.height, *values)
                for values in itertools.product(sorted(set(lens.fovy.support)), ways["cx"], ways["cy"])
            ]
        )
        for K, D in itertools.product(cameras, itertools.product(*ends)):
            try:
                pinhole(K, D, self.width, self.height)
            except LensError as error:
                raise ValueError(f"{where}{error}") from None


def _offsets(px: Distribution, share: Distribution, width: int) -> list[float]:
    """Return the ends of an offset of the principal point, px, of two parts."""
    return sorted({a + width * b for a, b in zip(px.support, share.support, strict=True)})
