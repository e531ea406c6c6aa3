"""The models: classifiers of our own, attention by hand, a BERT, one that writes."""

from course_utils.models.bert import load_bert, save_bert
from course_utils.models.classifiers import MLP, LSTMClassifier
from course_utils.models.writer import (
    add_lora,
    load_writer,
    next_logits,
    remember,
    sentence_losses,
    write,
)
from course_utils.runtime.files import model_dir, writer_file

__all__ = [
    "MLP",
    "LSTMClassifier",
    "add_lora",
    "load_bert",
    "load_writer",
    "model_dir",
    "next_logits",
    "remember",
    "save_bert",
    "sentence_losses",
    "write",
    "writer_file",
]
