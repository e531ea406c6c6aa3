"""The models: classifiers of our own, attention by hand, a pretrained BERT."""

from course_utils.models.bert import load_bert, save_bert
from course_utils.models.classifiers import MLP, LSTMClassifier
from course_utils.runtime.files import model_dir

__all__ = ["MLP", "LSTMClassifier", "load_bert", "model_dir", "save_bert"]
