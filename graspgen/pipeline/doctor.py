"""What this machine has, and how to mend what is missing: `graspgen doctor`."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from graspgen.paths import data_dir

State = Literal["ok", "missing", "optional"]

_DISTRIBUTION = "graspgen"
_FREE_GB, _MEMORY_GB = 1.0, 2.0
_DRIVERS = (Path("/usr/share/vulkan/icd.d"), Path("/etc/vulkan/icd.d"))


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: what.
        state: "ok"; "missing" when no dataset can be generated without it; "optional" when it is
            missing but not needed.
        detail: what was found.
        mend: what to type, "" if nothing is needed.
    """

    name: str
    state: State
    detail: str
    mend: str = ""


def examine(folder: Path | None = None) -> list[Finding]:
    """Look at everything that generating a dataset needs; takes a few seconds.

    Args:
        folder: where datasets are to go (for the disk's free space); the current folder if None.
    """
    return [
        _python(),
        *_packages(),
        _data(),
        *_opengl(),
        _filament(),
        _cores(),
        _memory(),
        _disk(folder or Path.cwd()),
    ]


def can_generate(findings: Iterable[Finding]) -> bool:
    """Tell whether nothing that is needed is missing."""
    return all(f.state != "missing" for f in findings)


def _python() -> Finding:
    version = f"{platform.python_version()} ({sys.executable})"
    return Finding("Python", "ok", version)


def _packages() -> list[Finding]:
    """Compare what is installed with what graspgen asks for; labels depend on the pinned ones."""
    try:
        required = importlib.metadata.requires(_DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        told = "not installed, so its packages were not compared with what it asks for"
        return [Finding(_DISTRIBUTION, "optional", told, "pip install -e . in the checkout")]
    required = [r for r in required if "extra ==" not in r]
    return [_package(requirement) for requirement in required]


def _package(requirement: str) -> Finding:
    found = re.match(r"([A-Za-z0-9_.-]+)\s*(.*)", requirement)
    name, wanted = found.groups() if found else (requirement, "")
    mend = f"pip install '{requirement}'"
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, "missing", "not installed", mend)
    if wanted.startswith("==") and version != wanted[2:]:
        return Finding(name, "missing", f"{version}, but labels are tested with {wanted[2:]}", mend)
    return Finding(name, "ok", version)


def _data() -> Finding:
    try:
        folders = [data_dir(name) for name in ("models", "tasks")]
    except FileNotFoundError as error:
        return Finding("models and tasks", "missing", str(error), "install graspgen again")
    return Finding("models and tasks", "ok", str(folders[0].parent))


def _opengl() -> list[Finding]:
    from graspgen.render.gl import probe_backends

    reports = probe_backends()
    any_works = any(report.works for report in reports)
    findings = []
    for number, report in enumerate(reports):
        name = f"OpenGL by {report.name}"
        if report.works:
            told = f"rendered a frame in {report.milliseconds:.1f} ms with {report.renderer}"
            findings.append(Finding(name, "ok", told))
        else:
            # One backend is enough, and the first is the one to mend.
            state: State = "optional" if any_works or number else "missing"
            findings.append(Finding(name, state, report.error.removesuffix(f"; {report.mend}"), report.mend))
    return findings


def _filament() -> Finding:
    """Filament is MuJoCo's photoreal renderer; it draws through Vulkan."""
    from graspgen.render import vulkan

    name, mend = "Vulkan / Filament", vulkan.MEND
    reason = vulkan.missing()
    if reason:
        return Finding(name, "optional", f"{reason}; recipes with photoreal images need it", mend)
    drivers = sorted(p.stem for folder in _DRIVERS if folder.is_dir() for p in folder.glob("*.json"))
    # A driver that fails ends the process, so the frame is made by another one.
    command = [sys.executable, "-m", "graspgen.pipeline.filament_probe"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except subprocess.TimeoutExpired:
        return Finding(name, "optional", "no frame after 60 s", mend)
    lines = done.stdout.strip().splitlines()
    if done.returncode == 0 and lines and lines[-1].startswith("{"):
        frame = json.loads(lines[-1])
        told = f"rendered a frame in {frame['milliseconds']:.0f} ms ({', '.join(drivers)})"
        return Finding(name, "ok", told)
    last = (done.stderr.strip().splitlines() or [f"died with status {done.returncode}"])[-1]
    return Finding(name, "optional", f"no frame: {last[:120]}", mend)


def _cores() -> Finding:
    cores = len(os.sched_getaffinity(0))
    return Finding("cores", "ok", f"{cores}; --workers {cores} uses all of them")


def _memory() -> Finding:
    available = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    if (meminfo := Path("/proc/meminfo")).is_file():
        found = re.search(r"MemAvailable:\s+(\d+) kB", meminfo.read_text())
        available = int(found.group(1)) * 1024 / 1e9 if found else available
    if available < _MEMORY_GB:
        return Finding("memory", "optional", f"{available:.1f} GB free", "use fewer --workers")
    return Finding("memory", "ok", f"{available:.1f} GB free")


def _disk(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free / 1e9
    if free < _FREE_GB:
        mend = "free some space: a view takes about 0.7 MB"
        return Finding("disk", "missing", f"{free:.1f} GB free in {folder}", mend)
    return Finding("disk", "ok", f"{free:.0f} GB free in {folder}")
