"""The real BERT: loaded as it is, quietly, and with one sentence where it cannot be."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F
from transformers import AutoTokenizer, BertConfig, BertModel
from transformers.utils import logging

from course_utils import models
from course_utils.models import load_bert
from course_utils.runtime import files

TEXTS = ["Free prize! Call now", "so late", "I am in the office until five"]


@pytest.fixture(scope="module")
def loaded():
    return load_bert()


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder that holds a small model."""
    folder = tmp_path_factory.mktemp("saved")
    config = BertConfig(
        **{"hidden_size": 6, "num_attention_heads": 3, "num_hidden_layers": 2},
        **{"intermediate_size": 5, "vocab_size": 30_522},
    )
    BertModel(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(models.model_dir()).save_pretrained(folder)
    return folder


@pytest.fixture
def folder(saved, tmp_path):
    """A copy of it, to be broken."""
    for path in saved.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def test_default_is_the_packaged_model_and_says_nothing(loaded, capfd):
    model, tokenizer = load_bert()
    assert capfd.readouterr() == ("", "")
    weights = load_file(models.model_dir() / "model.safetensors")
    for each in (model, loaded[0]):
        assert not any(module.training for module in each.modules())
        for name, param in each.named_parameters():
            assert torch.equal(param, weights[name]), name
    assert model.num_parameters() == 22_713_216
    assert tokenizer.tokenize("Free PRIZE") == ["free", "prize"]


def test_head_is_fresh_and_drawn_from_the_generator(loaded, capfd):
    heads = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        model, _ = load_bert(num_labels=3)
        heads.append(model.classifier.weight)
    assert capfd.readouterr() == ("", "")
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])
    assert heads[0].shape == (3, 384)
    assert not model.training
    for name, param in model.bert.named_parameters():
        assert torch.equal(param, loaded[0].get_parameter(name)), name


def test_eager_agrees_with_sdpa_and_has_attentions_and_a_second_derivative(loaded):
    sdpa, tokenizer = loaded
    eager, _ = load_bert(attention="eager")
    batch = tokenizer(TEXTS, padding=True, return_tensors="pt")
    mask = batch["attention_mask"].bool()
    with torch.no_grad():
        output = eager(**batch, output_attentions=True)
        other = sdpa(**batch).last_hidden_state
    assert (output.last_hidden_state - other)[mask].abs().max() < 1e-5
    B, T = mask.shape
    assert [tuple(each.shape) for each in output.attentions] == [(B, 12, T, T)] * 6
    param = eager.encoder.layer[0].attention.self.query.weight
    value = eager(**batch).last_hidden_state[:, 0].square().sum()
    (grad,) = torch.autograd.grad(value, param, create_graph=True)
    (second,) = torch.autograd.grad(grad.square().sum(), param)
    assert second.isfinite().all()
    assert second.any()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        *(({"attention": each}, f"attention is {each!r}: give") for each in ("", None)),
        *(
            (
                {"num_labels": each},
                f"num_labels is {each!r}: give a whole number from 2",
            )
            for each in (0, 1, -3, True, 2.0, "2")
        ),
    ],
)
def test_bad_argument_is_named(options, words):
    with pytest.raises(ValueError, match=words):
        load_bert(**options)


# Folders


@pytest.mark.parametrize("kind", [str, lambda path: path])
def test_saved_folder_loads_again(saved, kind):
    weights = load_file(saved / "model.safetensors")
    model, tokenizer = load_bert(kind(saved), attention="eager")
    assert model.config.hidden_size == 6
    for name, param in model.named_parameters():
        assert torch.equal(param, weights[name]), name
    token_ids, labels = (
        torch.tensor(tokenizer(TEXTS[0])["input_ids"]),
        torch.tensor([1]),
    )
    classifier, _ = load_bert(kind(saved), num_labels=2)
    F.cross_entropy(classifier(token_ids[None]).logits, labels).backward()


def test_folder_without_a_model(tmp_path):
    with pytest.raises(FileNotFoundError, match=f"{tmp_path} holds no model"):
        load_bert(tmp_path)


def shorten(length):
    def change(folder):
        path = folder / "model.safetensors"
        path.write_bytes(path.read_bytes()[:length])

    return change


def leave_out(*names):
    def change(folder):
        weights = load_file(folder / "model.safetensors")
        kept = {name: weights[name] for name in weights if not name.startswith(names)}
        save_file(kept, folder / "model.safetensors", {"format": "pt"})

    return change


def pickle_weights(folder):
    weights = load_file(folder / "model.safetensors")
    torch.save(weights, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def break_config(folder):
    (folder / "config.json").write_text("{")


def widen(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"hidden_size": 12}))


@pytest.mark.parametrize("num_labels", [None, 2])
@pytest.mark.parametrize(
    "change",
    [
        *(shorten(length) for length in (0, 7, 500, 100_000, -1)),
        *(leave_out(name) for name in ("encoder.layer.1", "embeddings.LayerNorm.bias")),
        *(pickle_weights, break_config, widen),
    ],
)
def test_folder_with_a_broken_file(folder, change, num_labels):
    change(folder)
    with pytest.raises(
        ValueError, match=f"the model {folder} cannot be read"
    ) as caught:
        load_bert(folder, num_labels=num_labels)
    assert "\n" not in str(caught.value)


def test_pooler_may_be_missing(folder):
    leave_out("pooler")(folder)  # as in many classifiers on the hub
    load_bert(folder)
    load_bert(folder, num_labels=2)


def test_packaged_model_that_is_not_the_pinned_one(monkeypatch):
    monkeypatch.setitem(files.MODEL_PINS, "model.safetensors", "0" * 64)
    with pytest.raises(ValueError, match="is not the pinned file.*pip install"):
        load_bert()


# The hub


@pytest.mark.parametrize(
    "name", ["bert-base-uncased", "a/b", "/no/such/folder", "no/such/folder", "a b"]
)
def test_hub_name_without_a_network(name, monkeypatch):
    def fail(*_arguments, **_options):
        raise OSError("no network\nand more")

    monkeypatch.setattr("huggingface_hub.HfApi.model_info", fail)
    with pytest.raises(ConnectionError, match=f"^{name} is no folder here") as caught:
        load_bert(name)
    assert "connect to the network or mend the name" in str(caught.value)
    assert "\n" not in str(caught.value)


# Quietness


@pytest.mark.parametrize("has_bar", [True, False])
@pytest.mark.parametrize("fails", [True, False])
def test_transformers_talks_again_as_before(folder, has_bar, fails):
    verbosity, had_bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    switch = {True: logging.enable_progress_bar, False: logging.disable_progress_bar}
    try:
        logging.set_verbosity(logging.INFO)
        switch[has_bar]()
        if fails:
            break_config(folder)
            with pytest.raises(ValueError, match="cannot be read"):
                load_bert(folder)
        else:
            load_bert(folder)
        after = logging.get_verbosity(), logging.is_progress_bar_enabled()
        assert after == (logging.INFO, has_bar)
    finally:
        logging.set_verbosity(verbosity)
        switch[had_bar]()
