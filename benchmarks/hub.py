"""A class on one machine: so many learners start a lesson in the same minute.

    python benchmarks/hub.py --learners 20 --lesson 02_mlp [--threads 1]

Starts a real JupyterHub on loopback with docs/hub/jupyterhub_config.py, logs everybody
in, starts a server and a kernel each, and runs the lesson's cells through the hub, as a
browser would. Prints when the first and the last learner were done, and the memory of a
server and of a kernel. Needs docs/hub/requirements.txt and, on the PATH, the proxy
`configurable-http-proxy` (an npm package).
"""

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

import psutil
import requests
import websocket

ROOT = Path(__file__).resolve().parent.parent
HUB = "http://127.0.0.1:8000"
WAIT = 600  # seconds at most for any one thing
TOKEN = uuid.uuid4().hex  # of the one who asks the hub, for this run only


def start_hub(folder, threads):
    """JupyterHub with the course's settings, open to names without accounts."""
    own = ROOT / "docs/hub/jupyterhub_config.py"
    trial = folder / "trial_config.py"
    allow_root = ["--allow-root"] if os.geteuid() == 0 else []
    own_threads = {"OMP_NUM_THREADS": threads} if threads else {}
    trial.write_text(
        f"exec(open({str(own)!r}).read())\n"
        "c.JupyterHub.authenticator_class = 'dummy'\n"
        "c.Authenticator.allow_all = True\n"
        "c.JupyterHub.spawner_class = 'simple'\n"
        f"c.Spawner.environment = {own_threads!r}\n"
        f"c.Spawner.args += {allow_root!r}\n"
        f"c.JupyterHub.services.append({{'name': 'trial', 'api_token': {TOKEN!r}}})\n"
        "c.JupyterHub.load_roles.append({'name': 'trial', 'services': ['trial'],\n"
        "    'scopes': ['admin:users', 'admin:servers', 'access:servers']})\n"
    )
    log = open(folder / "hub.log", "w")
    command = [sys.executable, "-m", "jupyterhub", "-f", trial]
    hub = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    until(lambda: requests.get(f"{HUB}/hub/health", timeout=5).ok)
    return hub


def until(is_done):
    """Wait for it, `WAIT` seconds at most; a refused connection is a no."""
    end = time.monotonic() + WAIT
    while time.monotonic() < end:
        try:
            if is_done():
                return
        except requests.RequestException:
            pass
        time.sleep(0.5)
    raise TimeoutError(f"not within {WAIT} seconds")


def ask(method, path, **options):
    headers = {"Authorization": f"token {TOKEN}"}
    return requests.request(
        method, HUB + path, headers=headers, timeout=WAIT, **options
    )


def learn(name, cells, done):
    """One learner: server, kernel, every cell of the lesson, in order."""
    ask("POST", f"/hub/api/users/{name}")
    # 429: too many at once, try again (a browser does so by itself)
    until(lambda: ask("POST", f"/hub/api/users/{name}/server").status_code != 429)
    until(lambda: ask("GET", f"/hub/api/users/{name}").json().get("server"))
    kernel = ask("POST", f"/user/{name}/api/kernels", json={}).json()["id"]
    channel = websocket.create_connection(
        f"{HUB.replace('http', 'ws')}/user/{name}/api/kernels/{kernel}/channels",
        header=[f"Authorization: token {TOKEN}"],
        timeout=WAIT,
    )
    for source in cells:
        run(channel, source)
    done[name] = time.monotonic()


def run(channel, source):
    """One cell; an error in it ends the trial."""
    number = uuid.uuid4().hex
    header = {"msg_id": number, "msg_type": "execute_request", "session": number,
              "username": "", "version": "5.3"}  # fmt: skip
    content = {"code": source, "silent": False, "store_history": True,
               "allow_stdin": False, "stop_on_error": True}  # fmt: skip
    message = {"channel": "shell", "header": header, "parent_header": {},
               "metadata": {}, "content": content}  # fmt: skip
    channel.send(json.dumps(message))
    while True:
        received = channel.recv()
        if isinstance(received, bytes):  # a film, with its pictures
            continue
        said = json.loads(received)
        if said["parent_header"].get("msg_id") != number:
            continue
        if said["msg_type"] == "error":
            raise RuntimeError(said["content"]["evalue"])
        state = said["content"].get("execution_state")
        if said["msg_type"] == "status" and state == "idle":
            return


def memory(processes):
    """MB of each server and of each kernel, without what they share (USS)."""
    found = {"singleuser": [], "ipykernel": []}
    for process in processes:
        line = " ".join(process.cmdline())
        for kind, sizes in found.items():
            if kind in line:
                sizes.append(process.memory_full_info().uss / 1e6)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learners", type=int, default=5)
    parser.add_argument("--lesson", default="02_mlp")
    parser.add_argument("--threads", default="1", help='"" for PyTorch\'s own choice')
    parser.add_argument("--limit", type=float, default=WAIT, help="seconds in all")
    given = parser.parse_args()
    if not shutil.which("configurable-http-proxy"):
        sys.exit("configurable-http-proxy is not there: npm install it")
    notebook = json.loads((ROOT / f"notebooks/{given.lesson}.ipynb").read_text("utf-8"))
    cells = [
        "".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"
    ]
    with tempfile.TemporaryDirectory() as folder:
        hub = start_hub(Path(folder), given.threads)
        done: dict = {}
        start = time.monotonic()
        names = [f"learner{number:02}" for number in range(given.learners)]
        learners = [
            threading.Thread(target=learn, args=(name, cells, done), daemon=True)
            for name in names
        ]
        try:
            for each in learners:
                each.start()
            for each in learners:
                each.join(max(0, start + given.limit - time.monotonic()))
            sizes = memory(psutil.Process(hub.pid).children(recursive=True))
            threading.excepthook = lambda failure: None  # who is not done is cut off
        finally:
            started = psutil.Process(hub.pid).children(recursive=True)
            hub.terminate()
            hub.wait(30)
            for process in started:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
    times = sorted(at - start for at in done.values())
    print(f"lesson {given.lesson}, {os.cpu_count()} cores, "
          f"OMP_NUM_THREADS={given.threads or 'unset'}: "
          f"{len(times)} of {given.learners} learners done", end="")  # fmt: skip
    if times:
        print(
            f", the first after {times[0]:.0f} s, the last after {times[-1]:.0f} s",
            end="",
        )
    print()
    for kind, found in sizes.items():
        if found:
            print(f"{kind}: {statistics.median(found):.0f} MB (median), "
                  f"{sum(found) / 1000:.1f} GB in all")  # fmt: skip


if __name__ == "__main__":
    main()
