"""From a TensorFlow or Keras model, or a .tflite file with Flex ops, to a model that runs.

``opkit.convert`` is this package and also what it is for: it can be called, see
:func:`opkit.convert.pipeline.convert`.
"""

import sys
import types
from typing import TYPE_CHECKING

from . import pipeline
from .composite import composite
from .errors import CalibrationWarning, ConversionError
from .result import ConvertResult, Step

if TYPE_CHECKING:
    from .pipeline import convert

__all__ = ["CalibrationWarning", "ConversionError", "ConvertResult", "Step", "composite", "convert"]


class _CallableModule(types.ModuleType):
    __call__ = staticmethod(pipeline.convert)


# One object under every name, so that no order of imports decides whether `opkit.convert` can be
# called or has attributes.
sys.modules[__name__].__class__ = _CallableModule
if not TYPE_CHECKING:
    convert = sys.modules[__name__]
