"""Lengths and ids that the model does not take get past the checks, or the check
advises what fails again.
"""

import re

import transformers as tf
from torch import nn

from course_utils import models, training
from course_utils.text.batches import Examples
from course_utils.training import evaluation

S = dict(
    vocab_size=60,
    hidden_size=8,
    num_hidden_layers=1,
    num_attention_heads=2,
    intermediate_size=16,
)


def ex(n):
    return Examples([[5] * n, [6, 7]], [0, 1])


def check(model, e, words=r"message \d+"):
    for do in (
        lambda: evaluation.predict(model, e),
        lambda: training.fit(model, e, show_progress=False),
    ):
        try:
            do()
        except ValueError as error:
            assert re.search(words, str(error)), str(error)
        except Exception as error:
            raise AssertionError(f"{type(error).__name__}: {error}") from None


def test_roberta_takes_two_less_than_it_says():
    check(
        tf.RobertaForSequenceClassification(
            tf.RobertaConfig(**S, max_position_embeddings=18, pad_token_id=1)
        ),
        ex(17),
    )


def test_the_advice_for_roberta_helps():
    m = tf.RobertaForSequenceClassification(
        tf.RobertaConfig(**S, max_position_embeddings=18, pad_token_id=1)
    )
    try:
        evaluation.predict(m, ex(30))
    except ValueError as error:
        check(m, ex(int(re.search(r"max_length=(\d+)", str(error))[1])))


def test_own_head_on_bert():
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.bert, self.head = (
                tf.BertModel(tf.BertConfig(**S, max_position_embeddings=10)),
                nn.Linear(8, 2),
            )

        def forward(self, ids, mask):
            return self.head(self.bert(ids, mask).pooler_output)

    check(Own(), ex(11))


def test_data_parallel():
    check(
        nn.DataParallel(
            tf.BertForSequenceClassification(
                tf.BertConfig(**S, max_position_embeddings=10)
            )
        ),
        ex(11),
    )


def test_id_beyond_the_embedding():  # a token was added, or another Vocabulary
    check(
        models.LSTMClassifier(10, 4, 4), Examples([[5, 6], [7, 11]], [0, 1]), "11|vocab"
    )


def test_tuple_output():  # return_dict=False
    check(
        tf.BertForSequenceClassification(tf.BertConfig(**S, return_dict=False)), ex(3)
    )
