"""`graspgen grippers check`: measure what a jaw does and compare it with what its file says."""

from __future__ import annotations

from graspgen.errors import GripperError
from graspgen.grasps.profile import Profile, load_profile
from graspgen.grippers.gripper import Gripper
from graspgen.pipeline.gripper_collisions import find_collisions
from graspgen.pipeline.gripper_hold import measure_grip
from graspgen.pipeline.gripper_report import GripperReport
from graspgen.pipeline.gripper_travel import measure_gaps, measure_times


def check_gripper(gripper: Gripper, profile: Profile | None = None) -> GripperReport:
    """Measure a jaw: stroke, tool point, times, force at the pads, payload, stability, self-collision.

    Args:
        gripper: the hand.
        profile: how it is simulated; None for `standard`.

    Raises:
        GripperError: it is no jaw, or its joints cannot be moved from open to closed.
    """
    if not gripper.jaw:
        raise GripperError(f"{gripper.name} is no jaw; what is measured here is a jaw's")
    rules = profile or load_profile("standard")
    report = GripperReport(gripper.name)
    measure_gaps(gripper, report)
    measure_times(gripper, rules, report)
    if not any("unstable" in f for f in report.failures):
        for force in sorted({gripper.file.force, gripper.file.max_force}):
            measure_grip(gripper, rules, force, report)
    find_collisions(gripper, report)
    return report
