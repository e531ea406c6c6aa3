"""The ledger as a picture: one column a verdict, one block a claim."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from course_utils.pictures import plots

EDGES = {"holds": plots.BLUE, "does not hold": plots.RED, "not tested here": plots.GRAY}


def draw(columns: Mapping[str, Sequence[str]], *, ax: Axes, num_rows: int = 10) -> str:
    """Stack the blocks of each column, its name and count below; returns a sentence.

    columns: a verdict to the claims that got it, in their order; a column of more than
    `num_rows` goes on beside itself. A claim can stand in several columns.
    """
    left, names, places = 0.0, [], []
    for verdict, found in columns.items():
        edge = EDGES.get(verdict, plots.ORANGE)
        width = max(1, -(-len(found) // num_rows))
        for i, name in enumerate(found):
            x, y = left + i // num_rows, i % num_rows
            ax.text(x + 0.5, y + 0.5, name, ha="center", va="center", fontsize=13,
                    bbox={"boxstyle": "round,pad=0.28", "facecolor": "white",
                          "edgecolor": edge, "linewidth": 2.5})  # fmt: skip
        names.append(f"{verdict}\n{len(found)}")
        places.append(left + width / 2)
        left += width + 0.6
    ax.set(xlim=(-0.2, left - 0.4), ylim=(-0.1, num_rows + 0.1), yticks=[])
    ax.set_xticks(places, names, fontsize=13)
    ax.tick_params(length=0)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    counts = ", ".join(f"{len(found)} {name}" for name, found in columns.items())
    return f"Verdicts on the claims: {counts}."
