"""The model that writes: loading it, one profile, one film; beside transformers' way.

    python benchmarks/writer.py

Each way of loading runs in a process of its own, so that its peak memory is its own.
"""

import subprocess
import sys
import time

OURS = "from course_utils import models; models.load_writer()"
THEIRS = """
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from course_utils.models import pretrained, writer_file
place = writer_file()
options = {"gguf_file": place.name}
with pretrained.quiet():
    AutoTokenizer.from_pretrained(place.parent, **options)
    AutoModelForCausalLM.from_pretrained(place.parent, dtype=torch.float32, **options)
"""
PEAK = "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
PROMPTS = [
    "The capital of France is",
    "The capital of Italy is",
    "My favourite food is",
    "Two plus two is",
]


def loading(code):
    """(seconds with all imports, peak memory in MB) of a fresh process."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", f"{code}\n{PEAK}"],
        capture_output=True,
        text=True,
        check=True,
    )
    return time.perf_counter() - start, int(done.stdout.split()[-1]) / 1e3


def main():
    for name, code in (("load_writer", OURS), ("transformers", THEIRS)):
        seconds, peak = loading(code)
        print(f"{name:<14} {seconds:>5.1f} s, peak {peak:>5.0f} MB")

    import numpy as np

    from course_utils import models, steps
    from course_utils.pictures import explore, views
    from course_utils.text import batches

    model, tokenizer = models.load_writer()
    batch = batches.sentences(tokenizer, ["The capital of France is Lyon."])

    def loss(model):
        return models.sentence_losses(model, batch).mean()

    def seconds_of(call):
        start = time.perf_counter()
        call()
        return time.perf_counter() - start

    forward = np.median([seconds_of(lambda: loss(model).detach()) for _ in range(9)])
    profile = steps.profile(model, loss)
    ray = seconds_of(lambda: profile.losses(np.geomspace(0.001, 0.1, 50)))
    print(f"a ray of 50 losses: {ray / 50 / forward:.2f} forward passes each")
    writing = seconds_of(lambda: models.write(model, tokenizer, PROMPTS))
    print(f"12 tokens after 4 prompts: {writing / forward:.1f} forward passes")
    film = seconds_of(
        lambda: explore.step(
            profile,
            views.writing(tokenizer, PROMPTS),
            num_frames=25,
            promises=(),
            limits=(0.005, 0.2),
        )
    )
    print(f"a film of 25 frames: {film:.0f} s, {film / 25 / writing:.2f} writings each")


if __name__ == "__main__":
    main()
