"""The table of planted faults: it fits the code as it is, and its runner tells right.

The faults themselves are planted by `make test-faults`.
"""

import ast
import os

import pytest
from faults import run as faults


def test_every_fault_can_be_planted(root):
    for fault in faults.table():
        sound = (root / fault.file).read_text(encoding="utf-8")
        count = sound.count(fault.old)
        assert count == 1, f"{fault.name}: its old text stands {count} times"
        assert fault.new != fault.old, fault.name


def test_every_fault_names_tests_that_exist(root):
    names = {}
    for fault in faults.table():
        assert fault.tests, f"{fault.name}: no test"
        for test in fault.tests:
            file, *name = test.split("::")
            if file not in names:
                names[file] = names_of_tests(root / file)
            assert tuple(name) in names[file], f"{fault.name}: there is no {test}"


def names_of_tests(path):
    """() for the file itself, (test,) and (class, test) for each in it."""
    if path.suffix == ".ipynb":
        return {()} if path.exists() else set()
    body = ast.parse(path.read_text(encoding="utf-8")).body
    names = {(node.name,) for node in body if isinstance(node, ast.FunctionDef)}
    for node in body:
        if isinstance(node, ast.ClassDef):
            names |= {(node.name, getattr(each, "name", "")) for each in node.body}
    return names


def test_names_are_unique():
    names = [fault.name for fault in faults.table()]
    assert len(set(names)) == len(names)


# Does the runner tell a caught fault from a missed one and from a broken test?

CODE = "def double(x):\n    return 2 * x\n"
TESTS = """
import pytest
import code_under_test

@pytest.fixture
def four():
    return code_under_test.double(2) // (code_under_test.double(1) - 1)

def test_double():
    assert code_under_test.double(3) == 6

def test_type():
    assert type(code_under_test.double(3)) is int

def test_fixture(four):
    pass
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot fork")
@pytest.mark.parametrize(
    ("old", "new", "test", "verdict"),
    [
        ("2 * x", "3 * x", "test_double", "caught"),
        ("2 * x", "3 * x", "test_type", "MISSED"),
        ("2 * x", "1 * x", "test_fixture", "no failed test, but exit code 1"),
        ("2 * x", "2 * * x", "test_double", "no failed test, but exit code"),
        ("4 * x", "3 * x", "test_double", "its old text stands 0 times"),
    ],
)
def test_verdict(tmp_path, old, new, test, verdict):
    course = tmp_path / "course"
    course.mkdir()
    (course / "code_under_test.py").write_text(CODE)
    (course / "test_code.py").write_text(TESTS)
    fault = faults.Fault("", "code_under_test.py", old, new, (f"test_code.py::{test}",))
    assert faults.plant(course, fault).startswith(verdict)
    assert (course / "code_under_test.py").read_text() == CODE
