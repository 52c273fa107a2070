"""From a TensorFlow or Keras model, or a .tflite file with Flex ops, to a model that runs.

``opkit.convert`` is this package and also what it is for: it can be called, see
:func:`opkit.convert.pipeline.convert`.
"""

import sys
from typing import TYPE_CHECKING

from opkit.callable_module import make_callable

from . import pipeline
from .composite import composite
from .errors import CalibrationWarning, ConversionError
from .result import ConvertResult, Step

if TYPE_CHECKING:
    from .pipeline import convert

__all__ = ["CalibrationWarning", "ConversionError", "ConvertResult", "Step", "composite", "convert"]


make_callable(__name__, pipeline.convert)
if not TYPE_CHECKING:
    convert = sys.modules[__name__]
