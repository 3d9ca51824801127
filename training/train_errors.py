"""The errors of training. `str(error)` is one sentence that may be shown to a user as it is; `code` is the exit code.

TrainError               the model, or what training needs of the machine
+-- TrainUsageError      something was asked for that cannot be
+-- TrainInputError      pairs or a run that cannot be read
+-- TrainTargetError     the run cannot be written
"""

from __future__ import annotations


class TrainError(Exception):
    """Base of everything that training raises on purpose."""

    code = 4


class TrainUsageError(TrainError):
    """Something was asked for that cannot be: a recipe, a setting, a folder that is taken."""

    code = 2


class TrainInputError(TrainError):
    """Pairs, or a run, that cannot be read."""

    code = 3


class TrainTargetError(TrainError):
    """The run's folder cannot be written."""

    code = 5
