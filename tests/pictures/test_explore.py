"""The widgets: a film whose every frame says what the profile says."""

import math

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from course_utils import steps
from course_utils.models import MLP
from course_utils.pictures import explore, film, plots, shooting, views
from course_utils.steps import surfaces

BOWL = surfaces.bowl(5.0, angle=0.4)
PROMISES, MARKS = tuple(plots.PROMISES), tuple(explore.MARKS)


def profile_of(surface=BOWL, direction="gradient"):
    params = torch.tensor(surface.start, dtype=torch.float64, requires_grad=True)
    return steps.profile(params, surface, direction)


def step(profile, picture=None, **options):
    options = {"promises": ("linear",), "num_frames": 3} | options
    return explore.step(profile, picture or views.path(BOWL), **options)


@pytest.fixture(scope="module")
def profile():
    return profile_of()


@pytest.fixture(scope="module")
def shown(profile):
    """The film of one step on a bowl."""
    return step(profile, num_frames=31).film


def test_every_frame_says_what_the_profile_says(profile, shown):
    lists = shown.frames, shown.values, shown.labels, shown.alts
    assert [len(each) for each in lists] == [31] * 4
    for lr, label, alt in zip(shown.values, shown.labels, shown.alts, strict=True):
        assert label == f"{lr:.2g}"
        (x, y), *_ = profile.along([lr], lambda params: params.tolist())
        landing = f"The step lands at ({x:.2f}, {y:.2f})."
        assert alt == f"{profile.report(lr)} {landing}"


def test_a_profile_alone_shows_the_ray():
    """Of a learner's own model, without a picture of it."""
    torch.manual_seed(0)
    model, x = torch.nn.Linear(4, 1), torch.randn(8, 4)
    alone = steps.profile(model, lambda m: m(x).square().mean())
    panel = explore.step(alone, num_frames=5, marks=("best", "break even", "stable"))
    assert panel.film.alts == [str(alone.report(lr)) for lr in panel.film.values]
    assert [mark["label"] for mark in panel.film.marks][:2] == ["best", "break even"]


def test_landing_by_hand(shown):
    """On the bowl the gradient is H @ params, and the step a plain subtraction."""
    start = np.array(BOWL.start)
    hessian = BOWL.hessian(torch.tensor(start)).numpy()
    for lr, alt in zip(shown.values, shown.alts, strict=True):
        x, y = start - lr * hessian @ start
        assert f"({x:.2f}, {y:.2f})" in alt


def test_slider_is_logarithmic_and_passes_the_break_even(profile, shown):
    lrs = np.array(shown.values)
    assert np.allclose(np.diff(np.log(lrs)), np.log(lrs[1] / lrs[0]))
    assert lrs[0] < profile.best_lr / 50
    assert lrs[-1] > 2 * profile.break_even_lr
    assert profile.report(lrs[-1]).actual > 0


def test_slider_passes_the_best_where_no_step_is_too_long():
    params = torch.tensor([3.0], dtype=torch.float64, requires_grad=True)
    profile = steps.profile(params, lambda params: (1 / params).sum())
    assert profile.break_even_lr == math.inf
    lrs = explore.learning_rates(profile, 7)
    assert len(lrs) == 7
    assert 5 * profile.best_lr < lrs[-1] < math.inf


def test_frames_are_pictures_and_all_differ(shown):
    assert len(set(shown.frames)) == len(shown.frames)
    assert all(frame.startswith(b"\x89PNG") for frame in shown.frames)


def test_index_starts_at_the_best_and_can_be_moved(profile, shown):
    distances = [abs(lr - profile.best_lr) for lr in shown.values]
    best = distances.index(min(distances))
    assert shown.index == best
    for index, goes_down in ((0, True), (30, False), (best, True)):
        shown.index = index
        assert (profile.report(shown.values[index]).actual < 0) == goes_down
        assert repr(shown) == shown.alts[index]


@pytest.mark.parametrize("names", [(), *[(name,) for name in MARKS], MARKS])
def test_marks_stand_where_the_profile_says(profile, names):
    marks = step(profile, marks=names).film.marks
    assert {mark["label"]: mark["value"] for mark in marks} == {
        name: getattr(profile, explore.MARKS[name]) for name in names
    }


def test_mark_that_the_profile_does_not_have_is_left_out():
    """Without a gradient direction there is no `stable_lr`."""
    marks = step(profile_of(direction="sign"), marks=MARKS).film.marks
    assert [mark["label"] for mark in marks] == ["best", "break even"]


def test_defaults_give_a_film(profile):
    explore.step(profile, views.path(BOWL), num_frames=2)


@pytest.mark.parametrize("names", [("linear",), PROMISES, ()])
def test_promises_are_drawn(profile, names, monkeypatch):
    drawn, ray = {}, plots.ray

    def watched_ray(*args, promises, **options):
        drawn.update(promises)
        return ray(*args, promises=promises, **options)

    monkeypatch.setattr(plots, "ray", watched_ray)
    shown = step(profile, promises=names).film
    assert tuple(drawn) == names
    for name, values in drawn.items():
        assert values.tolist() == getattr(profile, name)(shown.values).tolist()


@pytest.mark.parametrize("turned", ["uphill", "level"])
def test_direction_that_does_not_descend_is_refused(turned):
    grad = BOWL.gradient(torch.tensor(BOWL.start, dtype=torch.float64))
    level = torch.stack([-grad[1], grad[0]])  # along the level line
    profile = profile_of(direction={"uphill": grad, "level": level}[turned])
    with pytest.raises(ValueError, match="does not descend"):
        step(profile)


def test_loss_that_diverges_has_its_frames():
    def loss(params):
        return torch.where(params < 1, (params - 0.5) ** 2, math.nan).sum()

    params = torch.tensor([-1.0], requires_grad=True)
    profile = steps.profile(params, loss)
    picture = views.Picture(lambda params: None, animate_nothing, lambda *pair: "Ah.")
    shown = step(profile, picture).film
    assert shown.alts[-1].endswith("to no finite number (diverged). Ah.")
    assert "a change of -" in shown.alts[shown.index]


def animate_nothing(ax, lrs, before, afters):
    (line,) = ax.plot([], [])
    return [line], lambda i: None


def test_picture_gets_the_start_and_every_landing(profile):
    seen = {"updates": set(), "pairs": []}

    def animate(ax, lrs, before, afters):
        seen.update(before=before, afters=afters)
        (line,) = ax.plot([], [])
        return [line], seen["updates"].add

    def describe(*pair):
        seen["pairs"].append(pair)
        return "So."

    picture = views.Picture(lambda params: params.tolist(), animate, describe)
    lrs = step(profile, picture, num_frames=5).film.values
    assert seen["before"] == list(BOWL.start)
    assert seen["afters"] == profile.along(lrs, lambda params: params.tolist())
    assert seen["updates"] == {0, 1, 2, 3, 4}
    assert seen["pairs"] == [(seen["before"], after) for after in seen["afters"]]


def test_dot_stays_in_the_picture(profile):
    lrs = explore.learning_rates(profile, 9)
    figure, ax = plots.canvas()
    (here, dot), update = explore._animate_ray(ax, profile, lrs, ("linear",), {})
    bottom, top = ax.get_ylim()
    for i, loss in enumerate(profile.losses(lrs)):
        update(i)
        (x,), (y,) = dot.get_data()
        assert list(here.get_xdata()) == [x, x] == [lrs[i], lrs[i]]
        assert bottom < y < top
        assert (dot.get_marker() == "o") == (y == loss)
    assert dot.get_marker() == "^"


def test_path_draws_the_step_from_start_to_landing(profile):
    picture = views.path(BOWL)
    points = profile.along([0.0, 0.5, 1.5], picture.measure)
    figure, ax = plots.canvas()
    (line, tip), update = picture.animate(ax, [1.0] * 9, points[0], points[1:])
    for i in (1, 0):
        update(i)
        ends = np.array(line.get_data()).T
        assert ends.tolist() == [list(BOWL.start), points[i + 1].tolist()]
        assert np.ravel(tip.get_data()).tolist() == points[i + 1].tolist()
    assert not np.array_equal(points[0], points[1])  # each is a copy of its own


class TestPredictions:
    """Three messages of two features each, and a small network."""

    features = torch.tensor([[2.0, 0.0], [0.0, 1.0], [-1.0, 3.0]])
    names, targets = ["first", "second", "third"], [1, 0, 0]

    def model(self):
        mlp = MLP(2, 3, 2)
        rng = np.random.default_rng(5)
        with torch.no_grad():
            for param in mlp.parameters():
                param.copy_(torch.tensor(rng.normal(size=param.shape)))
        return mlp

    def picture(self):
        return views.predictions(self.features, self.names, self.targets)

    def test_measure_is_the_probability_of_spam(self):
        model = self.model()
        with torch.no_grad():
            odds = (model(self.features)[:, 1] - model(self.features)[:, 0]).exp()
            measured = self.picture().measure(model)
        assert measured == pytest.approx((odds / (1 + odds)).numpy(), rel=1e-5)

    @pytest.mark.parametrize(
        ("after", "changed"),
        [((0.9, 0.4, 0.6), 0), ((0.4, 0.4, 0.6), 1), ((0.4, 0.6, 0.4), 3)],
    )
    def test_describe_counts_who_changed_sides(self, after, changed):
        before = np.array([0.6, 0.3, 0.9])
        said = self.picture().describe(before, np.array(after))
        assert said == f"{changed} of 3 messages shown changed sides."

    def test_dots_stand_in_the_rows_of_their_messages(self):
        figure, ax = plots.canvas()
        before, afters = (
            np.array([0.6, 0.3, 0.9]),
            np.array([[0.1, 0.2, 0.3], [0, 1, 0]]),
        )
        (dots,), update = self.picture().animate(ax, [1.0] * 9, before, afters)
        for i in (1, 0):
            update(i)
            assert list(dots.get_xdata()) == afters[i].tolist()
            assert list(dots.get_ydata()) == [0, 1, 2]
        assert ax.get_yticklabels()[0].get_text() == "first · spam"

    def test_film_on_a_real_network(self):
        model = self.model()
        targets = torch.tensor(self.targets)
        before = {name: p.clone() for name, p in model.state_dict().items()}
        profile = steps.profile(
            model,
            lambda m: torch.nn.functional.cross_entropy(m(self.features), targets),
        )
        panel = step(profile, self.picture())
        for lr, alt in zip(panel.film.values, panel.film.alts, strict=True):
            start, end = profile.along([0, lr], self.picture().measure)
            changed = int(((start > 0.5) != (end > 0.5)).sum())
            assert alt == (
                f"{profile.report(lr)} {changed} of 3 messages shown changed sides."
            )
        for name, p in model.state_dict().items():
            assert torch.equal(p, before[name])
        assert all(p.grad is None for p in model.parameters())


# Attention


def test_film_of_heads_runs_layer_by_layer(monkeypatch):
    weights = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(5))
    weights /= weights.sum(dim=-1, keepdim=True)
    drawn, shoot = [], shooting.shoot

    def watched_shoot(figure, artists, update, num_frames):
        def watched_update(i):
            update(i)
            drawn.append((artists[0].get_array().tolist(), artists[1].get_text()))

        return shoot(figure, artists, watched_update, num_frames)

    monkeypatch.setattr(shooting, "shoot", watched_shoot)
    panel = explore.attention(list(weights), list("abcd"))
    shown, (layer,) = panel.film, panel.controls
    assert (list(shown.values), list(shown.labels)) == ([1, 2, 3], ["1", "2", "3"])
    assert (len(set(shown.frames)), shown.name) == (3, "head")
    shown.index = 2
    for number in (1, 2):
        layer.value = number
        assert shown.index == 2
        for head, pattern in enumerate(weights[number - 1], 1):
            said = plots.say_attention(pattern, list("abcd"))
            assert shown.alts[head - 1] == f"Layer {number}, head {head}. {said}"
            assert (pattern.tolist(), f"layer {number}, head {head}") in drawn


@pytest.fixture(scope="module")
def classifier():
    """A small BERT classifier."""
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(0)
    sizes = {"hidden_size": 6, "num_attention_heads": 3, "num_hidden_layers": 2}
    sizes |= {"intermediate_size": 5, "vocab_size": 11, "initializer_range": 1.0}
    config = BertConfig(**sizes, attn_implementation="eager")
    return BertForSequenceClassification(config).eval()


class TestAttending:
    """A message of four tokens."""

    token_ids, tokens = torch.tensor([[3, 1, 4, 5]]), list("abcd")

    def picture(self):
        return views.attending(self.token_ids, self.tokens, layer=2, head=3)

    def test_measure_is_one_head_and_the_probability_of_spam(self, classifier):
        with torch.no_grad():
            output = classifier(self.token_ids, output_attentions=True)
            weights, spam = self.picture().measure(classifier)
        assert np.array_equal(weights, output.attentions[1][0, 2].numpy())
        ham_logit, spam_logit = output.logits[0].tolist()
        assert spam == pytest.approx(1 / (1 + math.exp(ham_logit - spam_logit)))

    def test_describe_says_how_much_moved(self):
        before, after = np.eye(4), np.eye(4)
        after[:2] = [0.5, 0.5, 0, 0], [0, 0, 0, 1]  # moved: a half and a whole row
        said = self.picture().describe((before, 0.25), (after, 0.875))
        assert said == (
            "P(spam) of the message goes from 0.25 to 0.88, and 38% of the attention "
            "moves. On average 50% of the attention goes to “d”."
        )

    def test_animate_shows_the_head_after_each_step(self):
        before, afters = (np.eye(4), 0.25), [(np.full((4, 4), x), x) for x in (0.5, 1)]
        figure, ax = plots.canvas()
        (image, title), update = self.picture().animate(ax, [1.0] * 9, before, afters)
        assert image.get_array().tolist() == np.eye(4).tolist()
        for i in (1, 0):
            update(i)
            assert image.get_array().tolist() == afters[i][0].tolist()
            assert title.get_text() == (
                f"P(spam) 0.25, after the step {afters[i][1]:.2f}"
            )

    def test_film_on_a_classifier(self, classifier):
        targets, picture = torch.tensor([1]), self.picture()
        before = {name: p.clone() for name, p in classifier.state_dict().items()}
        profile = steps.profile(
            classifier,
            lambda m: torch.nn.functional.cross_entropy(
                m(self.token_ids).logits, targets
            ),
        )
        panel = step(profile, picture)
        for lr, alt in zip(panel.film.values, panel.film.alts, strict=True):
            start, end = profile.along([0, lr], picture.measure)
            assert alt == f"{profile.report(lr)} {picture.describe(start, end)}"
        assert len(set(panel.film.alts)) == 3
        for name, p in classifier.state_dict().items():
            assert torch.equal(p, before[name])


def test_model_is_left_alone_and_no_figure_is_left_open():
    params = torch.tensor(BOWL.start, dtype=torch.float64, requires_grad=True)
    panel = step(steps.profile(params, BOWL))
    assert params.tolist() == list(BOWL.start)
    assert params.grad is None
    assert plt.get_fignums() == []
    assert isinstance(panel, film.Panel)


# A language model


class Writer(torch.nn.Module):
    """Stands for a model that writes: what it writes depends on one number."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor([0.0, 2.0], dtype=torch.float64))


def written(model, tokenizer, prompts, *, num_tokens):
    number = model.weight[0].item()
    return [f"about {number:.1f} {prompt}" if number else "Paris" for prompt in prompts]


@pytest.fixture
def of_writer():
    model = Writer()
    return steps.profile(model, lambda m: (m.weight - 1).square().sum())


def test_writing_says_what_is_new_and_what_is_not(of_writer, monkeypatch):
    monkeypatch.setattr(views.models, "write", written)
    picture = views.writing(None, ["one", "two"])
    panel = explore.step(
        of_writer, picture, num_frames=4, limits=(0.1, 0.4), marks=("best",)
    )
    assert panel.film.values[0] == pytest.approx(0.1)
    assert panel.film.values[-1] == pytest.approx(0.4)
    assert "Now “one” goes on “about 0.2 one”" in panel.film.alts[0]
    assert picture.describe("ab", "ab") == "It writes what it wrote before."
    said = picture.describe(["a", "b"], ["a", "c\n d"])
    assert said == "Now “two” goes on “c ↵ d”; 1 of 2 as before."


def test_writing_sets_off_the_words_that_changed():
    figure, ax = plots.canvas()
    moving, update = views.writing(None, ["one"]).animate(
        ax, [0.1], ["to be here"], [["to be there"]]
    )
    update(0)
    shown = [artist.get_text() for artist in moving if artist.get_text().strip()]
    assert shown == ["to be      ", "      there", "      _____"]


def test_sentences_show_what_was_promised_and_what_happened():
    figure, ax = plots.canvas()
    before, after = np.array([2.0, 3.0]), np.array([1.5, math.nan])
    picture = views.sentences(None, ["a", "b"], [-10.0, 4.0])
    (bars, dots), update = picture.animate(ax, [0.05, 0.1], before, [before, after])
    update(0)
    assert bars.get_xdata() == pytest.approx([1.5, 3.2])
    assert list(dots.get_xdata()) == [2.0, 3.0]
    update(1)
    right = ax.get_xlim()[1]
    assert list(dots.get_xdata()) == [
        1.5,
        right,
    ]  # what is no number leaves the picture
    assert ax.get_yticklabels()[1].get_text() == "b"
    said = picture.describe(before, np.array([1.0, 2.5]))
    assert (
        said == "2 of 2 sentences become likelier; “a” changes most, from 2.00 to 1.00."
    )


def test_a_wider_picture_leaves_the_ray_its_width(of_writer, monkeypatch):
    monkeypatch.setattr(views.models, "write", written)
    sizes = []
    for picture in (None, views.writing(None, ["one"])):
        panel = explore.step(of_writer, picture, num_frames=3, limits=(0.1, 0.4))
        sizes.append(int.from_bytes(panel.film.frames[0][16:20], "big"))
    assert sizes == [960, 1200]
