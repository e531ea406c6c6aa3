"""Marks for a folder of notebooks: each exercise's verdict, in the checker's words.

Usage: python -m course_utils.classroom.marking FOLDER [--out OUT]

Of a learner's notebook only what an exercise needs is run: its definition, and what
that names. Every exercise has a process of its own with limits, so that none of them
takes the others along. For practice, not for exams: the solutions stand in the lessons,
and the checkers hold them, too.
"""

import argparse
import ast
import contextlib
import gc
import json
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from course_utils.classroom import marks, sandbox, submissions
from course_utils.classroom.submissions import Exercise, Lesson, Unreadable

SECONDS = 20  # for one exercise
START_UP = 300  # for a process to import the course, where it does not fork
ROOM = 2 * 2**30  # bytes of memory beyond what the course itself has taken
KINDS = {".ipynb", ".py", ".json", ".zip"}
HAS_FORK = "fork" in multiprocessing.get_all_start_methods()


@dataclass(frozen=True)
class Copy:
    """A learner's notebook: whose, which file, which lesson, its cells."""

    learner: str
    path: Path
    lesson: Lesson
    code: list[str]
    other: list[str]


def collect(folder: Path) -> tuple[list[Copy], list[tuple[Path, str]]]:
    """(the copies in a folder and below it, the unreadable files with the reason)."""
    known = submissions.lessons()
    copies, unreadable = [], []
    for path in sorted(folder.rglob("*")):
        is_hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if is_hidden or not path.is_file() or path.suffix.lower() not in KINDS:
            continue
        try:
            code, other = submissions.read(path)
            lesson = submissions.lesson_of(path, code, known)
        except (Unreadable, OSError) as error:
            unreadable.append((path.relative_to(folder), str(error)))
        else:
            learner = _learner(path.relative_to(folder), lesson.stem)
            copies.append(Copy(learner, path.relative_to(folder), lesson, code, other))
    return copies, unreadable


def _learner(path: Path, stem: str) -> str:
    """Whose it is: the folder's name, or what the file's name has beside the lesson."""
    if len(path.parts) > 1:
        return path.parts[0]
    name = path.stem.lower()
    at = name.find(stem)
    rest = path.stem if at < 0 else path.stem[:at] + path.stem[at + len(stem) :]
    return rest.strip(" _-.()") or path.stem


def mark(copy: Copy, seconds: float = SECONDS) -> Iterator[marks.Mark]:
    """A mark for every exercise of the lesson, in order. seconds: for one exercise."""
    todo = list(range(len(copy.lesson.exercises)))
    statements = submissions.statements(copy.code)
    while todo:
        batch = todo[:1] if HAS_FORK else list(todo)
        for place, (status, words) in _answers(copy, statements, batch, seconds):
            exercise = copy.lesson.exercises[place]
            file = copy.path.as_posix()
            yield marks.Mark(copy.learner, file, exercise.title, status, words)
            todo.remove(place)


def _answers(
    copy: Copy, statements, places: list[int], seconds: float
) -> Iterator[tuple[int, tuple[str, str]]]:
    """What a process says of these exercises, up to the first that ends it."""
    context: Any = multiprocessing.get_context("fork" if HAS_FORK else "spawn")
    ours, theirs = context.Pipe(duplex=False)
    folder = tempfile.TemporaryDirectory()  # for what it tries to write
    given = theirs, copy.lesson.stem, statements, copy.other, places, folder.name
    process = context.Process(target=_work, args=given, daemon=True)
    if HAS_FORK:
        _ready(copy.lesson.stem)  # before the fork: once for all
        gc.freeze()  # or each process goes through all that the course has loaded
    process.start()
    theirs.close()
    try:
        if not _is_ready(ours):  # from here the seconds count
            yield places[0], ("ask", "Ask: no process could be started for it.")
            return
        for place in places:
            if not ours.poll(seconds):
                late = f"it did not end within {seconds:g} seconds: an endless loop?"
                yield place, ("not yet", f"Not yet: {late}")
                return
            try:
                said = json.loads(ours.recv_bytes())
            except (EOFError, OSError):
                over = "it ended the whole program, or took more memory than there is."
                yield place, ("not yet", f"Not yet: {over}")
                return
            yield place, tuple(said)
    finally:
        _stop(process)
        ours.close()
        folder.cleanup()


def _is_ready(pipe) -> bool:
    """Has the process imported the course?"""
    with contextlib.suppress(EOFError, OSError):
        return pipe.poll(START_UP) and bool(pipe.recv_bytes())
    return False


def _stop(process) -> None:
    """End a process with all that it has started."""
    with contextlib.suppress(ProcessLookupError, PermissionError, AttributeError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.join()


def _work(pipe, stem: str, statements, other, places: list[int], folder: str) -> None:
    """In a process of its own: the verdict on each exercise, into the pipe."""
    lesson, checkers, namespace = _ready(stem)
    os.chdir(folder)
    _limit()
    pipe.send_bytes(b"ready")
    for place in places:
        exercise = lesson.exercises[place]
        check = checkers[place]
        said = _verdict(exercise, lesson, statements, other, check, dict(namespace))
        with contextlib.suppress(OSError):
            pipe.send_bytes(json.dumps(said).encode())


@cache
def _ready(stem: str):
    """(lesson, its checkers, the names of its set-up), before any learner's code."""
    lesson = submissions.lessons()[stem]
    _ = lesson.own  # parsed before the fork, once for all
    modules = [
        import_module(f"course_utils.checks.{e.module}") for e in lesson.exercises
    ]
    checkers = [
        getattr(module, exercise.check)
        for module, exercise in zip(modules, lesson.exercises, strict=True)
    ]
    namespace: dict = {"__name__": "__main__"}
    with contextlib.suppress(ImportError):  # Keras, of one lesson
        exec(lesson.setup, namespace)
    return lesson, checkers, namespace


def _limit() -> None:
    """No output, no input, no files, no more memory than `ROOM`; a group of its own."""
    if hasattr(os, "setsid"):
        os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    sys.stdin, sys.stdout, sys.stderr = (open(os.devnull, mode) for mode in "rww")
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        with open("/proc/self/statm") as file:
            taken = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + ROOM, taken + ROOM))


def _verdict(exercise, lesson, statements, other, check, namespace) -> tuple[str, str]:
    """(right, not yet, empty or ask; words) on one exercise."""
    said = "", ""
    for deep in (False, True):
        name, needed = submissions.slice_for(exercise, lesson, statements, deep=deep)
        if name is None:
            return "ask", _missing(exercise, lesson, statements, other)
        if all(ast.dump(each.node) in lesson.own for each in needed):
            return "empty", "Not filled in yet: it is as it was handed out."
        said = _run(name, needed, check, dict(namespace))
        if "NameError" not in said[1]:
            return said
    return said


def _run(name: str, needed, check, namespace) -> tuple[str, str]:
    """Run the statements, then the checker on what is named `name`."""
    try:
        for each in needed:
            module = ast.Module([each.node], type_ignores=[])
            try:
                exec(compile(module, "<answer>", "exec"), namespace)
            except Exception as error:
                if name in each.makes:
                    return "ask", f"Its cell stops with {type(error).__name__}: {error}"
        verdict = check(namespace[name])
    except SystemExit:
        return "not yet", "Not yet: it ends the program (exit, quit)."
    except MemoryError:
        return "not yet", "Not yet: it takes more memory than there is."
    except BaseException as error:
        return "not yet", f"Not yet: {type(error).__name__} {error}".rstrip()
    is_empty = verdict.words.startswith("Not filled in")
    status = "right" if verdict else "empty" if is_empty else "not yet"
    return status, verdict.words


def _missing(exercise: Exercise, lesson: Lesson, statements, other) -> str:
    """What to tell of an answer that is not there."""
    if any(f"def {exercise.name}(" in text for text in other):
        return f"Ask: `{exercise.name}` stands in a cell that is text, not code."
    known = {name for each in lesson.statements for name in each.makes}
    functions = (e for e in statements if e.makes and hasattr(e.node, "args"))
    new = sorted({name for e in functions for name in e.makes} - known)
    new = [name for name in new if not name.endswith("_solution")]
    words = f"Ask: no `{exercise.name}` here; renamed, deleted, or it does not parse?"
    if new:
        words += f" New in this notebook: {', '.join(f'`{name}`' for name in new)}."
    return words


def main(arguments: list[str]) -> None:
    """Mark a folder, and write marks.csv and marks.html into another."""
    parser = argparse.ArgumentParser(prog="make marks", description=__doc__)
    parser.add_argument("folder", type=Path, help="with the learners' notebooks")
    parser.add_argument("--out", type=Path, default=Path("marks"), help="(marks)")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="(20)")
    given = parser.parse_args(arguments)
    if not given.folder.is_dir():
        parser.error(f"{given.folder} is no folder: give the one with the notebooks")
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads and forks do not mix
    os.environ |= {"MPLBACKEND": "agg", "MPLCONFIGDIR": tempfile.gettempdir()}
    module = "course_utils.classroom.marking"
    sandbox.enter(module, arguments, writable=given.out, readable=given.folder)
    print("Sandbox:", sandbox.describe())
    started = time.monotonic()
    copies, unreadable = collect(given.folder)
    found: list[marks.Mark] = []
    for number, copy in enumerate(sorted(copies, key=lambda c: c.lesson.stem), start=1):
        found += mark(copy, given.seconds)
        if sys.stdout.isatty():
            print(f"\r{number} of {len(copies)} notebooks ", end="", flush=True)
    given.out.mkdir(parents=True, exist_ok=True)
    marks.write(found, unreadable, given.out)
    taken = time.monotonic() - started
    print(f"{len(found)} marks in {taken:.0f} s: {given.out / 'marks.html'}")
    for path, reason in unreadable:
        print(f"Not read: {path}: {reason}")


if __name__ == "__main__":
    main(sys.argv[1:])
