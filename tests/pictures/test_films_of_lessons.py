"""The films of lessons 1 to 6: what they show is what was measured."""

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex

from course_utils.pictures import explore, filters, networks, noise, plots, shooting
from course_utils.steps import surfaces


@pytest.fixture
def drawn(monkeypatch):
    """What each film draws: (moving artists, update), one a film."""
    scenes, shoot = [], shooting.shoot

    def watched(figure, moving, update, count):
        scenes.append((moving, update))
        return shoot(figure, moving, update, count)

    monkeypatch.setattr(shooting, "shoot", watched)
    return scenes


def test_switches_change_every_stage():
    def prepare(message, *, lower):
        return {"message": message, "cleaned": message.lower() if lower else message}

    panel = filters.stages(
        ["Win NOW", "Ok"],
        prepare,
        {"lower": ("kept", "small")},
        told="cleaned",
        on=("lower",),
    )
    shown, (switch,) = panel.film, panel.controls
    assert shown.alts == ["Message 1, cleaned: “win now”.", "Message 2, cleaned: “ok”."]
    before = shown.frames[0]
    switch.value = False
    assert shown.alts[0] == "Message 1, cleaned: “Win NOW”."
    assert shown.frames[0] != before
    assert switch.label == "kept"


def test_threshold_counts_what_each_place_does():
    scores, targets = [0.1, 0.3, 0.7, 0.9, 0.95], [0, 1, 0, 1, 1]
    shown = filters.threshold(scores, targets).film
    for place, said in zip(shown.values, shown.alts, strict=True):
        called = np.array(scores) > place
        hits, lost = (called & np.array(targets, bool)).sum(), (
            called & ~np.array(targets, bool)).sum()  # fmt: skip
        assert f"{hits} of 3 spam messages are caught and {lost} of 2 ham" in said
        precision = hits / (hits + lost) if hits + lost else 1.0
        assert f"precision {precision:.2f}, recall {hits / 3:.2f}" in said
        f1 = 2 * hits / (hits + lost + 3)
        assert said.endswith(f"F1 {f1:.2f}.")


STAGE = {
    "say": "all of it", "x": [1, 2], "h": [3, 4], "o": 5, "loss": 6,
    "W1": [[11, 12], [21, 22]], "W2": [[31, 32]], "b1": [41, 42], "b2": 43,
}  # fmt: skip
STAGE |= {f"grad_{name}": np.negative(value) for name, value in STAGE.items()
          if name not in ("say", "x", "loss")}  # fmt: skip


def test_a_number_stands_at_its_own_weight(drawn):
    shown = networks.backward([{"say": "Nothing."}, STAGE]).film
    assert shown.alts[0] == "Nothing."
    assert "W1: 11, 12, 21, 22; " in shown.alts[1]
    assert "∂W2: -31, -32; " in shown.alts[1]
    ((_, *texts), update), *_ = drawn
    update(1)
    at = {text.get_text(): np.array(text.get_position()) for text in texts}
    for number, start, end in ((11, 0, 0), (12, 1, 0), (21, 0, 1), (22, 1, 1)):
        line = np.array([(0, 1 - start), (1.4, 1 - end)])  # W1[end, start]
        middle = (at[f"{number}"] + at[f"∂ {-number}"]) / 2
        share = (middle - line[0])[0] / 1.4
        assert middle == pytest.approx(line[0] + share * (line[1] - line[0]), abs=0.02)
        assert 0.2 < share < 0.6
    assert at["bias 41"][1] > at["3"][1] > at["∂ -3"][1]
    reds = [text for text in texts if to_hex(text.get_color()) == plots.RED.lower()]
    shown_reds = [text.get_text() for text in reds if text.get_text()]
    assert {said[0] for said in shown_reds} == {"∂"}  # not by color alone
    update(0)
    assert not any(text.get_text() for text in texts)


def test_a_network_has_a_circle_for_each_value():
    figure, ax = plots.canvas(6, 4)
    places = networks.draw(ax, (3, 5, 2), ("in", "hidden", "out"))
    assert [len(column) for column in places] == [3, 5, 2]
    assert len({x for column in places for x, _ in column}) == 3


def quadratic(params):
    targets = torch.linspace(-1, 1, 12, dtype=torch.float64)[:, None]
    return params - targets * torch.tensor([1.0, 2.0], dtype=torch.float64)  # (12, 2)


def test_with_all_examples_there_is_no_noise(drawn):
    bowl = surfaces.bowl(1.0)  # its gradient is params, the mean of `quadratic`
    shown = noise.cloud(bowl, quadratic, [1, 4, 12], lr=0.5, num_steps=9).film
    ((moving, update),) = drawn
    dots, _, line, _ = moving
    spread = []
    for i in range(3):
        update(i)
        spread.append(np.std(np.array(dots.get_data()), axis=1).max())
        assert len(line.get_data()[0]) == 10
    assert spread[0] > spread[1] > spread[2] == pytest.approx(0, abs=1e-12)
    assert "off by 0.00" in shown.alts[2]
    end = bowl(torch.tensor(bowl.start).double() * 0.5**9)
    assert f"After 9 steps the loss is {end:.2f}." in shown.alts[2]


def test_asking_shows_the_weights_of_slider_and_control(drawn):
    def weights_of(ask, temperature):
        row = torch.softmax(torch.tensor([ask, 0.0]) / temperature, dim=0)
        return torch.stack([row, row])

    panel = explore.asking(weights_of, ["a", "b"], asks=[0.0, 1.0],
                           temperatures=(0.5, 1, 2), name="ask")  # fmt: skip
    panel.controls[0].value = 0.5
    share = torch.sigmoid(torch.tensor(1.0) / 0.5)
    assert f"“b” attends most to “a” ({share:.2f})" in panel.film.alts[1]
    (image, *texts), update = drawn[-1]
    update(1)
    assert image.get_array()[0, 0] == pytest.approx(share.item())
    assert texts[0].get_text() == f"{share:.2f}"


def test_training_curves_draws_both_losses_of_the_run(drawn):
    runs = [([0.7, 0.5], [0.8, 0.6]), ([0.7, 0.1], [0.8, np.nan])]
    shown = explore.training_curves(
        [0.1, 1.0], runs, name="learning rate", top=1.0, base=("start", 0.7)
    ).film
    (training, validation), update = drawn[0]
    for i, (first, second) in enumerate(runs):
        update(i)
        assert training.get_ydata().tolist() == first
        np.testing.assert_equal(validation.get_ydata(), second)
    assert shown.alts[0].startswith(
        "At learning rate 0.1 the training loss goes from 0.70 to 0.50"
    )


def test_paired_says_in_how_many_it_was_better():
    _, ax = plots.canvas()
    said = plots.paired({"a": [1.0, -1, 2], "b": [0.0, 0, -1]}, ax=ax, label="gain")
    assert said.endswith("Better: “a” in 2 of 3; “b” in 0 of 3.")


def test_rulers_point_against_the_gradient():
    _, ax = plots.canvas()
    plots.rulers([3.0, -4.0], ax=ax)
    tips = [arrow.xy for arrow in ax.texts if not arrow.get_text()]
    np.testing.assert_allclose(tips, [(-0.6, 0.8), (-1, 1)])
