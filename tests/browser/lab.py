"""A real JupyterLab, and one of its notebooks on a page of a real browser.

`serve` starts the server. `Page` does what a reader does with a notebook, and says
what the reader sees and what the kernel holds. That these agree is for the tests.
"""

import contextlib
import inspect
import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat

START = 180  # seconds for JupyterLab, a page or a kernel to start
RUN_ALL = 1800  # seconds for all cells of a notebook
SETTINGS = {  # all cells in the page, however long the notebook is
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
}
OPTIONS = """
    --allow-root --no-browser --ServerApp.port_retries=0
    --LabApp.expose_app_in_browser=True --LabApp.news_url=None
    --JupyterNotebookApp.expose_app_in_browser=True
    --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate
""".split()
IN_PAGE = (Path(__file__).parent / "page.js").read_text()


@contextlib.contextmanager
def serve(folder, scratch, program="jupyterlab", disabled=()):
    """Serve the notebooks in `folder`; yield JupyterLab's address and its token.

    scratch: an empty folder for all that JupyterLab and its kernels write.
    program: "jupyterlab", or "notebook" for Notebook 7. disabled: extensions of
    JupyterLab that are to be missing.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address, token = f"http://127.0.0.1:{port}", secrets.token_hex()
    command = [sys.executable, "-m", program, *OPTIONS, f"--port={port}"]
    command += [f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}"]
    log, variables = scratch / "log", os.environ | _own_folders(scratch)
    page = scratch / "JUPYTER_CONFIG_DIR" / "labconfig" / "page_config.json"
    page.parent.mkdir(parents=True)
    page.write_text(json.dumps({"disabledExtensions": dict.fromkeys(disabled, True)}))
    with log.open("w") as file:
        server = subprocess.Popen(command, env=variables, stdout=file, stderr=file)
    try:
        _wait_for(server, f"{address}/api", log)
        yield address, token
    finally:
        server.terminate()
        server.wait(START)


def _own_folders(scratch):
    """Environment variables that keep the user's own settings out, and as they are."""
    names = [f"JUPYTER_{name}_DIR" for name in ("CONFIG", "DATA", "RUNTIME")]
    names += ["JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR", "IPYTHONDIR"]
    folders = {name: scratch / name for name in names}
    for plugin, settings in SETTINGS.items():
        name = f"{plugin}.jupyterlab-settings"
        path = folders["JUPYTERLAB_SETTINGS_DIR"] / name
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(settings))
    return {name: str(folder) for name, folder in folders.items()}


def _wait_for(server, address, log):
    end = time.monotonic() + START
    while time.monotonic() < end and server.poll() is None:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(address, timeout=5).close()
            return
        time.sleep(0.2)
    raise RuntimeError(f"JupyterLab does not start:\n{log.read_text()}")


@contextlib.contextmanager
def open_notebook(browser, address, token, path, place=None):
    """Open a notebook on a page of its own; shut its kernel down at the end.

    place: where below the address notebooks are, None for JupyterLab.
    """
    tab = browser.new_page(viewport={"width": 1400, "height": 1000})
    place = place or f"lab/workspaces/{path.stem}/tree"  # a workspace opens no other
    try:
        page = Page(tab, path)
        tab.goto(f"{address}/{place}/{path.name}?token={token}")
        page.wait_for("inPage.isReady()")
        yield page
        page.do("inPage.shutDown()")
    finally:
        tab.close()


class Page:
    """A notebook in JupyterLab.

    tab: Playwright's page; path: the notebook's file; films: a locator of all films;
    console: what the browser's console called an error
    """

    def __init__(self, tab, path):
        self.tab, self.path, self.console = tab, path, []
        self.films = tab.locator(".course-film")
        tab.set_default_timeout(START * 1000)
        tab.add_init_script(IN_PAGE)
        tab.on("console", self._note)
        tab.on("pageerror", lambda error: self.console.append(str(error)))

    def _note(self, message):
        if message.type == "error":
            self.console.append(f"{message.text} ({message.location['url']})")

    def do(self, expression, argument=None):
        """Evaluate JavaScript; it knows `inPage` (page.js) and `argument`."""
        return self.tab.evaluate(f"(argument) => {expression}", argument)

    def wait_for(self, condition, seconds=START):
        """Wait until JavaScript says true."""
        self.tab.wait_for_function(f"() => {condition}", timeout=seconds * 1000)

    def run_all(self):
        """Run all cells and wait until every film shows its picture."""
        self.do("inPage.runAll()")
        self.wait_for("inPage.hasRun", RUN_ALL)
        self._wait_for_films()

    def reload(self):
        """Save the notebook and load the page again; the kernel lives on."""
        self.save()
        self.tab.reload()
        self.wait_for("inPage.isReady()")
        self._wait_for_films()

    def _wait_for_films(self):
        count = self.ask_kernel(count_films, self.models())
        self.wait_for(f"inPage.numPainted() === {count}")

    def save(self):
        """Save the notebook and return what the file holds now."""
        self.do("inPage.save()")
        return nbformat.read(self.path, as_version=4)

    def models(self):
        """Ids of the widgets that the cells display, from top to bottom."""
        return self.do("inPage.models()")

    def ask_kernel(self, function, *arguments):
        """Call a function in the kernel: it imports what it uses and returns JSON."""
        call = f"{function.__name__}(*json.loads({json.dumps(arguments)!r}))"
        code = f"import json\n{inspect.getsource(function)}\nprint(json.dumps({call}))"
        return json.loads(self.do("inPage.execute(argument)", f"exec({code!r}, {{}})"))

    def content(self, number):
        """What the kernel says of one film: its index, and (see `see`) its frames."""
        index, frames = self.ask_kernel(film_content, self.models(), number)
        return index, [tuple(frame) for frame in frames]

    def see(self, number, alt, seconds):
        """What one film shows: (digest of the pixels, readout, alt text).

        Waits that many seconds at most for the alt text that is to come.
        """
        film = self.films.nth(number)
        see = "(film, [alt, seconds]) => inPage.see(film, alt, seconds)"
        return tuple(film.evaluate(see, [alt, seconds]))

    def press(self, locator, key):
        """Press a key with the keyboard focus on an element."""
        if not locator.evaluate("(el) => el === document.activeElement"):
            locator.focus()
        self.tab.keyboard.press(key)


def count_films(models):
    """Runs in the kernel: how many of these widgets hold a film."""
    from ipywidgets.widgets import widget

    from course_utils.pictures.film import Film

    shown = [widget._instances.get(model) for model in models]
    return sum(isinstance(getattr(made, "film", made), Film) for made in shown)


def playground_sentences(models):
    """Runs in the kernel: what each playground among these widgets says."""
    from ipywidgets.widgets import widget

    from course_utils.pictures.playground import Playground

    shown = [widget._instances.get(model) for model in models]
    films = [getattr(made, "film", made) for made in shown]
    return [repr(made) for made in films if isinstance(made, Playground)]


def film_content(models, number):
    """Runs in the kernel: index and frames of the film with this number."""
    import hashlib
    import io

    from ipywidgets.widgets import widget
    from PIL import Image

    from course_utils.pictures.film import Film

    shown = [widget._instances.get(model) for model in models]
    films = [getattr(made, "film", made) for made in shown]
    film = [made for made in films if isinstance(made, Film)][number]
    index, frames, labels, alts = film.index, film.frames, film.labels, film.alts
    pictures = [Image.open(io.BytesIO(frame)).convert("RGBA") for frame in frames]
    digests = [hashlib.sha256(picture.tobytes()).hexdigest() for picture in pictures]
    return index, list(zip(digests, labels, alts, strict=True))
