"""What two pictures have to do with each other."""

from pathlib import Path

from dedup.machine import somewhere_to_compile

somewhere_to_compile(Path(__file__).parent)
