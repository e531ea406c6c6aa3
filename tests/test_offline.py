"""tools/offline.sh: loopback and nothing else, or one sentence."""

import os
import shutil
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux has namespaces")
SOCKETS = """
import socket
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname(), timeout=5).close()
print("loopback works")
try:
    socket.create_connection(("192.0.2.1", 9), timeout=5)  # an address nobody has
except OSError as error:
    print(error.strerror)
"""


@pytest.fixture
def offline(root, tmp_path):
    """Call it with a command, and a PATH if need be; a course with a .venv of its own.

    What it returns: exit code, what was said, what was complained of.
    """
    (tmp_path / "tools").mkdir()
    shutil.copy(root / "tools/offline.sh", tmp_path / "tools")
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/python").symlink_to(sys.executable)

    def run(*command, path=os.environ["PATH"]):
        command = ["sh", tmp_path / "tools/offline.sh", *command]
        env = os.environ | {"PATH": str(path)}
        done = subprocess.run(command, env=env, capture_output=True, text=True)
        return done.returncode, done.stdout, done.stderr

    return run


def test_there_is_loopback_and_nothing_else(offline):
    if offline("true")[0]:
        pytest.skip("this machine allows no network namespace")
    code, said, _ = offline(sys.executable, "-c", SOCKETS)
    assert (code, said) == (0, "loopback works\nNetwork is unreachable\n")
    assert offline(sys.executable, "-c", "raise SystemExit(7)")[0] == 7


@pytest.mark.parametrize("refusal", ["unshare is missing", "unshare is forbidden"])
def test_a_machine_that_does_not_allow_it_gets_one_sentence(offline, tmp_path, refusal):
    path = tmp_path / "path"
    path.mkdir()
    for command in ("sh", "dirname", "id", "true"):
        (path / command).symlink_to(shutil.which(command))
    if refusal == "unshare is forbidden":
        (path / "unshare").symlink_to(shutil.which("false"))
    code, said, complaint = offline("true", path=path)
    assert (code, said, complaint.count("\n")) == (1, "", 1)
    assert complaint.startswith("This machine allows no network namespace")
