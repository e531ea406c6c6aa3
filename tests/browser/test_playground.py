"""The playground's arithmetic, in a real browser, against `rules` and `surfaces`."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from course_utils.pictures import playground
from course_utils.steps import surfaces

SCRIPT = Path(playground.__file__).with_suffix(".js").read_text(encoding="utf-8")
SURFACES = {
    "dial": surfaces.dial(2.0, minimum=3.0),
    "wells": surfaces.wells(0.3),
    "bowl": surfaces.bowl(10.0),
    "turned bowl": surfaces.bowl(7.0, angle=0.6, scale=3.0),
    "saddle": surfaces.saddle(),
    "rosenbrock": surfaces.rosenbrock(),
    "himmelblau": surfaces.himmelblau(),
}
TRAITS = ("family constants bounds minima limits rules start lr momentum rule falling "
          "num_steps shows_radius").split()  # fmt: skip
# settings are compared to this relative accuracy, where the run itself is no more
# sensitive: where a start moved by a few of its last bits does not change it as much
RTOL, NUDGE = 1e-9, 1e-15


@pytest.fixture(scope="module")
def page(browser):
    page = browser.new_page(viewport={"width": 1100, "height": 800})
    page.evaluate(
        """async (script) => {
             const url = URL.createObjectURL(
               new Blob([script], {type: "text/javascript"}));
             window.playground = await import(url);
           }""",
        SCRIPT,
    )
    yield page
    page.close()


def made(surface, **settings):
    limits = (1e-9, 1e9)
    every = list(playground.RULES)
    return playground.Playground(surface, limits=limits, rules=every, **settings)


def state(play):
    return {name: getattr(play, name) for name in TRAITS}


def settings():
    """A grid: every surface, rule and schedule, learning rates on both sides."""
    for (name, surface), rule, part, beta, falling in itertools.product(
        SURFACES.items(), playground.RULES, (0.1, 0.97, 1.6), (0.0, 0.5, 0.93),
        (False, True),
    ):  # fmt: skip
        has_momentum = rule not in playground.WITHOUT_MOMENTUM
        if has_momentum or beta == 0 and not falling:
            yield name, made(
                surface, rule=rule, lr=part * surface.stable_lr(), momentum=beta,
                falling=falling, num_steps=100,
            )  # fmt: skip


def test_every_run_equals_the_rules(page):
    plays = list(settings())
    found = page.evaluate(
        """(states) => states.map((state) => {
             const made = playground.SURFACES[state.family](state.constants);
             const run = playground.run(state);
             const end = run.points[run.points.length - 1];
             const bottom = state.minima.length === 1 ? state.minima[0] : end;
             const radius = playground.spectralRadius(state, made.hessian(bottom));
             return {...run, radius, said: playground.say(state, run, radius)};
           })""",
        json.loads(json.dumps([state(play) for _, play in plays])),
    )
    compared = said = 0
    for (name, play), here in zip(plays, found, strict=True):
        run = play.run()
        sensitive = made(
            play.surface, rule=play.rule, lr=play.lr, momentum=play.momentum,
            falling=play.falling, num_steps=100,
            start=[x + NUDGE for x in play.start],
        ).run()  # fmt: skip
        scale = run.points.abs().max(1).values[:, None].clamp(min=0.01)
        count = min(len(sensitive.points), len(run.points), len(here["points"]))
        moved = (sensitive.points[:count] - run.points[:count]).abs() / scale[:count]
        fine = int((moved.max(1).values < RTOL / 10).long().cumprod(0).sum())
        theirs = torch.tensor(here["points"], dtype=torch.float64)[:fine]
        off = ((theirs - run.points[:fine]).abs() / scale[:fine]).max()
        assert off < RTOL, f"{name}: {play!r}: {off:.1e}"
        np.testing.assert_allclose(
            np.float64(here["losses"][:fine]), run.losses[:fine], rtol=1e-6, atol=1e-12
        )
        compared += fine
        if fine == len(run.points) == len(here["points"]):
            said += here["said"] == repr(play)
        radius = play.spectral_radius()
        if radius is None or fine == len(run.points):
            assert here["radius"] == (radius and pytest.approx(radius, rel=1e-6))
    print(f"{compared} points compared, {said} of {len(plays)} sentences equal")
    assert compared > 0.8 * 100 * len(plays)
    assert said > 0.8 * len(plays)


@pytest.mark.parametrize("name", SURFACES)
def test_formulas_equal_the_surfaces(page, name):
    surface = SURFACES[name]
    points = np.random.default_rng(0).uniform(-2, 2, (20, len(surface.start)))
    found = page.evaluate(
        """([family, constants, points]) => {
             const made = playground.SURFACES[family](constants);
             return points.map(
               (p) => [[made.loss(p)], made.gradient(p), made.hessian(p)]);
           }""",
        [surface.family, list(surface.constants), points.tolist()],
    )
    for point, (loss, gradient, hessian) in zip(points, found, strict=True):
        at = torch.tensor(point)
        triangle = surface.hessian(at)[*torch.triu_indices(len(point), len(point))]
        for theirs, ours in ((loss[0], surface(at)), (gradient, surface.gradient(at)),
                             (hessian, triangle)):  # fmt: skip
            torch.testing.assert_close(torch.tensor(theirs, dtype=torch.float64), ours)


@pytest.mark.parametrize(
    "number", [0.0, 1, 0.5, -3, 0.1234567, 999.6, 12345, 1e-5, 1.03e-16, 1e300, 100, 10]
)
def test_numbers_are_written_as_python_writes_them(page, number):
    assert page.evaluate("(number) => playground.brief(number)", number) == (
        f"{number:.3g}"
    )


@pytest.fixture
def shown(page):
    """A playground on the page, with a model that keeps what it is told."""
    play = made(surfaces.bowl(10.0), lr=0.5, momentum=0.9, rule="momentum")
    page.evaluate(
        """(state) => {
             const handlers = {};
             window.model = {
               state, saved: 0,
               get: (name) => structuredClone(window.model.state[name]),
               set: (name, value) => { window.model.state[name] = value; },
               save_changes: () => { window.model.saved += 1; },
               on: (event, handler) => { handlers[event] = handler; },
               off: (event) => { delete handlers[event]; },
               tell: (name, value) => {
                 window.model.state[name] = value; handlers[`change:${name}`](); },
             };
             document.body.innerHTML = "<div></div>";
             window.cleanUp = playground.default.render(
               {model: window.model, el: document.body.firstChild});
           }""",
        json.loads(json.dumps(state(play))),
    )
    yield play
    page.evaluate("window.cleanUp()")


def settled(page):
    page.evaluate(
        "() => new Promise((go) => requestAnimationFrame(() => setTimeout(go)))"
    )
    return page.locator("p").inner_text()


def test_it_says_what_python_says(page, shown):
    assert settled(page) == repr(shown)


def test_arrow_keys_move_the_start(page, shown):
    page.locator("canvas").first.focus()
    for key in ("ArrowRight", "ArrowUp", "Shift+ArrowRight"):
        page.keyboard.press(key)
    start = page.evaluate("window.model.state.start")
    assert start == pytest.approx([-3 + 0.12 * 8, 1 + 0.02 * 8])
    shown.start = start
    assert settled(page) == repr(shown)


def test_the_mouse_drags_the_start(page, shown):
    box = page.locator("canvas").first.bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 300, box["y"] + 200, steps=5)
    assert "(-3, 1)" not in settled(page)
    assert page.evaluate("window.model.saved") == 0  # the kernel hears of the end only
    page.mouse.up()
    shown.start = page.evaluate("window.model.state.start")
    assert settled(page) == repr(shown)


@pytest.mark.parametrize("name", ["lr", "momentum", "num_steps"])
def test_every_dial_turns_by_keyboard(page, shown, name):
    dial = page.locator(f'[data-part="{name}"] input')
    before = settled(page)
    dial.press("ArrowRight")
    assert settled(page) != before
    setattr(shown, name, page.evaluate(f"window.model.state.{name}"))
    assert settled(page) == repr(shown)


def test_the_rule_is_chosen_and_momentum_hides(page, shown):
    page.locator("select").select_option("Adam")
    assert settled(page).startswith("Adam, learning rate 0.5")
    assert page.locator('[data-part="momentum"]').count() == 0
    page.locator("select").select_option("Nesterov")
    assert settled(page).startswith("Nesterov with momentum 0.9")
    assert page.locator('[data-part="momentum"]').is_visible()


def test_the_kernel_can_move_it(page, shown):
    page.evaluate("window.model.tell('lr', 1.5)")
    shown.lr = 1.5
    assert settled(page) == repr(shown)


def test_each_frame_of_the_screen_shows_another_picture(page, shown):
    """However fast the screen is; benchmarks/browser.py says how long one takes."""
    drawn = page.evaluate(
        """async () => {
             const before = Number(document.body.firstChild.dataset.drawn);
             for (let i = 1; i <= 30; i += 1) {
               window.model.tell("lr", 0.5 + i / 100);
               await new Promise(requestAnimationFrame);
             }
             await new Promise(requestAnimationFrame);
             return Number(document.body.firstChild.dataset.drawn) - before;
           }"""
    )
    assert drawn >= 29  # each frame of the screen shows another picture
