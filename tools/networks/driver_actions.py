# SPDX-License-Identifier: GPL-2.0
"""Finds the NPU's command stream in Vela's cmd_data, which wraps it in driver actions.

A driver action is a word whose low byte is its tag, perhaps with a payload behind it. Source of the format:
ethosu/vela/driver_actions.py of ethos-u-vela.
"""

import struct
from collections import namedtuple

MAGIC = 0x31504F43  # "COP1".
OPTIMIZER_CONFIG, COMMAND_STREAM, NOP = 1, 2, 5
OPTIMIZER_CONFIG_WORDS = 3  # The action, the NPU's CONFIG register, the NPU's ID register.

# offset and length of the command stream in bytes; the values of the registers CONFIG and ID that it was made for.
CommandStream = namedtuple("CommandStream", "offset length config identity")


def find_command_stream(data):
    """Returns the CommandStream in `data`, a cmd_data of Vela; raises ValueError if there is none."""
    words = [word for (word,) in struct.iter_unpack("<I", data)]
    if not words or words[0] != MAGIC:
        raise ValueError("no driver actions")
    config = identity = None
    position = 1
    while position < len(words):
        action, tag = words[position], words[position] & 0xFF
        if tag == OPTIMIZER_CONFIG:
            config, identity = words[position + 1 : position + OPTIMIZER_CONFIG_WORDS]
            position += OPTIMIZER_CONFIG_WORDS
        elif tag == NOP:
            position += 1
        elif tag == COMMAND_STREAM:
            return _command_stream(words, position + 1, _stream_words(action), config, identity)
        else:
            raise ValueError(f"unknown driver action {action:#010x}")
    raise ValueError("no command stream")


def _stream_words(action):
    """The length in words: bits 31:16, and above them bits 15:8."""
    return (action >> 16) | (action >> 8 & 0xFF) << 16


def _command_stream(words, start, length, config, identity):
    if config is None:
        raise ValueError("no optimizer configuration ahead of the command stream")
    if start + length > len(words):
        raise ValueError("the command stream is cut off")
    return CommandStream(4 * start, 4 * length, config, identity)
