"""Lines of events.jsonl and of events/ as a table: what a database that loads them has."""
import json
from decimal import Decimal

NUMBERS = ("requests", "inputTokens", "outputTokens", "cacheCreation5mTokens", "cacheCreation1hTokens", "cacheReadTokens",
           "webSearches", "costPicoUSD", "toolUses")


def table(*contents: bytes) -> dict[str, dict]:
    """Rows by id: of each the one with the highest revision, the later of equals."""
    rows: dict[str, dict] = {}
    for content in contents:
        for line in content.splitlines():
            row = json.loads(line, parse_float=Decimal)
            before = rows.get(row["id"])
            if not before or row["revision"] >= before["revision"]:
                rows[row["id"]] = row
    return rows


def total(rows) -> dict[str, int]:
    rows = list(rows)
    return {key: sum(row[key] for row in rows) for key in NUMBERS}


def of_billed(billed: dict) -> dict[str, int]:
    """The same numbers as a document has them."""
    return {"requests": billed["requests"], "inputTokens": billed["inputTokens"], "outputTokens": billed["outputTokens"],
            "cacheCreation5mTokens": billed["cacheCreation5mTokens"], "cacheCreation1hTokens": billed["cacheCreation1hTokens"],
            "cacheReadTokens": billed["cacheReadTokens"], "costPicoUSD": round((billed["costUSD"] or 0) * 10**12)}
