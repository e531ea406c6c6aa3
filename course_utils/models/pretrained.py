"""What all pretrained models share: where they are, and quiet loading."""

from contextlib import contextmanager
from pathlib import Path

# Any of these makes a tokenizer; without one transformers makes an empty one.
TOKENIZERS = {"tokenizer.json", "vocab.txt", "vocab.json", "tokenizer.model",
              "spiece.model", "sentencepiece.bpe.model"}  # fmt: skip


def check_attention(attention: str) -> None:
    """Errors: ValueError for another attention than these two."""
    if attention not in ("sdpa", "eager"):
        raise ValueError(f'attention is {attention!r}: give "sdpa" or "eager"')


def find(name: str | Path, loader: str) -> str | Path:
    """The folder, or the hub name once it is known to be reachable or downloaded.

    loader: the function that works without a name, for the errors' remedy.
    Errors: FileNotFoundError for a folder that holds no model or no tokenizer;
    ConnectionError for a hub name without a network.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        files = {path.name for path in folder.iterdir()}
        for what, wanted in (("model", {"config.json"}), ("tokenizer", TOKENIZERS)):
            if not files & wanted:
                raise FileNotFoundError(
                    f"{name} holds no {what} (no {' or '.join(sorted(wanted))}): "
                    "give a folder that save_bert or save_pretrained wrote"
                )
        return folder
    from huggingface_hub import HfApi, try_to_load_from_cache

    try:
        if isinstance(try_to_load_from_cache(str(name), "config.json"), str):
            return name
        HfApi().model_info(str(name), timeout=10)
    except Exception as error:
        raise ConnectionError(
            f"{name} is no folder here, and the model hub did not give it "
            f"({str(error).splitlines()[0]}): connect to the network or mend the name; "
            f"{loader}() without a name needs neither"
        ) from error
    return name


@contextmanager
def quiet():
    """No load report and no progress bar of transformers; then as it was."""
    from transformers.utils import logging

    verbosity, had_bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if had_bar:
            logging.enable_progress_bar()
