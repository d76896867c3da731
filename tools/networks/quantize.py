# SPDX-License-Identifier: GPL-2.0
"""Post-training quantisation to int8 by TFLite's rules.

A quantised value q stands for scale * (q - zero_point). Weights are symmetric (zero point 0, -127 to 127), by output
channel; activations are asymmetric over the range that was seen.
"""

from collections import namedtuple

import numpy as np

# weight int8 in TFLite's order, weight_scale float32 [output channels], bias int32, and the output's quantisation.
Linear = namedtuple("Linear", "weight weight_scale bias output_scale output_zero_point")


def quantize_activation(low, high):
    """Returns (scale, zero point) of int8 that covers low..high and zero, and has an exact zero."""
    low, high = min(float(low), 0.0), max(float(high), 0.0)
    if low == high:
        raise ValueError("an activation that is always zero has no scale")
    scale = (high - low) / 255
    return np.float32(scale), int(np.clip(round(-128 - low / scale), -128, 127))


def quantize_weight(weight):
    """Returns (int8 weight, float32 scales); the output channel is the last dimension of `weight`."""
    largest = np.abs(weight).max(axis=tuple(range(weight.ndim - 1)))
    scale = np.where(largest > 0, largest / 127, 1).astype(np.float32)
    return np.clip(np.rint(weight / scale), -127, 127).astype(np.int8), scale


def quantize_linear(weight, bias, input_scale, output_range):
    """Returns a Linear; the output channel is the last dimension of `weight`, and stays there."""
    quantized, weight_scale = quantize_weight(weight)
    output_scale, output_zero_point = quantize_activation(*output_range)
    quantized_bias = np.rint(bias / (np.float64(input_scale) * weight_scale)).astype(np.int32)
    return Linear(quantized, weight_scale, quantized_bias, output_scale, output_zero_point)
