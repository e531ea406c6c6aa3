"""Frames in, slider and picture out. This module knows nothing of learning.

`Film` plays frames in the browser (`film.js`), `Panel` puts further controls beside a
film. All frames exist before the slider appears, so moving it never waits for the
kernel. (`shooting.shoot` draws them.)
"""

import base64
import html
import math
import numbers
import pathlib

import anywidget
import ipywidgets
import numpy as np
import traitlets
from IPython import get_ipython
from IPython.display import HTML, display

_VIEW = "application/vnd.jupyter.widget-view+json"
IS_IPYWIDGETS_7 = hasattr(ipywidgets.Widget, "_ipython_display_")
_live: dict = {}  # cell id -> (message id of its last run, films and panels it made)


class Living(anywidget.AnyWidget):
    """A widget with a still for a page without a kernel: a picture and its sentence.

    A subclass has `still`, which returns a PNG, and `__repr__`, which says it. Show it
    in a `Panel`, for readers whose JupyterLab cannot show the live widget.
    """

    _ipython_display_ = None  # that of ipywidgets 7 would store no still

    def still(self) -> bytes:
        raise NotImplementedError

    def _repr_mimebundle_(self, **kwargs):
        data, metadata = super()._repr_mimebundle_(**kwargs) or ({}, {})
        still = base64.b64encode(self.still()).decode()
        data |= {"image/png": still, "text/plain": repr(self)}
        return data, metadata | {"image/png": {"alt": repr(self)}}


class Film(Living):
    """A slider over pictures drawn beforehand, with the sentence that says each.

    frames: the pictures, as PNGs (bytes) of one size in pixels
    values: what the slider runs over, one number a frame, increasing
    labels: the value for the reader, shown beside the slider ("0.0316")
    alts: what each frame shows, in a sentence: under the picture, for screen readers
    marks: `{"value": number, "label": text}` for each place to mark under the slider;
        beyond an end of the slider it is drawn there, with an arrow
    index: the frame shown, from 0; read it and set it
    name: what the slider is, beside it and for screen readers

    Raises TypeError, ValueError or (index) traitlets.TraitError naming the argument.
    """

    _esm = pathlib.Path(__file__).parent / "film.js"
    frames = traitlets.List(traitlets.Bytes()).tag(sync=True)
    values = traitlets.List(traitlets.Float()).tag(sync=True)
    labels = traitlets.List(traitlets.Unicode()).tag(sync=True)
    alts = traitlets.List(traitlets.Unicode()).tag(sync=True)
    marks = traitlets.List(traitlets.Dict()).tag(sync=True)
    index = traitlets.Int(0).tag(sync=True)
    name = traitlets.Unicode("learning rate").tag(sync=True)

    def __init__(self, *, frames, values, labels, alts, marks=(), **traits):
        content = _content(frames, values, labels, alts, marks)
        super().__init__(**content, **traits)
        self.on_msg(lambda *_: self.send_state("frames"))  # what film.js asks for
        _enlist(self)

    def replace(self, *, frames, values, labels, alts, marks=(), index=None):
        """Show other frames, all at once; without `index`, stay at the same place."""
        content = _content(frames, values, labels, alts, marks)
        if index is None:
            index = min(self.index, len(content["frames"]) - 1)
        with self.hold_sync(), self.hold_trait_notifications():
            for name, items in content.items():
                setattr(self, name, items)
            self.index = index

    def close(self):
        """Take the film off the page, and its frames out of memory here and there."""
        with self.hold_sync(), self.hold_trait_notifications():
            self.frames, self.values, self.labels, self.alts = [], [], [], []
        super().close()

    def get_state(self, key=None, drop_defaults=False):
        """The traits as the browser gets them; all at once, without the frames.

        A page that was reloaded asks for the state of all widgets in one message and
        waits 4 seconds for it. So `film.js` asks for the frames, film by film.
        """
        state = super().get_state(key=key, drop_defaults=drop_defaults)
        if key is None and self.comm is not None:  # None while the film is being made
            state["frames"] = []
        return state

    @traitlets.validate("index")
    def _index_names_a_frame(self, proposal):
        last = len(self.frames) - 1
        if not 0 <= proposal.value <= last:
            raise traitlets.TraitError(f"index: give 0 to {last}, not {proposal.value}")
        return proposal.value

    @traitlets.validate("frames", "values", "labels", "alts")
    def _lengths_agree(self, proposal):
        name, items = proposal.trait.name, proposal.value
        peer = self.values if name == "frames" else self.frames
        if self.comm is not None and len(items) != len(peer):
            raise traitlets.TraitError(f"{name}: use film.replace to set all at once")
        return items

    def still(self) -> bytes:
        """The current frame."""
        return self.frames[self.index]

    def __repr__(self):
        return self.alts[self.index] if self.frames else "a film, closed"


class Panel(ipywidgets.VBox):
    """A film (`.film`) below further ipywidgets (`.controls`), displayed as a film is.

    The film is any `Living` widget: a playground, too. The panel's last child is the
    current picture with one sentence on what to install. The style sheets in `film.js`
    and `playground.js` hide it, so it is seen only where neither ever runs: where the
    JupyterLab server lacks anywidget's extension. (It is an `Output`: Colab's widget
    manager lacks the styles that other widgets have since ipywidgets 8.) Under
    ipywidgets 7 it stands below the panel: there one child that fails takes all along.
    """

    def __init__(self, film, *controls):
        if not isinstance(film, Living):
            raise TypeError(f"film: give a Film, not {film!r}")
        self.film, self.controls = film, controls
        inside = [] if IS_IPYWIDGETS_7 else [_fallback(film)]
        super().__init__([*controls, film, *inside])
        _enlist(self)

    def close(self):
        """Take the film and the controls off the page."""
        for child in self.children:
            _close(child)
        super().close()

    def __repr__(self):
        return repr(self.film)

    def _repr_mimebundle_(self, **kwargs):
        data, metadata = self.film._repr_mimebundle_(**kwargs)
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        return data | {_VIEW: view}, metadata

    def _show_in_ipywidgets_7(self):
        data, metadata = self._repr_mimebundle_()
        display(data, metadata=metadata, raw=True)
        alone = _picture_alone(self.film)
        display(HTML(f'<div class="course-film-fallback">{alone}</div>'))

    _ipython_display_ = _show_in_ipywidgets_7 if IS_IPYWIDGETS_7 else None


def controlled(shoot, controls, *, name: str) -> Panel:
    """A film of `shoot(**values)`, shot again whenever a control changes.

    shoot: returns what a `Film` is made of, as a dict, with "index" or without; it is
    called with the value of each control. controls: name to ipywidget; name: of the
    film's slider.
    """

    def content():
        return shoot(**{name: control.value for name, control in controls.items()})

    made = Film(**content(), name=name)
    for control in controls.values():
        control.observe(
            lambda change: made.replace(**{**content(), "index": None}), "value"
        )
    return Panel(made, *controls.values())


def _fallback(film):
    """An `Output` with `_picture_alone`, which follows the film's frames."""
    made = ipywidgets.Output()
    made.add_class("course-film-fallback")

    def redraw(change=None):
        made.outputs = ()
        if getattr(film, "frames", True):  # else it was closed
            data = {"text/html": _picture_alone(film), "text/plain": repr(film)}
            output = {"output_type": "display_data", "data": data, "metadata": {}}
            made.outputs = (output,)

    redraw()
    if isinstance(film, Film):
        film.observe(redraw, "frames")
    return made


def _picture_alone(film):
    """The current picture without slider, visible after 3 seconds without film.js."""
    return f"""<style>@keyframes course-film {{ to {{ visibility: visible }} }}</style>
    <div style="visibility: hidden; animation: course-film 0s 3s forwards">
    <p><b>No slider?</b> Install <code>anywidget</code> where JupyterLab itself is
    installed and reload this page. Until then, here is the picture alone.</p>
    <img alt="{html.escape(repr(film))}" style="max-width: 100%"
    src="data:image/png;base64,{base64.b64encode(film.still()).decode()}"></div>"""


def _content(frames, values, labels, alts, marks):
    """The lists a film shows, or an error that says which is wrong."""
    lists = {"frames": frames, "values": values, "labels": labels, "alts": alts}
    for name, kind in zip(lists, (bytes, numbers.Real, str, str), strict=True):
        if isinstance(lists[name], str | bytes) or not np.iterable(lists[name]):
            raise TypeError(f"{name}: give a list, not {lists[name]!r:.40}")
        lists[name] = list(lists[name])
        for i, item in enumerate(lists[name]):
            if not isinstance(item, kind) or item == "":
                raise TypeError(f"{name}[{i}]: give {kind.__name__}, not {item!r:.40}")
    lengths = [len(items) for items in lists.values()]
    if min(lengths) == 0 or len(set(lengths)) > 1:
        raise ValueError(f"{', '.join(lists)}: give one of each a frame, not {lengths}")
    lists["values"] = values = [float(value) for value in values]
    if not all(map(math.isfinite, values)) or values != sorted(set(values)):
        raise ValueError("values: give finite numbers, each larger than the last")
    if not all(frame.startswith(b"\x89PNG\r\n") for frame in lists["frames"]):
        raise ValueError("frames: encode every picture as PNG")
    if len({frame[16:24] for frame in lists["frames"]}) > 1:  # width, height
        raise ValueError("frames: draw all pictures at one size")
    return lists | {"marks": [_mark(mark) for mark in marks]}


def _mark(mark):
    if not isinstance(mark, dict) or set(mark) != {"value", "label"}:
        raise TypeError(f'marks: give {{"value": number, "label": text}}, not {mark!r}')
    value, label = mark["value"], mark["label"]
    if not isinstance(value, numbers.Real) or not math.isfinite(value):
        raise ValueError(f"marks: {label!r} lies at {value!r}; give a finite number")
    return {"value": float(value), "label": str(label)}


def _close(widget):
    for child in getattr(widget, "children", ()):
        _close(child)
    widget.close()


def _enlist(widget):
    """Close what this notebook cell made when it ran before, and remember `widget`."""
    cell, run = _this_run()
    last_run, made = _live.get(cell, (None, []))
    if last_run != run:
        for old in made:
            old.close()
        made = []
    if cell is not None:
        _live[cell] = (run, [*made, widget])


def _this_run():
    """The cell that runs now and the message that started it; None if not known.

    JupyterLab tells the cell's id, Colab another one, classic Notebook none: there its
    text stands for it.
    """
    shell = get_ipython()
    parent = shell.get_parent() if hasattr(shell, "get_parent") else {}
    told = parent.get("metadata", {})
    cell = told.get("cellId") or told.get("colab", {}).get("cell_id")
    cell = cell or parent.get("content", {}).get("code")
    return cell, parent.get("header", {}).get("msg_id")
