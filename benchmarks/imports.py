"""What a wing costs to import, beside Python alone and beside PyTorch, in one run.

    python benchmarks/imports.py

The least of several fresh processes; PyTorch's own time is most of every wing but two.
"""

import subprocess
import sys
import time

TRIES = 5
WINGS = "runtime", "text", "steps", "models", "training", "pictures.explore"


def seconds(code):
    """The least time of a fresh Python that runs this."""
    times = []
    for _ in range(TRIES):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        times.append(time.perf_counter() - start)
    return min(times)


def main():
    bare, torch = seconds("pass"), seconds("import torch")
    print(f"{'import torch':<38}{torch - bare:5.2f} s")
    for wing in WINGS:
        own = seconds(f"import course_utils.{wing}") - bare
        print(
            f"import course_utils.{wing:<19}{own:5.2f} s, {own / (torch - bare):4.2f}"
        )


if __name__ == "__main__":
    main()
