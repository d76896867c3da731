# SPDX-License-Identifier: GPL-2.0
"""Tests of training.py, collective.py and digits.py: the numbers that example.rst promises, and several cards."""

import unittest

import numpy as np

import collective
import digits
import plain
import training
from binary32 import to_bits
from tests import specification

SEVERAL_EPOCHS = 3  # Of the runs on two cards; __main__.py compares all 40.

# Plain numpy and the reference round the same formulas in different orders. A weight is rounded 880 times, a logit some
# 70 times in each step, by 2^-24 of a value of about 1 at most; as a random walk that moves a loss by some 1e-6. The
# worst seen is 8e-7, for either precision. An error in a formula is far above the bound: it changes tenths of a loss.
LOSS_TOLERANCE = 1e-5


class Data(unittest.TestCase):
    def test_split(self):
        images = digits.load()
        self.assertEqual((images.x.shape, images.x.dtype), ((1797, 64), np.float32))
        np.testing.assert_array_equal(images.x * 16, np.rint(images.x * 16))
        training_images, held_out = digits.split(images)
        self.assertEqual((len(training_images.x), len(held_out.x)), (1408, 359))
        np.testing.assert_array_equal(held_out.x[1], images.x[9])
        np.testing.assert_array_equal(training_images.x[:5], images.x[[0, 1, 2, 3, 5]])
        np.testing.assert_array_equal(training_images.one_hot().argmax(axis=1), training_images.labels)

    def test_first_weights(self):
        # 1664525 + 1013904223 = 1015568748; its upper 24 bits are 3967065.
        weight = next(training.initial_weights())
        self.assertEqual(weight, np.float32((3967065 / 2**24 - 0.5) / 2))


class Packet(unittest.TestCase):
    def test_in_memory(self):
        packet = specification.example_packet()
        wanted = {"opcode": 0x20, "flags": 3, "type": 1, "options": 1, "a": 0x100000, "b": 0x200000, "d": 0x300000}
        wanted |= {"stride_a": 64 * 4, "stride_b": 10 * 4, "stride_d": 10 * 4, "rows": 64, "columns": 10, "depth": 32}
        self.assertEqual({field: value for field, value in packet.items() if value}, wanted)


class OneCard(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.images, cls.held_out = digits.split(digits.load())
        cls.result = training.train(cls.images)

    def test_losses(self):
        losses = to_bits(self.result.losses)
        self.assertEqual((len(losses), losses[0], losses[-1]), (880, 0x400CD418, 0x3C010F16))

    def test_weights(self):
        digest = training.digest(self.result.cards[0])
        self.assertEqual(digest, "584a13637e1250fc9fe075a68086e30d63d2cb2af38c69062df6aec8b4235a1e")

    def test_held_out(self):
        right = training.infer(self.result.cards[0], self.held_out.x) == self.held_out.labels
        self.assertEqual((right.sum(), len(right)), (350, 359))

    def test_near_plain_numpy(self):
        for precision in (np.float32, np.float64):
            losses, parameters = plain.train(self.images, precision)
            np.testing.assert_allclose(self.result.losses, losses, rtol=0, atol=LOSS_TOLERANCE)
            right = plain.infer(parameters, self.held_out.x) == self.held_out.labels
            self.assertGreaterEqual(right.mean(), 0.95)


class SeveralCards(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.images, _ = digits.split(digits.load())
        cls.one = training.train(cls.images, SEVERAL_EPOCHS)

    def check(self, all_reduce):
        two = training.train(self.images, SEVERAL_EPOCHS, cards=2, all_reduce=all_reduce)
        self.assertEqual(to_bits(two.losses).tolist(), to_bits(self.one.losses).tolist())
        for memory in two.cards:
            self.assertEqual(training.digest(memory), training.digest(self.one.cards[0]))

    def test_exchange(self):
        self.check(collective.exchange)

    def test_ring(self):
        self.check(collective.ring)

    def test_without_exchange_cards_differ(self):
        two = training.train(self.images, 1, cards=2)
        self.assertNotEqual(*map(training.digest, two.cards))

    def gradients(self, cards, samples, all_reduce):
        """Returns what is exchanged, of the first `samples` on so many cards."""
        memories = [training.initial_memory() for _ in range(cards)]
        x, y = self.images.x[:samples], self.images.one_hot()[:samples]
        for memory, part_x, part_y in zip(memories, np.split(x, cards), np.split(y, cards), strict=True):
            training.compute_gradients(memory, part_x, part_y)
        if all_reduce:
            training.exchange_gradients(memories, all_reduce)
        return [np.concatenate([to_bits(memory[name]).ravel() for name in training.EXCHANGED]) for memory in memories]

    def test_four_cards(self):
        for samples in (128, 256):
            (wanted,) = self.gradients(1, samples, None)
            for found in self.gradients(4, samples, collective.neighbours_first):
                np.testing.assert_array_equal(found, wanted)

    def test_other_batches_have_other_bits(self):
        (wanted,) = self.gradients(1, 96, None)  # Blocks 32, 32, 32; on two cards 32, 16 and 32, 16.
        found, _ = self.gradients(2, 96, collective.exchange)
        self.assertTrue((found != wanted).any())


class Ring(unittest.TestCase):
    def test_sums_on_all_cards(self):
        for cards in (2, 3, 4, 5):
            buffers = [np.arange(7, dtype=np.float32) * 10**card for card in range(cards)]
            for found in collective.ring(buffers):
                np.testing.assert_array_equal(found, np.sum(buffers, axis=0))


if __name__ == "__main__":
    unittest.main()
