"""YAML without its surprises, for every file people write: no anchors, tags or duplicate keys; ``no`` and ``01`` and dates stay text."""

from __future__ import annotations

import math
import re
from typing import Any

import yaml

from catalog.errors import BadInput

LARGEST_FILE = 4 << 20  # bytes; a contract of 400 fields takes about 200 kB
DEEPEST = 40  # levels of nesting


class _Loader(yaml.SafeLoader):
    """YAML 1.2's core types only."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012

    level = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        self.level += 1
        if self.level > DEEPEST:
            raise yaml.MarkedYAMLError(problem="nested too deeply", problem_mark=event.start_mark)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) or getattr(event, "tag", None):
            raise yaml.MarkedYAMLError(problem="anchors, aliases and tags are not allowed", problem_mark=event.start_mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self.level -= 1

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str) or key in found:
                what = "a key must be text" if not isinstance(key, str) else f"duplicate key {key!r}"
                raise yaml.MarkedYAMLError(problem=what, problem_mark=key_node.start_mark)
            found[key] = self.construct_object(value_node, deep=True)
        return found

    def construct_yaml_map(self, node: Any) -> Any:
        yield self.construct_mapping(node)

    def construct_finite(self, node: Any) -> float:
        value = float(node.value)
        if not math.isfinite(value):
            raise yaml.MarkedYAMLError(problem="this number is too large", problem_mark=node.start_mark)
        return value


_WHOLE = r"[-+]?(?:0|[1-9][0-9]*)"
for _tag, _pattern, _first in (
    ("bool", "true|false", "tf"),
    ("null", "null|~|", ["n", "~", ""]),
    ("int", _WHOLE, "-+0123456789"),
    ("float", rf"{_WHOLE}(?:\.[0-9]+(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)", "-+0123456789"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})\Z"), list(_first))
_Loader.add_constructor("tag:yaml.org,2002:map", _Loader.construct_yaml_map)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_finite)


def load(data: bytes, file: str) -> Any:
    """Parse one UTF-8 document. ``file`` only names it in errors.

    Raises BadInput ``yaml.too_large``, ``yaml.not_utf8`` or ``yaml.malformed`` (with line and column).
    """
    if len(data) > LARGEST_FILE:
        raise BadInput("yaml.too_large", file=file, limit=LARGEST_FILE)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput("yaml.not_utf8", file=file, offset=error.start) from None
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 (a SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise BadInput("yaml.malformed", file=file, line=line, column=column, problem=error.problem or "not YAML") from None
    except (yaml.YAMLError, ValueError):
        raise BadInput("yaml.malformed", file=file, line=1, column=1, problem="not YAML") from None
