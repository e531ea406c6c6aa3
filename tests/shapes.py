"""Shape comments as tests: `x = ...  # (B, T, D)` is checked while the code runs.

A letter stands for one number within one call of a function, and a number for itself.
Comments with anything else in them, such as (..., T, S), are left to the reader.
"""

import ast
import re
import sys
from contextlib import contextmanager
from pathlib import Path

SHAPE = re.compile(r"#.*?\(((?:[A-Za-z_]\w*|\d+)(?:, ?(?:[A-Za-z_]\w*|\d+))*),?\)")


def annotated(path):
    """{(first line, last line): (name or None for a return, sizes)} of a file."""
    source = Path(path).read_text()
    lines, found = source.splitlines(), {}
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Assign | ast.Return):
            continue
        comment = SHAPE.search(lines[node.end_lineno - 1][node.end_col_offset :])
        if comment:
            sizes = re.findall(r"\w+", comment[1])
            found[node.lineno, node.end_lineno] = _name(node), sizes
    return found


def _name(node):
    """The first name that an assignment binds."""
    if isinstance(node, ast.Return):
        return None
    names = [n.id for n in ast.walk(node.targets[0]) if isinstance(n, ast.Name)]
    return names[0]


@contextmanager
def checked(*modules):
    """Within, shapes are checked; yields the list of comments not yet reached."""
    comments = {module.__file__: annotated(module.__file__) for module in modules}
    left = {(path, lines) for path, here in comments.items() for lines in here}
    waiting, sizes_of, wrong = {}, {}, []

    def note(frame, value, lines, sizes):
        path = frame.f_code.co_filename
        left.discard((path, lines))
        value = value[0] if isinstance(value, list | tuple) else value
        shape, known = tuple(value.shape), sizes_of.setdefault(id(frame), {})
        fits = len(shape) == len(sizes) and all(
            got == (int(size) if size.isdigit() else known.setdefault(size, got))
            for size, got in zip(sizes, shape, strict=True)
        )
        if not fits:
            wrong.append(f"{path}:{lines[0]}: {shape} is not {sizes}, {known}")

    def trace(frame, event, value):
        here = comments.get(frame.f_code.co_filename)
        if here is None:
            return None
        pending = waiting.get(id(frame))
        within = pending and pending[0] <= frame.f_lineno <= pending[1]
        if pending and (event == "return" or not within):
            name, sizes = here[waiting.pop(id(frame))]
            if event == "return" and name is None and value is not None:
                note(frame, value, pending, sizes)
            elif name in frame.f_locals:
                note(frame, frame.f_locals[name], pending, sizes)
        if event == "return":
            sizes_of.pop(id(frame), None)
        elif event == "line":
            for lines in here:
                if lines[0] <= frame.f_lineno <= lines[1]:
                    waiting[id(frame)] = lines
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield left
    finally:
        sys.settrace(before)
    assert not wrong, "\n".join(wrong)
