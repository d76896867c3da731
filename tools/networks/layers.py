# SPDX-License-Identifier: GPL-2.0
"""The layers that the digits network is trained with: forward and backward passes in numpy.

Activations are [N, height, width, channels]. `forward` keeps what `backward` needs; `backward` takes the gradient of
the loss with respect to the output, sets `gradients` (in the order of `parameters`) and returns that for the input.
"""

import numpy as np


class Pool:
    """2x2 pooling with stride 2; a layer without parameters."""

    parameters = gradients = ()

    @staticmethod
    def _windows(x):
        n, height, width, channels = x.shape
        return x.reshape(n, height // 2, 2, width // 2, 2, channels)


class MaxPool(Pool):
    """The largest of each 2x2 window; a gradient goes to every element that equals it."""

    def forward(self, x):
        windows = self._windows(x)
        y = windows.max(axis=(2, 4), keepdims=True)
        self._shape, self._largest = x.shape, windows == y
        return y[:, :, 0, :, 0]

    def backward(self, gradient):
        share = gradient[:, :, None, :, None] / self._largest.sum(axis=(2, 4), keepdims=True)
        return (share * self._largest).reshape(self._shape)


class AveragePool(Pool):
    """The mean of each 2x2 window."""

    def forward(self, x):
        self._shape = x.shape
        return self._windows(x).mean(axis=(2, 4))

    def backward(self, gradient):
        windows = np.broadcast_to(gradient[:, :, None, :, None] / 4, self._windows(np.empty(self._shape)).shape)
        return windows.reshape(self._shape)


class Linear:
    """What convolutions and the dense layer share: a weight, a bias, an optional ReLU."""

    def __init__(self, random, shape, fan_in, relu):
        self.relu = relu
        weight = random.standard_normal(shape) * np.sqrt(2 / fan_in)  # He initialisation.
        self.parameters = [weight.astype(np.float32), np.zeros(shape[-1], np.float32)]
        self.gradients = [np.zeros_like(parameter) for parameter in self.parameters]

    def _activate(self, y):
        y = y + self.parameters[1]
        self._positive = y > 0
        return np.where(self._positive, y, np.float32(0)) if self.relu else y

    def _deactivate(self, gradient):
        gradient = np.where(self._positive, gradient, np.float32(0)) if self.relu else gradient
        self.gradients[1] = gradient.sum(axis=tuple(range(gradient.ndim - 1)))
        return gradient


class Dense(Linear):
    """A fully connected layer over the flattened activation; weight [inputs, outputs]."""

    def __init__(self, random, inputs, outputs, relu):
        super().__init__(random, (inputs, outputs), inputs, relu)

    def forward(self, x):
        self._shape, self._x = x.shape, x.reshape(len(x), -1)
        return self._activate(self._x @ self.parameters[0])

    def backward(self, gradient):
        gradient = self._deactivate(gradient)
        self.gradients[0] = self._x.T @ gradient
        return (gradient @ self.parameters[0].T).reshape(self._shape)


class Convolution(Linear):
    """A convolution, stride 1, zero padding to the size of the input; weight [kernel, kernel, inputs, outputs]."""

    def __init__(self, random, kernel, inputs, outputs, relu):
        super().__init__(random, (kernel, kernel, inputs, outputs), kernel * kernel * inputs, relu)

    def forward(self, x):
        self._pad(x)
        return self._activate(sum(self._apply(view, tap) for view, tap in self._taps(self._padded)))

    def backward(self, gradient):
        gradient = self._deactivate(gradient)
        padded_gradient = np.zeros_like(self._padded)
        weight_gradient = np.zeros_like(self.parameters[0])
        views, targets = self._taps(self._padded), self._taps(padded_gradient)
        for (view, tap), (target, _) in zip(views, targets, strict=True):
            weight_gradient[tap] = self._correlate(view, gradient)
            target += self._apply_transposed(gradient, tap)
        self.gradients[0] = weight_gradient
        margin = self._margin
        return padded_gradient[
            :, margin : padded_gradient.shape[1] - margin, margin : padded_gradient.shape[2] - margin
        ]

    def _pad(self, x):
        self._margin = self.parameters[0].shape[0] // 2
        border = (self._margin, self._margin)
        self._padded = np.pad(x, ((0, 0), border, border, (0, 0)))

    def _taps(self, padded):
        """Yields for each kernel element the part of the padded activation that it sees, and its index."""
        kernel = self.parameters[0].shape[0]
        height, width = (padded.shape[axis] - kernel + 1 for axis in (1, 2))
        for y, x in np.ndindex(kernel, kernel):
            yield padded[:, y : y + height, x : x + width], (y, x)

    def _apply(self, view, tap):
        return view @ self.parameters[0][tap]

    def _apply_transposed(self, gradient, tap):
        return gradient @ self.parameters[0][tap].T

    @staticmethod
    def _correlate(view, gradient):
        return view.reshape(-1, view.shape[-1]).T @ gradient.reshape(-1, gradient.shape[-1])


class Depthwise(Convolution):
    """A convolution of each channel by itself; weight [kernel, kernel, channels]."""

    def __init__(self, random, kernel, channels, relu):
        Linear.__init__(self, random, (kernel, kernel, channels), kernel * kernel, relu)

    def _apply(self, view, tap):
        return view * self.parameters[0][tap]

    _apply_transposed = _apply

    @staticmethod
    def _correlate(view, gradient):
        return (view * gradient).sum(axis=(0, 1, 2))
