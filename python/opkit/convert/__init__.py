"""From a TensorFlow or Keras model, or a .tflite file with Flex ops, to a model that runs."""

import sys
import types
from typing import Any

from .composite import composite
from .errors import CalibrationWarning, ConversionError
from .pipeline import convert
from .result import ConvertResult, Step

__all__ = ["CalibrationWarning", "ConversionError", "ConvertResult", "Step", "composite", "convert"]


class _CallableModule(types.ModuleType):
    """``opkit.convert`` names both this package and what it is for: either way it converts."""

    def __call__(self, *args: Any, **kwargs: Any) -> ConvertResult:
        return convert(*args, **kwargs)


sys.modules[__name__].__class__ = _CallableModule
