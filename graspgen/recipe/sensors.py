"""What a recipe says about the depth sensor of its views."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from pydantic import model_validator

from graspgen.distributions import Name, Number
from graspgen.errors import RecipeError
from graspgen.recipe.section import Section, default
from graspgen.sensor_profiles import OFF, SensorProfile, load_sensor, read_sensor


class Sensor(Section):
    """A depth sensor beside the clean depth: holes, noise, steps. `sensor: realsense_d435` is short for its profile.
    What is none here is as the profile has it."""

    SHORT: ClassVar[str] = "profile"

    profile: Name = default(OFF)
    """off: none; a file of `models/sensors` (realsense_d435, realsense_d415, azure_kinect, kinect_v1, structured_light,
    ideal) or a choice of them, drawn for each view; or the path of a file of your own."""
    custom: SensorProfile | None = None
    """Content of a profile of your own; it is read once, and the recipe of the run holds it."""
    own_camera: bool = False
    """Whether views have the sensor's image size and camera matrix where `views` gives no K; a width and height that
    `views` gives scale them."""
    disparity_noise: Number("px", 0, 5) | None = None
    """Standard deviation of the disparity, of the sensor's own px; 0 has none."""
    lateral_shift: Number("px", 0, 5) | None = None
    """Standard deviation of where a pixel looks, along each axis; 0 shifts none."""
    axial_noise: Number("", 0, 20) = default(1.0)
    """Factor on the profile's noise along the optical axis; 0 has none."""
    scale_bias: Number("", 0.9, 1.1) = default(1.0)
    """Factor on all depths of a camera in a scene; 1 changes nothing."""
    dropout: Number("", 0, 1) | None = None
    """Share of pixels that are lost at random; 0 loses none."""
    grazing_deg: Number("deg", 1, 90) | None = None
    """Surfaces that are seen at a larger angle of incidence are lost; 90 loses none."""
    shadow: bool | None = None
    """Whether that is lost which the second camera, or the projector, does not see."""
    dark: Number("", 0, 255) | None = None
    """Pixels whose grey is below are lost, of 255; 0 loses none."""
    specular: Number("", 0, 1) | None = None
    """Share of the pixels of a perfect mirror that are lost, in blobs; dull metals lose fewer; 0 loses none."""
    transparent: Number("", 0, 1) | None = None
    """Share of the pixels of glass that are lost, in blobs; 0 loses none."""

    @model_validator(mode="before")
    @classmethod
    def _short(cls, content: Any) -> Any:
        if content is None or isinstance(content, str | bool) or (isinstance(content, dict) and "choice" in content):
            content = {"profile": content}
        if not isinstance(content, dict):
            return content
        name = content.get("profile", OFF)
        if name is None or name is False:  # YAML reads a bare `off` as false
            return {**content, "profile": OFF}
        if isinstance(name, dict) and isinstance(name.get("choice"), list):
            options = [OFF if option is False else option for option in name["choice"]]
            return {**content, "profile": {**name, "choice": options}}
        if isinstance(name, str) and Path(name).suffix in (".yaml", ".yml"):
            try:
                return {**content, "profile": Path(name).stem, "custom": read_sensor(Path(name))}
            except RecipeError as error:
                raise ValueError(str(error)) from None
        return content

    @model_validator(mode="after")
    def _known(self) -> Sensor:
        names = [str(name) for name in self.profile.options]
        if OFF in names and len(names) > 1:
            raise ValueError("profile: views have a sensor or none: take 'ideal' in place of 'off' in a choice")
        if self.own_camera and (len(names) > 1 or not self.on):
            raise ValueError("own_camera: needs one profile, which all views have")
        for name in names if self.on else ():
            try:
                profile = self.profile_of(name)
                if self.own_camera:
                    profile.K(16, 16)
            except (RecipeError, ValueError) as error:
                raise ValueError(f"profile: {error}") from None
        return self

    def profile_of(self, name: str) -> SensorProfile:
        """Return the profile of a name that may be drawn.

        Raises:
            RecipeError: there is none.
        """
        return self.custom if self.custom is not None else load_sensor(name)

    @property
    def on(self) -> bool:
        """Whether views have a sensor's depth."""
        return OFF not in self.profile.options
