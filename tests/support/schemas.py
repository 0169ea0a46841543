"""The schemas of docs/schema, and which document has which. Needs python3-jsonschema; see available()."""
import json
import re
from functools import cache
from pathlib import Path

try:
    import jsonschema
except ImportError:
    jsonschema = None

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "schema"
IN_WINDOW = r"(?:window/[^/]+\.json|usage\.json)$"
KINDS = [(re.compile(pattern), name) for pattern, name in (
    (r"^(?:stats/window/[^/]+/)?usage\.json$|^window/", "usage"),
    (r"^sessions/[^/]+/" + IN_WINDOW, "session"),
    (r"^projects/[^/]+/" + IN_WINDOW, "project"),
    (r"^hosts/[^/]+/" + IN_WINDOW, "host"),
    (r"^hosts/[^/]+/status\.json$", "host-status"),
    (r"^teams/[^/]+/members/[^/]+/" + IN_WINDOW, "member"),
    (r"^teams/[^/]+/(?:runs/[^/]+/)?" + IN_WINDOW, "team"),
    (r"^teams/[^/]+/projection\.json$", "projection"),
    (r"/context\.json$", "context"),
    (r"/requests\.jsonl$", "requests"),
    (r"/tools\.jsonl$", "tools"),
    (r"/ledger\.jsonl$", "ledger"),
    (r"^events(?:\.jsonl$|/)", "events"),
    (r"^stats/(?:.*/)?by-branch\.json$", "stats-branch"),
    (r"^stats/(?:.*/)?by-tool\.json$", "stats-tool"),
    (r"^stats/(?:.*/)?blocks\.json$", "stats-blocks"),
    (r"^stats/(?:.*/)?by-[a-z]+\.json$", "stats"),
    (r"^budgets/[^/]+\.json$", "budget"),
    (r"^limits/[^/]+\.json$", "limits"),
    (r"^status\.json$", "status"),
    (r"^pricing\.json$", "pricing"),
)]


def available() -> bool:
    """Releases before 4.0 do not know 2020-12."""
    return bool(jsonschema) and hasattr(jsonschema, "Draft202012Validator")


def kind_of(path: str) -> str | None:
    return next((name for pattern, name in KINDS if pattern.search(path)), None)


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.json"))


@cache
def schema(name: str) -> dict:
    return json.loads((FOLDER / f"{name}.json").read_text())


@cache
def validator(name: str):
    schemas = {schema(one)["$id"]: schema(one) for one in names()}
    try:
        from referencing import Registry, Resource
    except ImportError:  # before jsonschema 4.18
        return jsonschema.Draft202012Validator(schema(name), resolver=jsonschema.RefResolver(schema(name)["$id"], schema(name), schemas))
    registry = Registry().with_resources((uri, Resource.from_contents(one)) for uri, one in schemas.items())
    return jsonschema.Draft202012Validator(schema(name), registry=registry)


def wrong(path: str, data: bytes) -> str | None:
    """What a document violates; None: nothing."""
    name = kind_of(path)
    if not name:
        return f"{path}: it has no schema"
    for text in data.splitlines() if path.endswith(".jsonl") else [data]:
        for error in validator(name).iter_errors(json.loads(text)):
            return f"{path}: {name}.json: at {'/'.join(map(str, error.absolute_path))}: {error.message[:400]}"
    return None
