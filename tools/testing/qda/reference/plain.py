# SPDX-License-Identifier: GPL-2.0
"""The same training as everybody writes it in numpy, in one precision or the other: what the reference is near to."""

import numpy as np

import training


def initial_parameters(precision):
    """Returns W1, b1, W2, b2."""
    memory = training.initial_memory()
    return [memory[name].astype(precision) for name in training.PARAMETERS]


def step(parameters, x, y):
    """Makes one step in place; returns the mean loss."""
    w1, b1, w2, b2 = parameters
    z1 = x @ w1 + b1
    hidden = np.maximum(z1, 0)
    z2 = hidden @ w2 + b2
    shifted = z2 - z2.max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    total = exponentials.sum(axis=1, keepdims=True)
    loss = (np.log(total)[:, 0] - (shifted * y).sum(axis=1)).mean()
    gradient = (exponentials / total - y) / len(x)
    back = (gradient @ w2.T) * (z1 > 0)
    gradients = x.T @ back, back.sum(axis=0), hidden.T @ gradient, gradient.sum(axis=0)
    for parameter, change in zip(parameters, gradients, strict=True):
        parameter -= parameter.dtype.type(training.RATE) * change
    return loss


def train(images, precision, epochs=training.EPOCHS):
    """Returns (the loss of each step, the parameters)."""
    parameters = initial_parameters(precision)
    x, y = images.x.astype(precision), images.one_hot().astype(precision)
    losses = [
        step(parameters, x[start : start + training.BATCH], y[start : start + training.BATCH])
        for _ in range(epochs)
        for start in range(0, len(x), training.BATCH)
    ]
    return np.array(losses), parameters


def infer(parameters, x):
    """Returns the class of each sample."""
    w1, b1, w2, b2 = parameters
    return (np.maximum(x.astype(w1.dtype) @ w1 + b1, 0) @ w2 + b2).argmax(axis=1)
