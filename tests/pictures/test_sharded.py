"""Memory of each machine, and the films of many machines."""

import pytest
import torch

from course_utils import steps
from course_utils.pictures import explore, sharded
from course_utils.steps import surfaces


def test_memory_is_what_the_zero_paper_counts():
    """16 bytes for each weight in all; each stage cuts one part more."""
    nothing, adam, grads, everything = sharded.CUT
    total = {
        cut: sum(sharded.memory(1_000_000_000, 8, cut).values()) for cut in sharded.CUT
    }
    assert total[nothing] == pytest.approx(16)
    assert total[adam] == pytest.approx(4 + 4 + 8 / 8)
    assert total[grads] == pytest.approx(4 + 12 / 8)
    assert total[everything] == pytest.approx(16 / 8)


def test_an_unknown_cut_is_named():
    with pytest.raises(ValueError, match="^cut is 'half': give one of nothing cut"):
        sharded.memory(10, 2, "half")


def test_the_film_of_memory_follows_model_and_machines():
    panel = sharded.memory_film({"small": 1_000_000, "large": 70_000_000_000})
    assert repr(panel).startswith("small on 1: nothing cut (DDP) 0.016 GB")
    panel.controls[0].value = "large"
    panel.film.index = 3
    assert "weights, too (ZeRO 3, FSDP) 140 GB" in repr(panel)
    assert panel.film.values[-1] == 1024


def test_the_average_is_the_step_and_each_machine_has_a_line():
    bowl = surfaces.bowl(condition=4)
    params = torch.tensor(bowl.start, dtype=torch.float64, requires_grad=True)
    gradient = bowl.gradient(params.detach())
    turn = torch.tensor([[0.5, -0.5], [-0.5, 0.5]]).double()
    picture = sharded.steps(bowl, gradient + turn)
    panel = explore.step(steps.profile(params, bowl), picture, num_frames=5)
    assert "The average of 2 machines' steps lands at" in repr(panel)
    assert len(set(panel.film.frames)) == 5
