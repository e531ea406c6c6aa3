"""Many steps: of a classifier with `fit`, on a surface with `descend`."""

from course_utils.training.descent import Trajectory, descend
from course_utils.training.history import History
from course_utils.training.run import Interrupted, Run, fit

__all__ = ["History", "Interrupted", "Run", "Trajectory", "descend", "fit"]
