"""Scenes that other processes make while an episode is played, so that a reset into a new one need not wait.

What a scene holds depends on the recipe, the run's seed and its number only, so it does not matter who makes it. The
helpers are processes of their own, told what to make through pipes: a thread would make every control step wait for
the interpreter, and a fork would take an OpenGL context along.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, BinaryIO

from graspgen.env.spec import TaskSpec
from graspgen.errors import GraspgenError


class Ahead:
    """Helpers that make scenes of a task's own recipe.

    Attributes:
        helpers: they, once something has been asked for.

    Args:
        spec: of the task; `ahead` of it says how many helpers there are.
        views: whether the scenes are to be seen.
    """

    def __init__(self, spec: TaskSpec, views: bool) -> None:
        self._given, self._count = (replace(spec, ahead=0, keep=1), views), spec.ahead
        self.helpers: list[_Helper] = []
        self._owner = -1

    def want(self, numbers: Iterable[int]) -> None:
        """Let scenes be made, unless that has been asked for; the helpers begin with the first."""
        if self._owner != os.getpid():  # pipes are not shared with a fork
            self.helpers, self._owner = [_Helper(self._given) for _ in range(self._count)], os.getpid()
        for number in numbers:
            if all(number not in helper for helper in self.helpers):
                min(self.helpers, key=len).ask(number)

    def take(self, number: int) -> Any:
        """Return a (settled, trial model) pair that was asked for, once it is made; None where it cannot be had."""
        if self._owner == os.getpid():
            for helper in self.helpers:
                if number in helper:
                    return helper.take(number)
        return None

    def forget(self, numbers: Iterable[int]) -> None:
        """Throw away what was asked for, but for these."""
        wanted = set(numbers)
        for helper in self.helpers if self._owner == os.getpid() else ():
            helper.forget(wanted)

    def close(self) -> None:
        """End the helpers."""
        if self._owner == os.getpid():
            for helper in self.helpers:
                helper.end()
        self.helpers, self._owner = [], -1


class _Helper:
    """One process, and the thread that reads what it has made."""

    def __init__(self, given: tuple[TaskSpec, bool]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from graspgen.env.ahead import serve; serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(p or os.getcwd() for p in sys.path)},
        )
        self._asked: set[int] = set()
        self._found: dict[int, bytes] = {}
        self._news, self._alive = threading.Condition(), True
        _write(self._process.stdin, given)
        threading.Thread(target=_listen, args=(weakref.ref(self), self._process.stdout), daemon=True).start()
        self._end = weakref.finalize(self, _end, self._process)

    def __contains__(self, number: int) -> bool:
        return number in self._asked

    def __len__(self) -> int:
        return len(self._asked)

    @property
    def is_done(self) -> bool:
        """Whether it has made all that it was asked for."""
        return len(self._found) == len(self._asked)

    def ask(self, number: int) -> None:
        self._asked.add(number)
        try:
            _write(self._process.stdin, number)
        except OSError:  # it has died: whoever takes the scene makes it
            self._asked.discard(number)

    def told(self, number: int | None, made: bytes) -> None:
        with self._news:
            if number is None:
                self._alive = False
            elif number in self._asked:
                self._found[number] = made
            self._news.notify_all()

    def take(self, number: int) -> Any:
        with self._news:
            self._news.wait_for(lambda: number in self._found or not self._alive)
            made = self._found.pop(number, None)
        self._asked.discard(number)
        return pickle.loads(made) if made is not None else None

    def forget(self, wanted: set[int]) -> None:
        with self._news:
            self._asked &= wanted
            for number in [n for n in self._found if n not in wanted]:
                del self._found[number]

    def end(self) -> None:
        self._end()


def _listen(helper: weakref.ref[_Helper], pipe: BinaryIO) -> None:
    with pipe:
        while True:
            try:
                number, made = pickle.load(pipe)
            except (EOFError, OSError, ValueError, pickle.UnpicklingError):  # the process has ended
                number, made = None, b""
            owner = helper()
            if owner is not None:
                owner.told(number, made)
            if owner is None or number is None:
                return
            del owner


def _end(process: subprocess.Popen) -> None:
    with contextlib.suppress(BrokenPipeError):  # it has died with something left to be told
        process.stdin.close()
    process.terminate()
    process.wait()


def _write(pipe: BinaryIO, what: Any) -> None:
    pickle.dump(what, pipe, pickle.HIGHEST_PROTOCOL)
    pipe.flush()


def serve() -> None:
    """Make the scenes that are asked for on the standard input, until it ends."""
    from graspgen.env.scenes import Scenes

    asked, told = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever is printed must not get among the scenes
    scenes = Scenes(*pickle.load(asked))
    while True:
        try:
            number = pickle.load(asked)
        except EOFError:
            return
        try:
            place = scenes.place(scenes.recipe, number)
            made = pickle.dumps((place.settled, place.scene), pickle.HIGHEST_PROTOCOL)
        except GraspgenError:  # whoever takes it will be told why when making it
            made = pickle.dumps(None)
        _write(told, (number, made))
