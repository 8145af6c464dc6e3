import pytest

from graspgen.grasps.profile import Profile, load_profile
from graspgen.grippers.gripper import Gripper, load_gripper


@pytest.fixture(scope="session")
def gripper() -> Gripper:
    return load_gripper("panda_hand")


@pytest.fixture(scope="session")
def profile() -> Profile:
    return load_profile("standard")
