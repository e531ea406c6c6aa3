"""What models of `transformers` take: lengths, ids, padding, the last token."""

import copy

import pytest
import torch
import transformers as tf
from torch import nn

from course_utils import models, training
from course_utils.text.batches import Examples
from course_utils.training import evaluation, limits

SMALL = {"vocab_size": 60, "hidden_size": 8, "num_hidden_layers": 1,
         "num_attention_heads": 2, "intermediate_size": 16}  # fmt: skip
UNEVEN = Examples([[5, 6, 7, 8, 9], [6, 7], [9]], [0, 1, 0])


def roberta():
    torch.manual_seed(0)
    config = tf.RobertaConfig(**SMALL, max_position_embeddings=18, pad_token_id=1)
    return tf.RobertaForSequenceClassification(config).eval()


def llama(pad_token_id):
    torch.manual_seed(0)
    config = tf.LlamaConfig(
        **SMALL, max_position_embeddings=32, pad_token_id=pad_token_id, num_labels=2
    )
    return tf.LlamaForSequenceClassification(config).eval()


def bert(**options):
    torch.manual_seed(0)
    config = tf.BertConfig(**SMALL, max_position_embeddings=10, **options)
    return tf.BertForSequenceClassification(config).eval()


@pytest.mark.parametrize(
    ("model", "limit"),
    [
        (bert(), 10),
        (nn.DataParallel(bert()), 10),
        (roberta(), 16),
        (llama(2), 32),
        (models.LSTMClassifier(11, 3, 4), None),
    ],
    ids=["bert", "parallel", "roberta", "llama", "lstm"],
)
def test_longest(model, limit):
    assert limits.longest(limits.unwrapped(model)) == limit


@pytest.mark.parametrize("make", [roberta, lambda: llama(2), bert])
def test_a_message_counts_the_same_alone_and_among_longer_ones(make):
    """Padding is the model's own, and no message is read at its padding."""
    model = make()
    together = evaluation.predict(model, UNEVEN, batch_size=3)
    alone = evaluation.predict(model, UNEVEN, batch_size=1)
    assert torch.allclose(together, alone, atol=1e-5)


def test_a_decoder_that_does_not_know_its_padding_is_named():
    with pytest.raises(ValueError, match="pad_token_id"):
        evaluation.predict(llama(None), UNEVEN)


def test_ids_that_the_model_does_not_know():
    for model in (bert(), roberta(), llama(2), models.LSTMClassifier(60, 3, 4)):
        with pytest.raises(ValueError, match="message 1 holds the id 60 .* below 60"):
            evaluation.predict(model, Examples([[5], [7, 60]], [0, 1]))


def test_logits_in_a_tuple():
    plain, tupled = bert(), bert(return_dict=False)
    wanted = evaluation.predict(plain, UNEVEN)
    assert torch.equal(evaluation.predict(tupled, UNEVEN), wanted)


# Said before the run, not in the middle of it


class Normed(nn.Module):
    def __init__(self, *, sparse=False):
        super().__init__()
        self.embedding = nn.Embedding(20, 4, sparse=sparse)
        self.norm, self.out = nn.BatchNorm1d(4), nn.Linear(4, 2)

    def forward(self, token_ids, attention_mask):
        return self.out(self.norm(self.embedding(token_ids).mean(dim=1)))


def untouched(model, before):
    after = model.state_dict()
    return all(torch.equal(value, after[name]) for name, value in before.items())


@pytest.mark.parametrize("batch_size", [1, 2])
def test_a_batch_of_one_and_batch_norm(batch_size):
    model = Normed()
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(ValueError, match="leave one message alone"):
        training.fit(model, UNEVEN, batch_size=batch_size, show_progress=False)
    assert untouched(model, before)
    training.fit(model, UNEVEN, batch_size=3, show_progress=False)


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_sparse_gradients_and_adam(optimizer):
    with pytest.raises(ValueError, match="takes no sparse gradients"):
        training.fit(
            Normed(sparse=True), UNEVEN, optimizer=optimizer, show_progress=False
        )


def test_sparse_gradients_are_clipped_like_dense_ones():
    histories, weights = [], []
    for sparse in (False, True):
        torch.manual_seed(0)
        model = Normed(sparse=sparse)
        histories.append(
            training.fit(
                model, UNEVEN, optimizer="sgd", lr=1, max_norm=0.1, num_epochs=3,
                show_progress=False,
            )
        )  # fmt: skip
        weights.append(model.embedding.weight)
    assert histories[0].grad_norm == pytest.approx(histories[1].grad_norm, rel=1e-4)
    assert torch.allclose(*weights, atol=1e-5)


def test_an_optimizer_that_asks_for_the_loss():
    with pytest.raises(ValueError, match="LBFGS, which asks for the loss"):
        training.fit(
            Normed(),
            UNEVEN,
            optimizer=lambda groups: torch.optim.LBFGS(
                [p for group in groups for p in group["params"]]
            ),
            show_progress=False,
        )
