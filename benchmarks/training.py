"""One epoch of BERT on 1,024 messages: `training.fit` beside transformers' Trainer.

    python benchmarks/training.py [--trainer] [--seeds 3]

Some seeds each, in a process of its own: messages a second, accuracy and F1 on the
1,000 validation messages, peak memory. --trainer adds Trainer with its defaults
(batches of 8 drawn at random), with batches of 32, and with its grouping by length; it
needs the package accelerate. Learning rate and clipping are the same for all.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch

from course_utils import models, text, training
from course_utils.text import batches
from course_utils.training import evaluation

NUM_MESSAGES, LR, MAX_LENGTH = 1024, 2e-4, 64
VARIANTS = {
    "fit, batches of 32": {"batch_size": 32},
    "fit, batches of 16": {"batch_size": 16},
    "Trainer, defaults": {"batch_size": 8, "grouped": False},
    "Trainer, of 32": {"batch_size": 32, "grouped": False},
    "Trainer, by length": {"batch_size": 32, "grouped": True},
}


def problem(seed, num_messages=NUM_MESSAGES):
    """(model, tokenizer, train, validation); the seed decides head and messages."""
    sms = text.load_sms()
    torch.manual_seed(seed)
    model, tokenizer = models.load_bert(num_labels=2)
    order = np.random.default_rng(seed).permutation(len(sms.train))[:num_messages]
    chosen = sms.train.take(order.tolist())
    encoded = (
        batches.encode(tokenizer, messages, max_length=MAX_LENGTH)
        for messages in (chosen, sms.validation)
    )
    return model, tokenizer, *encoded


def with_fit(seed, batch_size):
    model, _, train, validation = problem(seed)
    start = time.perf_counter()
    training.fit(
        model, train, lr=LR, batch_size=batch_size, schedule="linear", max_norm=1.0,
        seed=seed, show_progress=False,
    )  # fmt: skip
    return model, validation, time.perf_counter() - start


def with_trainer(seed, batch_size, grouped):
    from transformers import DataCollatorWithPadding, Trainer, TrainingArguments
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    model, tokenizer, train, validation = problem(seed)
    rows = [
        {"input_ids": list(ids), "attention_mask": [1] * len(ids), "labels": label}
        for ids, label in zip(train.token_ids, train.labels, strict=True)
    ]
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder, num_train_epochs=1, per_device_train_batch_size=batch_size,
            learning_rate=LR, seed=seed, disable_tqdm=True, save_strategy="no",
            report_to=[], logging_strategy="no", use_cpu=True,
            dataloader_pin_memory=False,
            train_sampling_strategy="group_by_length" if grouped else "random",
        )  # fmt: skip
        trainer = Trainer(
            model, arguments, train_dataset=rows,
            data_collator=DataCollatorWithPadding(tokenizer),
        )  # fmt: skip
        start = time.perf_counter()
        trainer.train()
        return model, validation, time.perf_counter() - start


def run_one(name, seed):
    """One variant and seed in this process; prints its figures as JSON."""
    settings = VARIANTS[name]
    train = with_trainer if "grouped" in settings else with_fit
    model, validation, seconds = train(seed, **settings)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    metrics = evaluation.evaluate(model, validation)
    figures = [NUM_MESSAGES / seconds, metrics.accuracy, metrics.f1, peak]
    print(json.dumps(figures))


def run(name, num_seeds):
    rows = []
    for seed in range(num_seeds):
        command = [sys.executable, __file__, "--one", name, str(seed)]
        output = subprocess.run(command, check=True, capture_output=True, text=True)
        rows.append(json.loads(output.stdout.splitlines()[-1]))
    mean, spread = np.mean(rows, axis=0), np.ptp(rows, axis=0) / 2
    print(
        f"{name:<20} {mean[0]:>5.1f} ±{spread[0]:.1f} {NUM_MESSAGES / mean[0]:>6.1f} s"
        f"   {mean[1]:.3f} ±{spread[1]:.3f}   {mean[2]:.3f} ±{spread[2]:.3f}"
        f" {mean[3]:>7.0f} MB",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trainer", action="store_true", help="Trainer, too")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--one", nargs=2, metavar=("VARIANT", "SEED"))
    arguments = parser.parse_args()
    if arguments.one:
        run_one(arguments.one[0], int(arguments.one[1]))
        return
    print(f"{'':<20} messages/s      epoch        accuracy              F1       peak")
    for name, settings in VARIANTS.items():
        if arguments.trainer or "grouped" not in settings:
            run(name, arguments.seeds)


if __name__ == "__main__":
    main()
