# SPDX-License-Identifier: GPL-2.0
"""Judges JSON documents by a schema: `documents.py SCHEMA <DOCUMENTS`.

Strictly: what a schema does not describe must not be there, so that it describes everything.
"""

import json
import sys
from pathlib import Path
from typing import Any, Iterator

from jsonschema import Draft202012Validator


class Invalid(Exception):
    """A document is not what its schema says."""


def judge(schema: Path, text: str) -> int:
    """Judge each of the documents in `text`, which follow each other; how many they are."""
    described = json.loads(schema.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(described)
    validator = Draft202012Validator(_strict(described))
    count = 0
    for document in _documents(text):
        count += 1
        for error in validator.iter_errors(document):
            raise Invalid(f"{error.json_path}: {error.message}")
    return count


def _documents(text: str) -> Iterator[Any]:
    decoder = json.JSONDecoder()
    while text := text.strip():
        try:
            document, end = decoder.raw_decode(text)
        except json.JSONDecodeError as error:
            raise Invalid(f"no JSON: {error}") from error
        yield document
        text = text[end:]


def _strict(schema: Any) -> Any:
    """The same schema, whose objects that must have something have nothing else."""
    if isinstance(schema, list):
        return [_strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {key: _strict(part) for key, part in schema.items()}
    if "properties" in schema and "required" in schema:
        strict["additionalProperties"] = False
    return strict


if __name__ == "__main__":
    try:
        print(judge(Path(sys.argv[1]), sys.stdin.read()))
    except Invalid as invalid:
        sys.exit(str(invalid))
