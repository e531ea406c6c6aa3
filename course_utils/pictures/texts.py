"""Films of a language model: its next tokens, and what it writes during a run."""

from collections.abc import Sequence

import numpy as np

from course_utils.pictures import film, plots, shooting, words


def next_tokens(
    texts: Sequence[str], tokens: Sequence[Sequence[str]], probabilities
) -> film.Panel:
    """How a text grows: the slider is how much is written, the bars what may follow.

    texts: S texts so far; tokens: S times the K likeliest next tokens, the likeliest
    first; probabilities: (S, K).
    """
    shares = plots.numbers(probabilities)
    rows = range(shares.shape[1])
    figure, ax = plots.canvas(9.6, 4.4)
    bars = ax.barh(rows, shares[0], color=plots.BLUE, height=0.6)
    names = [ax.text(0, row, "", fontsize=13, va="center", parse_math=False)
             for row in rows]  # fmt: skip
    title = ax.set_title(" ", fontsize=14, loc="left", parse_math=False)
    ax.set(xlabel="probability of the next token", xlim=(0, 1.25),
           ylim=(shares.shape[1] - 0.4, -0.6), yticks=[])  # fmt: skip
    ax.set_xticks(np.linspace(0, 1, 6))

    def update(i):
        title.set_text(f"{words.printable(texts[i])} …")
        for row, (bar, name) in enumerate(zip(bars, names, strict=True)):
            bar.set_width(shares[i, row])
            name.set_position((shares[i, row] + 0.01, row))
            name.set_text(f"{quoted(tokens[i][row])}  {shares[i, row]:.2f}")

    return film.Panel(
        film.Film(
            frames=shooting.shoot(figure, [*bars, *names, title], update, len(texts)),
            values=range(len(texts)),
            labels=[f"{i} written" for i in range(len(texts))],
            alts=[
                f"After “{words.printable(text)}” the likeliest token is "
                f"{quoted(best[0])}, with probability {share[0]:.2f}."
                for text, best, share in zip(texts, tokens, shares, strict=True)
            ],
            name="tokens",
        )
    )


def quoted(token: str) -> str:
    """A token as it is written, its spaces and line ends visible."""
    shown = token.replace(" ", "␣").replace("\n", "↵")
    return f"“{words.printable(shown)}”"


def during(
    steps: Sequence[int],
    texts: Sequence[Sequence[str]],
    losses: Sequence[float],
    prompts: Sequence[str],
) -> film.Panel:
    """What a model wrote during a run already made: the slider is the step.

    steps: S step numbers, rising; texts: S times one text a prompt; losses: S.
    """
    figure, (left, right) = plots.canvas(12, 4.4, widths=(1.5, 1))
    moving, show = words.draw(left, [f"{prompt} …" for prompt in prompts])
    plots.curves(steps, {"loss": losses}, ax=right, names=("step", "loss"))
    (here,) = right.plot([], [], "o", color=plots.ORANGE, markersize=12,
                         markeredgecolor="black")  # fmt: skip

    def update(i):
        for row, (now, before) in enumerate(zip(texts[i], texts[0], strict=True)):
            show(row, now, before)
        here.set_data([steps[i]], [losses[i]])

    def say(i):
        written = "; ".join(
            f"“{prompt}” goes on “{words.printable(now)}”"
            for prompt, now in zip(prompts, texts[i], strict=True)
        )
        return f"After step {steps[i]} the loss is {losses[i]:.2f}. {written}."

    return film.Panel(
        film.Film(
            frames=shooting.shoot(figure, [*moving, here], update, len(steps)),
            values=list(steps),
            labels=[f"step {step}" for step in steps],
            alts=[say(i) for i in range(len(steps))],
            name="step",
            index=len(steps) - 1,
        )
    )
