"""For the web edition: a film's output holds all its frames.

An IPython extension: the kernel loads it with `--ext=films`. The lessons, `Film`,
`Panel` and `Playground` know nothing of it. A panel with further controls is taken
through all their settings, so that a page can show each of them without a kernel. All
pictures are drawn at twice the resolution of those stored in the notebooks.
"""

import base64
import io
import itertools

import numpy as np
from PIL import Image

LIVE = "application/vnd.course.live+json"
SHARPER = 2
WIDGETS_OWN = ("layout", "tabbable", "tooltip", "comm", "keys")  # traits, not ours
LISTS = ("values", "labels", "alts", "marks")


def load_ipython_extension(shell):
    from course_utils.pictures import plots

    plots.DPI *= SHARPER
    formatter = shell.display_formatter.mimebundle_formatter
    for module, name in (("film", "Film"), ("film", "Panel"), ("playground",) * 2):
        name = name.capitalize()
        formatter.for_type_by_name(f"course_utils.pictures.{module}", name, bundle)


def bundle(shown):
    """What is displayed anyway, and under `LIVE` what a page needs to play it."""
    data, metadata = shown._repr_mimebundle_()
    film, controls = getattr(shown, "film", shown), getattr(shown, "controls", ())
    live = everything(film, controls) if hasattr(film, "frames") else settings(film)
    return data | {LIVE: live}, metadata


def settings(playground):
    """A playground computes in the browser: its traits are all it needs."""
    names = [n for n in playground.trait_names(sync=True) if not n.startswith("_")]
    plain = {name: getattr(playground, name) for name in names}
    return {"playground": {n: v for n, v in plain.items() if n not in WIDGETS_OWN}}


def everything(film, controls):
    """All films of a film or panel: one for each setting of the controls, in order."""
    here, index = [control.index for control in controls], film.index
    films = []
    for there in itertools.product(*(range(len(c.options)) for c in controls)):
        turn(controls, there)
        lists = {key: getattr(film, key) for key in LISTS}
        films.append(pack(film.frames) | lists)
    turn(controls, here)
    film.index = index
    return {
        "name": film.name,
        "index": index,
        "controls": [
            {"name": c.description, "options": c._options_labels, "index": c.index}
            for c in controls
        ],
        "films": films,
    }


def turn(controls, setting):
    for control, index in zip(controls, setting, strict=True):
        control.index = index


def pack(frames):
    """Frames in a small part of their size: what they share, then what each adds.

    under: the pixels as most frames have them, a PNG. over: for each frame a PNG of the
    pixels that differ from `under`; all others are transparent. Drawn one upon the
    other they are the frame, but for the pixels of the one color that gave its place in
    the palette to "transparent": these are of the color next to it.
    split: a column of pixels near the middle on which nothing is ever drawn, or None:
    on a narrow screen the page puts what is right of it below the rest.
    """
    pictures = [Image.open(io.BytesIO(frame)) for frame in frames]
    palette = pictures[0].getpalette()
    stack = np.stack(
        [np.asarray(picture) for picture in pictures]
    )  # (S, height, width)
    clear = _give_up_a_color(stack, palette)
    sample = stack[np.linspace(0, len(stack) - 1, 5).astype(int)]
    under = np.sort(sample, axis=0)[2]
    over = np.where(stack == under, np.uint8(clear), stack)
    return {
        "under": _png(under, palette),
        "over": [_png(each, palette, clear) for each in over],
        "split": split(pictures),
    }


def _give_up_a_color(stack, palette):
    """Index of the rarest color, which is in no frame any more."""
    counts = np.bincount(stack.ravel(), minlength=256)
    clear = int(counts.argmin())
    colors = np.array(palette + [0] * (768 - len(palette))).reshape(-1, 3)
    distance = np.abs(colors - colors[clear]).sum(axis=1) + 1e6 * (counts == 0)
    distance[clear] = np.inf
    stack[stack == clear] = distance.argmin()
    return clear


def _png(pixels, palette, clear=None):
    picture = Image.fromarray(pixels, "P")
    picture.putpalette(palette)
    file = io.BytesIO()
    transparent = {} if clear is None else {"transparency": clear}
    picture.save(file, "PNG", optimize=True, **transparent)
    return base64.b64encode(file.getvalue()).decode()


def split(pictures):
    """The middle of the first wide blank strip near the middle of wide pictures."""
    width, height = pictures[0].size
    if width < 1.8 * height:
        return None
    middle = slice(width // 3, width * 3 // 4)
    blank = np.ones(middle.stop - middle.start, bool)
    for picture in pictures:
        pixels = np.asarray(picture)
        blank &= (pixels[:, middle] == pixels[0, 0]).all(
            axis=(0, *range(2, pixels.ndim))
        )
    edges = np.flatnonzero(np.diff(blank, prepend=False, append=False)).reshape(-1, 2)
    widths = np.diff(edges)[:, 0] if len(edges) else np.zeros(1)
    if widths.max() < 0.012 * width:
        return None
    start, stop = edges[np.argmax(widths > 0.4 * widths.max())]  # left of its label
    return int(middle.start + (start + stop) // 2)
