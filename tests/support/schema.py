"""Lines of `--json` against docs/ndjson.schema.json."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, cast

import jsonschema

SchemaError = jsonschema.ValidationError
FILE = Path(__file__).parents[2] / "docs" / "ndjson.schema.json"


class _Validator(Protocol):
    def validate(self, instance: Mapping[str, object]) -> None: ...


_VALIDATOR = cast("_Validator", jsonschema.Draft202012Validator(json.loads(FILE.read_text())))


def check(line: Mapping[str, object]) -> None:
    """Raise SchemaError if `line` is not as the schema says."""
    _VALIDATOR.validate(line)
