"""One step: what it would do before you take it, and the rules that take it."""

from course_utils.steps.profiles import StepProfile, StepReport, profile

__all__ = ["StepProfile", "StepReport", "profile"]
