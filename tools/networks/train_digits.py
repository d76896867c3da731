# SPDX-License-Identifier: GPL-2.0
"""Trains the digits network on the training images, quantises it, and stores the result in digits.npz.

Nothing is chosen by the held-out images: their accuracy is only printed at the end. The seed fixes every random choice;
another numpy may still sum in another order, so that a rerun elsewhere gives slightly other weights.

Usage: train_digits.py [FILE.npz]
"""

import sys

import numpy as np

import digits
import digits_network
import layers
from quantize import quantize_linear

SEED = 20260101
EPOCHS = 120
BATCH = 32
LEARNING_RATE = 2e-3  # At the start; falls to zero along half a cosine.
MAX_SHIFT = 1  # Pixels by which a training image is moved at random, along each axis.


class Adam:
    """The optimiser (Kingma and Ba, 2015), with the paper's constants."""

    DECAY, SQUARE_DECAY, EPSILON = 0.9, 0.999, 1e-8

    def __init__(self, network):
        self._network = network
        self._moments = [[(np.zeros_like(p), np.zeros_like(p)) for p in layer.parameters] for layer in network]
        self._steps = 0

    def step(self, rate):
        """Moves all parameters by one step against their gradients."""
        self._steps += 1
        rate *= np.sqrt(1 - self.SQUARE_DECAY**self._steps) / (1 - self.DECAY**self._steps)
        for layer, moments in zip(self._network, self._moments, strict=True):
            rows = zip(layer.parameters, layer.gradients, moments, strict=True)
            for parameter, gradient, (mean, square) in rows:
                mean += (1 - self.DECAY) * (gradient - mean)
                square += (1 - self.SQUARE_DECAY) * (gradient**2 - square)
                parameter -= np.float32(rate) * mean / (np.sqrt(square) + np.float32(self.EPSILON))


def build(random):
    """Returns the trainable layers of digits_network.LAYERS, in order."""
    network, size, channels = [], digits.SIZE, 1
    for layer in digits_network.LAYERS:
        if not layer.same:
            network.append(layers.Dense(random, size * size * channels, layer.channels, layer.relu))
        elif layer.kind == "CONV_2D":
            network.append(layers.Convolution(random, layer.kernel, channels, layer.channels, layer.relu))
            channels = layer.channels
        elif layer.kind == "DEPTHWISE_CONV_2D":
            network.append(layers.Depthwise(random, layer.kernel, channels, layer.relu))
        else:
            network.append({"MAX_POOL_2D": layers.MaxPool, "AVERAGE_POOL_2D": layers.AveragePool}[layer.kind]())
            size //= 2
    return network


def forward(network, activation):
    """Yields the output of each layer."""
    for layer in network:
        activation = layer.forward(activation)
        yield activation


def loss_gradient(scores, labels):
    """Returns (mean cross entropy of softmax(scores), its gradient with respect to the scores)."""
    exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
    probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    rows = np.arange(len(labels))
    loss = -np.log(probabilities[rows, labels]).mean()
    probabilities[rows, labels] -= 1
    return loss, probabilities / len(labels)


def shift(random, images):
    """Returns the images, each moved by up to MAX_SHIFT pixels along each axis; background comes in at the edge."""
    padded = np.pad(images, ((0, 0), (MAX_SHIFT, MAX_SHIFT), (MAX_SHIFT, MAX_SHIFT), (0, 0)))
    corners = random.integers(0, 2 * MAX_SHIFT + 1, (len(images), 2))
    moved = zip(padded, corners, strict=True)
    return np.stack([image[y : y + digits.SIZE, x : x + digits.SIZE] for image, (y, x) in moved])


def train(random, network, images, labels):
    """Trains `network` in place."""
    optimizer = Adam(network)
    for epoch in range(EPOCHS):
        rate = LEARNING_RATE * (1 + np.cos(np.pi * epoch / EPOCHS)) / 2
        losses = []
        for batch in np.array_split(random.permutation(len(images)), len(images) // BATCH):
            *_, scores = forward(network, shift(random, images[batch]))
            loss, gradient = loss_gradient(scores, labels[batch])
            for layer in reversed(network):
                gradient = layer.backward(gradient)
            optimizer.step(rate)
            losses.append(loss)
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1:3} of {EPOCHS}: loss {np.mean(losses):.4f}")


def quantize(network, images):
    """Returns {layer name: quantize.Linear}; the ranges of the activations are those that `images` cause."""
    parameters, scale = {}, digits.SCALE
    outputs = forward(network, images)
    for layer, trained, output in zip(digits_network.LAYERS, network, outputs, strict=True):
        if not trained.parameters:
            continue  # Pooling keeps the quantisation of its input.
        linear = quantize_linear(*trained.parameters, scale, (output.min(), output.max()))
        parameters[layer.name] = linear._replace(weight=_tflite_order(layer, linear.weight))
        scale = linear.output_scale
    return parameters


def _tflite_order(layer, weight):
    """Returns `weight` with TFLite's dimensions: [1, y, x, channels] if depthwise, else [outputs, y, x, inputs]."""
    if layer.kind == "DEPTHWISE_CONV_2D":
        return weight[None]
    return np.moveaxis(weight, -1, 0).reshape(layer.channels, layer.kernel, layer.kernel, -1)


def accuracy(network, images, labels):
    """Returns the share of images whose largest score is that of the label."""
    *_, scores = forward(network, images)
    return np.mean(scores.argmax(axis=1) == labels)


def main():
    (images, labels), held_out = digits.split(*digits.load())
    random = np.random.default_rng(SEED)
    network = build(random)
    train(random, network, digits.normalize(images), labels)
    print(f"{accuracy(network, digits.normalize(held_out[0]), held_out[1]):.2%} of {len(held_out[1])} held-out images")
    path = sys.argv[1] if len(sys.argv) > 1 else digits_network.PARAMETERS
    digits_network.store_parameters(quantize(network, digits.normalize(images)), path)


if __name__ == "__main__":
    main()
