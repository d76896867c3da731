# SPDX-License-Identifier: GPL-2.0
"""The judge of JSON documents: what follows each other, and what no schema describes."""

import json
import tempfile
import unittest
from pathlib import Path

from vm import documents

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "more": {"$ref": "#/$defs/more"}},
    "required": ["name"],
    "$defs": {"more": {"type": "object", "properties": {"size": {"type": "integer"}}, "required": ["size"]}},
}


class Judging(unittest.TestCase):
    """One schema, many documents."""

    def judge(self, text: str) -> int:
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(SCHEMA, file)
            file.flush()
            return documents.judge(Path(file.name), text)

    def refused(self, text: str, why: str) -> None:
        with self.assertRaisesRegex(documents.Invalid, why):
            self.judge(text)

    def test_documents_may_follow_each_other(self):
        self.assertEqual(self.judge('{"name": "a"}\n{"name": "b", "more": {"size": 1}} {"name": "c"}'), 3)
        self.assertEqual(self.judge(" \n"), 0)

    def test_each_of_them_is_judged(self):
        self.refused('{"name": "a"} {"name": 1}', r"\$\.name: 1 is not of type 'string'")
        self.refused("{}", "'name' is a required property")

    def test_nothing_may_be_there_that_is_not_described(self):
        self.refused('{"name": "a", "nmae": "b"}', "nmae")
        self.refused('{"name": "a", "more": {"size": 1, "unit": "B"}}', "unit")

    def test_what_is_no_json_is_refused(self):
        self.refused('{"name": "a"} accel-smi: no device', "no JSON")


if __name__ == "__main__":
    unittest.main()
