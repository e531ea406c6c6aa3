"""Films: what is drawn, what is refused, what is displayed, what is cleaned up."""

import base64
import io
import subprocess
import sys

import ipywidgets
import numpy as np
import pytest
import traitlets
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from course_utils.pictures import film, shooting

PNG, VIEW = "image/png", "application/vnd.jupyter.widget-view+json"
COUNT = 7


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def scene():
    """A heat map below still and moving artists, and a text outside the axes."""
    figure = Figure(figsize=(5, 3), dpi=60, layout="constrained")
    left, right = figure.subplots(1, 2)
    heat = left.imshow(np.zeros((3, 3)), cmap="viridis", vmin=0, vmax=COUNT)
    left.text(1, 1, "still", color="white", zorder=3)
    (over,) = left.plot([], [], "s", color="red", markersize=25, zorder=5)
    left.axvline(0.5, color="black", zorder=4)
    right.set(xlim=(0, COUNT), ylim=(0, 1))
    (under,) = right.plot([], [], color="blue", linewidth=20, zorder=1)
    right.plot([0, COUNT], [0.5, 0.5], color="orange", linewidth=10, zorder=2)
    right.legend(["-", "still"], loc="center", framealpha=1)
    title = figure.text(0.5, 0.1, "")

    def update(i):
        heat.set_data(np.full((3, 3), i))
        over.set_data([i / 3], [1])
        under.set_data([i - 1, i + 1], [0.4, 0.4])
        title.set_text(f"frame {i}")

    return figure, [title, over, under, heat], update


def content(count=COUNT, *, color="white"):
    frames = []
    for i in range(count):
        picture, png = Image.new("RGB", (8, 4), color), io.BytesIO()
        picture.putpixel((i, 0), (255, 0, 0))
        picture.save(png, "PNG")
        frames.append(png.getvalue())
    return {
        "frames": frames,
        "values": [10.0**i for i in range(count)],
        "labels": [f"1e{i}" for i in range(count)],
        "alts": [f'{color} "picture" {i}.' for i in range(count)],
    }


# --- shoot -------------------------------------------------------------------------


def test_a_frame_equals_a_full_redraw():
    figure, moving, update = scene()
    frames = shooting.shoot(figure, moving, update, COUNT)
    assert len(frames) == COUNT
    for i, frame in enumerate(frames):
        update(i)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        redrawn = np.asarray(canvas.buffer_rgba())[..., :3].astype(int)
        assert pixels(frame).shape == redrawn.shape == (180, 300, 3)
        assert np.abs(pixels(frame) - redrawn).max() <= 32  # the palette's share


def test_what_stays_still_has_the_same_color_in_all_frames():
    figure, moving, update = scene()
    figure.set_size_inches(5, 4)
    still = figure.add_axes((0, 0, 0.1, 1))
    still.imshow(np.linspace(0, 1, 100)[:, None], aspect="auto", cmap="plasma")
    first, *others = map(pixels, shooting.shoot(figure, moving, update, COUNT))
    strip = np.s_[:, :25]
    assert all((first[strip] == other[strip]).all() for other in others)
    assert len(np.unique(first[strip], axis=0)) > 20


def test_white_paper_stays_white():
    (frame,) = shooting.shoot(*scene(), 1)
    assert (pixels(frame)[:20, :20] == 255).all()


@pytest.mark.parametrize("fails_at", [None, 3])
def test_the_figure_can_be_drawn_as_before(fails_at):
    figure, moving, update = scene()

    def maybe_update(i):
        if i == fails_at:
            raise RuntimeError
        update(i)

    if fails_at is None:
        shooting.shoot(figure, moving, maybe_update, COUNT)
    else:
        with pytest.raises(RuntimeError):
            shooting.shoot(figure, moving, maybe_update, COUNT)
    assert not any(artist.get_animated() for artist in figure.findobj())


def test_hidden_axes_stay_hidden():
    figure, moving, update = scene()
    for axes in figure.axes:
        axes.set_axis_off()
    frame = pixels(shooting.shoot(figure, moving, update, COUNT)[0])
    update(0)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    redrawn = np.asarray(canvas.buffer_rgba())[..., :3].astype(int)
    assert np.abs(frame - redrawn).max() <= 32


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"figure": "plot"}, TypeError, "figure"),
        ({"moving": []}, TypeError, "moving"),
        ({"moving": Figure().add_subplot().plot([])}, ValueError, "moving"),
        ({"moving": None}, TypeError, "moving"),
        ({"update": None}, TypeError, "update"),
        ({"count": 0}, ValueError, "count"),
        ({"count": 2.5}, ValueError, "count"),
    ],
)
def test_shoot_names_the_wrong_argument(change, error, message):
    figure, moving, update = scene()
    arguments = {"figure": figure, "moving": moving, "update": update, "count": 2}
    with pytest.raises(error, match=f"^{message}"):
        shooting.shoot(**{**arguments, **change})


# --- Film --------------------------------------------------------------------------

OTHER_SIZE = shooting.shoot(*scene(), 1)
BAD_CONTENT = [
    ({name: [] for name in content()}, ValueError, "frames, values, labels, alts"),
    ({"labels": ["1"]}, ValueError, r"frames, values, labels, alts.*\[2, 2, 1, 2\]"),
    ({"frames": ["no bytes", b""]}, TypeError, r"frames\[0\]"),
    ({"frames": b"ab"}, TypeError, "frames"),
    ({"frames": [b"GIF", b"GIF"]}, ValueError, "frames.*PNG"),
    ({"frames": content(1)["frames"] + OTHER_SIZE}, ValueError, "frames.*size"),
    ({"values": [1, 1]}, ValueError, "values.*larger"),
    ({"values": [2, 1]}, ValueError, "values.*larger"),
    ({"values": [0, np.inf]}, ValueError, "values.*finite"),
    ({"values": ["1", "2"]}, TypeError, r"values\[0\]"),
    ({"values": None}, TypeError, "values"),
    ({"labels": "ab"}, TypeError, "labels"),
    ({"labels": [1, 2]}, TypeError, r"labels\[0\]"),
    ({"alts": ["one", ""]}, TypeError, r"alts\[1\]"),
    ({"marks": [3.0]}, TypeError, "marks"),
    ({"marks": [{"value": 1.0}]}, TypeError, "marks"),
    ({"marks": [{"value": np.inf, "label": "stable"}]}, ValueError, "marks.*stable"),
    ({"index": 2}, traitlets.TraitError, "index: give 0 to 1, not 2"),
    ({"index": -1}, traitlets.TraitError, "index: give 0 to 1, not -1"),
]


@pytest.mark.parametrize(("change", "error", "message"), BAD_CONTENT)
def test_a_film_names_the_wrong_argument(change, error, message):
    with pytest.raises(error, match=f"^{message}"):
        film.Film(**{**content(2), **change})


@pytest.mark.parametrize(("change", "error", "message"), BAD_CONTENT)
def test_a_refused_replacement_changes_nothing(change, error, message):
    reel = film.Film(**content(), index=4)
    before = (reel.get_state(), reel.frames)
    with pytest.raises(error, match=f"^{message}"):
        reel.replace(**{**content(2, color="black"), **change})
    assert (reel.get_state(), reel.frames) == before


def test_numpy_values_and_marks_arrive_as_plain_numbers():
    lrs, marks = np.geomspace(1e-3, 1, 3), [{"value": np.float32(0.5), "label": "best"}]
    reel = film.Film(**{**content(3), "values": lrs}, marks=marks)
    assert reel.values == pytest.approx([1e-3, 10**-1.5, 1])
    assert reel.marks == [{"value": 0.5, "label": "best"}]
    assert {type(number) for number in [*reel.values, reel.marks[0]["value"]]} == {
        float
    }


def test_the_index_moves_within_the_film():
    reel = film.Film(**content())
    assert reel.index == 0
    reel.index = COUNT - 1
    assert repr(reel) == f'white "picture" {COUNT - 1}.'
    with pytest.raises(traitlets.TraitError, match="index: give 0 to 6, not 7"):
        reel.index = COUNT
    assert reel.index == COUNT - 1


def test_one_list_alone_keeps_its_length():
    reel = film.Film(**content())
    with pytest.raises(traitlets.TraitError, match="labels: use film.replace"):
        reel.labels = ["1"]


def test_a_replacement_is_one_message(monkeypatch):
    reel, sent = film.Film(**content(), index=5), []
    monkeypatch.setattr(
        reel, "_send", lambda message, buffers=None: sent.append(message)
    )
    reel.replace(**content(3, color="black"), marks=[{"value": 2, "label": "best"}])
    (message,) = sent
    changed = {"frames", "values", "labels", "alts", "marks", "index"}
    assert message["method"] == "update"
    assert changed - {"frames"} <= set(message["state"])  # frames travel as buffers
    assert [path[0] for path in message["buffer_paths"]] == ["frames"] * 3
    assert (reel.index, repr(reel)) == (2, 'black "picture" 2.')  # the nearest there is
    reel.replace(**content(3), index=1)
    assert (reel.index, repr(reel), reel.marks) == (1, 'white "picture" 1.', [])


def test_a_reloaded_page_gets_the_frames_film_by_film(monkeypatch):
    opened, sent = [], []
    create = film.ipywidgets.widgets.widget.comm.create_comm
    monkeypatch.setattr(
        film.ipywidgets.widgets.widget.comm,
        "create_comm",
        lambda **message: opened.append(message) or create(**message),
    )
    reel = film.Film(**content(), index=2)
    buffers = [opening["buffers"] for opening in opened if "frames" in str(opening)]
    assert buffers == [reel.frames]  # a new film brings its frames along
    assert reel.get_state()["frames"] == []  # what a reloaded page gets at once
    assert reel.get_state()["alts"] == reel.alts
    monkeypatch.setattr(reel, "_send", lambda _, buffers: sent.append(buffers))
    reel._handle_custom_msg({"wanted": "frames"}, [])  # what it asks then
    assert sent == [reel.frames]


def test_the_slider_keeps_its_arrow_keys():
    script = str(film.Film(**content())._esm)
    (slider,) = [line for line in script.splitlines() if '<input type="range"' in line]
    assert 'data-lm-suppress-shortcuts="true"' in slider


# --- what is displayed -------------------------------------------------------------


@pytest.mark.parametrize(
    "make", [film.Film, lambda **given: film.Panel(film.Film(**given))]
)
def test_the_bundle_holds_widget_picture_and_sentence(make, monkeypatch):
    colab = {VIEW: {"colab": "address of the widget manager"}}
    original = film.anywidget.AnyWidget._repr_mimebundle_

    def bundle_of_colab(self, **kwargs):
        return original(self, **kwargs)[0], colab

    monkeypatch.setattr(film.anywidget.AnyWidget, "_repr_mimebundle_", bundle_of_colab)
    widget = make(**content(), index=3)
    data, metadata = widget._repr_mimebundle_()
    assert base64.b64decode(data[PNG]) == content()["frames"][3]
    assert data["text/plain"] == 'white "picture" 3.'
    assert metadata == {**colab, PNG: {"alt": 'white "picture" 3.'}}
    assert data[VIEW]["model_id"] == widget.model_id
    assert repr(widget) == 'white "picture" 3.'


def test_a_panel_holds_controls_film_and_a_picture_for_pages_without_film_js():
    slider, reel = ipywidgets.FloatSlider(), film.Film(**content(), index=1)
    panel = film.Panel(reel, slider)
    assert (panel.film, panel.controls) == (reel, (slider,))
    *shown, fallback = panel.children
    assert shown == [slider, reel]
    (hidden,) = fallback._dom_classes
    assert f".{hidden} {{ display: none" in str(reel._esm)
    assert "Install <code>anywidget</code>" in told(fallback)
    assert 'alt="white &quot;picture&quot; 1."' in told(fallback)
    reel.replace(**content(color="black"))
    assert 'alt="black &quot;picture&quot; 1."' in told(fallback)
    assert base64.b64encode(reel.frames[1]).decode() in told(fallback)
    reel.close()
    assert not fallback.outputs


def told(fallback):
    """What a front end shows of an `Output`."""
    (output,) = fallback.outputs
    return output["data"]["text/html"]


def test_the_fallback_is_no_widget_that_colabs_manager_lacks():
    """ipywidgets 8 gave HTML a style of its own; a manager of 7.7 drops the panel."""
    panel = film.Panel(film.Film(**content()))
    models = {child._model_name for child in panel.children}
    assert models == {"AnyModel", "OutputModel"}
    assert not hasattr(panel.children[-1], "style")


def test_ipywidgets_7_shows_a_still_beside_the_panel(monkeypatch):
    shown = []
    monkeypatch.setattr(film, "display", lambda *data, **how: shown.append((data, how)))
    panel = film.Panel(film.Film(**content(), index=1))
    panel._show_in_ipywidgets_7()
    ((data,), how), ((html,), _) = shown
    assert {VIEW, PNG, "text/plain"} <= set(data)
    assert how == {"raw": True, "metadata": {PNG: {"alt": repr(panel)}}}
    assert 'class="course-film-fallback"' in html.data
    assert base64.b64encode(panel.film.still()).decode() in html.data


def test_a_panel_wants_a_film():
    with pytest.raises(TypeError, match="^film: give a Film"):
        film.Panel(ipywidgets.FloatSlider())


# --- what is cleaned up ------------------------------------------------------------


@pytest.fixture
def cell(monkeypatch):
    """Call it with a cell and a run to play the kernel's part."""
    monkeypatch.setattr(film, "_live", {})
    return lambda *run: monkeypatch.setattr(film, "_this_run", lambda: run)


def is_closed(widget):
    return widget.comm is None


def test_a_cell_that_runs_again_closes_what_it_made_before(cell):
    cell("cell 1", "run 1")
    first, second, slider = (*(film.Film(**content()) for _ in "ab"), ipywidgets.Text())
    panel = film.Panel(second, ipywidgets.HBox([slider]))
    cell("cell 2", "run 2")
    elsewhere = film.Film(**content())
    assert not any(map(is_closed, [first, second, slider, panel, elsewhere]))
    cell("cell 1", "run 3")
    again = film.Film(**content())
    assert all(map(is_closed, [first, second, slider, panel, *panel.children]))
    assert first.frames == second.frames == []
    assert repr(panel) == "a film, closed"
    assert not any(map(is_closed, [elsewhere, again]))


def test_outside_jupyter_nothing_is_closed(cell):
    cell(None, None)
    first, second = film.Film(**content()), film.Film(**content())
    assert not is_closed(first)
    assert not is_closed(second)
    assert film._live == {}


def test_the_browser_lets_go_of_the_frames_before_the_film_closes(monkeypatch):
    reel, sent = film.Film(**content()), []
    monkeypatch.setattr(
        reel, "_send", lambda message, buffers=None: sent.append(message)
    )
    reel.close()
    reel.close()
    assert [message["state"]["frames"] for message in sent] == [[]]


@pytest.mark.parametrize(
    ("parent", "cell"),
    [
        ({"metadata": {"cellId": "c"}, "content": {"code": "film"}}, "c"),
        ({"metadata": {"colab": {"cell_id": "d"}}, "content": {"code": "film"}}, "d"),
        ({"metadata": {}, "content": {"code": "film"}}, "film"),
        ({}, None),
    ],
    ids=["JupyterLab", "Colab", "classic Notebook", "unknown"],
)
def test_the_run_is_read_from_the_kernel(monkeypatch, parent, cell):
    class Shell:
        def get_parent(self):
            return parent | {"header": {"msg_id": "m"}}

    monkeypatch.setattr(film, "get_ipython", Shell)
    assert film._this_run() == (cell, "m")
    monkeypatch.setattr(film, "get_ipython", lambda: None)
    assert film._this_run() == (None, None)


def test_the_import_is_light():
    script = "import sys, course_utils.pictures.film; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"torch", "matplotlib", "PIL", "scipy"} & set(loaded)
