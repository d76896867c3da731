# SPDX-License-Identifier: GPL-2.0
"""Machines that boot at the same time, and the cable between their cards."""

import unittest
from pathlib import Path

from vm import models
from vm.scenario import Cable, Scenario


class Machines(unittest.TestCase):
    def test_alone(self) -> None:
        one = Scenario(guest="true", name="x")
        self.assertEqual(one.machines(), [one])

    def test_with_a_peer(self) -> None:
        first, second = Scenario(guest="mine", name="x", cards=1, memory="512M", peer="its").machines()
        self.assertEqual((first.guest, second.guest), ("mine", "its"))
        self.assertEqual((first.name, second.name), ("x", "x.peer"))
        self.assertEqual((first.peer, second.peer), (None, None))
        self.assertEqual((second.cards, second.memory), (1, "512M"))

    def test_they_meet_at_the_same_sockets(self) -> None:
        ends = [one.cable for one in Scenario(guest="", name="x", peer="").machines()]
        self.assertEqual([end.listens for end in ends], [True, False])
        self.assertEqual(*(end.socket(1) for end in ends))
        self.assertNotEqual(ends[0].socket(0), ends[0].socket(1))


class Cables(unittest.TestCase):
    def test_one_card_has_none(self) -> None:
        self.assertEqual(models._cabled(1, None), [])

    def test_two_cards(self) -> None:
        self.assertEqual(models._cabled(2, None), [("0.0", "1.0"), ("0.1", "1.1")])

    def test_another_machine(self) -> None:
        for listens, how in ((True, "listen"), (False, "connect")):
            cable = Cable(Path("/x/link"), listens)
            self.assertEqual(models._cabled(1, cable), [("0.0", f"{how}:/x/link0"), ("0.1", f"{how}:/x/link1")])


if __name__ == "__main__":
    unittest.main()
