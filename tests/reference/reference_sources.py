"""What Codex rollouts and Gemini chats come to, said once more and as plainly as possible: json.loads, dicts, no cursors.

Counts are a dict of input, output, write, read and tools; `None` for a session that never says what it used.
"""

import json

COMPONENTS = ("input_tokens", "cached_input_tokens", "cache_write_input_tokens", "output_tokens",
              "reasoning_output_tokens", "total_tokens")
TOOLS = ("function_call", "custom_tool_call", "local_shell_call", "web_search_call")


def objects(data: bytes) -> list:
    out = []
    for raw in data.split(b"\n"):
        try:
            value = json.loads(raw.decode("utf-8"))
        except ValueError:
            continue
        if isinstance(value, dict):
            out.append(value)
    return out


def count(value) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63 else 0


def vector(usage) -> tuple:
    return tuple(count(usage.get(key)) for key in COMPONENTS)


def part(value, *keys):
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def codex_vectors(data: bytes) -> list:
    """The cumulative counts of all measurements, replayed ones included."""
    out, last = [], None
    for line in objects(data):
        total = part(line, "payload", "info", "total_token_usage")
        if line.get("type") != "event_msg" or part(line, "payload", "type") != "token_count" or not isinstance(total, dict):
            continue
        now = vector(total)
        if any(now[:5]) and now != last:
            out.append(now)
            last = now
    return out


def codex(data: bytes, known=frozenset()):
    """Totals of one rollout; `known` are the cumulative counts of its parent. Returns (counts or None, models)."""
    sums = dict(input=0, output=0, write=0, read=0, tools=0)
    models, model, before, own, held = {}, None, (0,) * 6, not known, 0
    for line in objects(data):
        kind, payload = line.get("type"), line.get("payload")
        if not isinstance(payload, dict):
            continue
        if kind == "turn_context" and payload.get("model"):
            model = payload["model"]
        if kind == "response_item" and payload.get("type") in TOOLS:
            held += 1
        total, last = part(payload, "info", "total_token_usage"), part(payload, "info", "last_token_usage")
        if kind != "event_msg" or payload.get("type") != "token_count" or not isinstance(total, dict):
            continue
        now = vector(total)
        if not any(now[:5]) or now == before:
            continue
        if isinstance(last, dict):
            used = vector(last)
        elif any(a < b for a, b in zip(now, before)):
            used = now
        else:
            used = tuple(a - b for a, b in zip(now, before))
        before = now
        if not own and now in known:
            held = 0
            continue
        own = True
        plain = max(used[0] - used[1] - used[2], 0) if used[0] > used[1] else 0
        for key, value in (("input", plain), ("read", used[1]), ("write", used[2]), ("output", used[3])):
            sums[key] += value
        models.setdefault(model, 0)
        models[model] += 1
        sums["tools"] += held
        held = 0
    sums["tools"] += held
    return (sums if any(sums[k] for k in ("input", "output", "write", "read")) else None), models


def gemini_messages(data: bytes, whole: bool) -> dict:
    """The last form of each message of the model, by id."""
    out, unnamed = {}, 0
    lines = [json.loads(data)] if whole else objects(data)
    for line in lines:
        again = part(line, "$set", "messages")
        listed = line.get("messages") if isinstance(line.get("messages"), list) else again
        items = [line] if "type" in line else []
        for message in items + (listed if isinstance(listed, list) else []):
            if not isinstance(message, dict):
                continue
            if message.get("type") not in ("gemini", "model") and not isinstance(message.get("tokens"), dict):
                continue
            key = message.get("id")
            if not key:
                key, unnamed = f"#{unnamed}", unnamed + 1
            out[key] = message
    return out


def gemini(messages: dict):
    sums = dict(input=0, output=0, write=0, read=0, tools=0)
    for message in messages.values():
        tokens = message.get("tokens")
        tokens = tokens if isinstance(tokens, dict) else {}
        put, cached = count(tokens.get("input")) + count(tokens.get("tool")), count(tokens.get("cached"))
        sums["input"] += max(put - cached, 0)
        sums["read"] += cached
        sums["output"] += count(tokens.get("output")) + count(tokens.get("thoughts"))
        calls = message.get("toolCalls")
        sums["tools"] += sum(isinstance(call, dict) for call in calls) if isinstance(calls, list) else 0
    return sums if any(sums[k] for k in ("input", "output", "read")) else None
