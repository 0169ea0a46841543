// The fields of struct oks_record out of simdjson's DOM: what our scanner extracts, by a peer that wants the
// same. One pass over the members of each object, keys told apart by length first; nothing is looked up
// twice. Team names are not searched for: that spares the peer a walk over everything else.

#include <cstddef>
#include <cstring>
#include <string_view>

#include "bench_simdjson.h"

namespace
{

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;
using std::string_view;

oks_slice text(element value)
{
    string_view s;

    return value.get(s) ? oks_slice{nullptr, 0} : oks_slice{s.data(), s.size()};
}

oks_slice name(element value)
{
    oks_slice s = text(value);

    return s.len ? s : oks_slice{nullptr, 0};
}

uint64_t number(element value, uint64_t &odd)
{
    uint64_t n = 0;

    if (!value.is_null() && (value.get(n) || n > INT64_MAX)) {
        odd++;
        return 0;
    }
    return n;
}

bool is_true(element value)
{
    bool yes;

    return !value.get(yes) && yes;
}

bool equal(oks_slice s, string_view other)
{
    return string_view(s.ptr ? s.ptr : "", s.len) == other;
}

struct usage {
    oks_usage *to;
    bool split = false;
    uint64_t m5 = 0, h1 = 0;
    uint64_t *odd;

    void splits(object from)
    {
        for (auto member : from) {
            if (member.key.size() != 25)
                continue;
            if (member.key == "ephemeral_5m_input_tokens") {
                m5 = number(member.value, *odd);
                split = !member.value.is_null() || split;
            } else if (member.key == "ephemeral_1h_input_tokens") {
                h1 = number(member.value, *odd);
                split = !member.value.is_null() || split;
            }
        }
    }

    // Whether the member was one of these.
    bool take(string_view key, element value)
    {
        object inner;

        switch (key.size()) {
        case 5:
            if (key == "speed")
                return to->speed = text(value), true;
            break;
        case 12:
            if (key == "input_tokens")
                return to->input = number(value, *odd), true;
            if (key == "service_tier")
                return to->service_tier = text(value), true;
            break;
        case 13:
            if (key == "output_tokens")
                return to->output = number(value, *odd), true;
            if (key == "inference_geo")
                return to->inference_geo = text(value), true;
            break;
        case 14:
            if (key == "cache_creation" && !value.get(inner))
                splits(inner);
            break;
        case 15:
            if (key == "server_tool_use" && !value.get(inner))
                for (auto member : inner)
                    if (member.key == "web_search_requests")
                        to->web_search_requests = number(member.value, *odd);
            break;
        case 23:
            if (key == "cache_read_input_tokens")
                return to->cache_read = number(value, *odd), true;
            break;
        case 27:
            if (key == "cache_creation_input_tokens")
                return to->cache_creation = number(value, *odd), true;
            break;
        }
        return false;
    }

    void end()
    {
        to->present = true;
        to->cache_creation_5m = split ? m5 : to->cache_creation;
        to->cache_creation_1h = split ? h1 : 0;
    }
};

bool step_type(oks_slice s, oks_step_type &type)
{
    if (equal(s, "message"))
        type = OKS_STEP_MESSAGE;
    else if (equal(s, "fallback_message"))
        type = OKS_STEP_FALLBACK;
    else if (equal(s, "advisor_message"))
        type = OKS_STEP_ADVISOR;
    else if (equal(s, "compaction"))
        type = OKS_STEP_COMPACTION;
    else
        return false;
    return true;
}

void take_steps(array steps, oks_record *r)
{
    for (element step : steps) {
        object members;
        oks_step to;
        oks_slice type = {nullptr, 0};
        uint64_t odd = 0;

        if (step.get(members))
            continue;
        std::memset(static_cast<void *>(&to), 0, sizeof(to));
        usage u = {&to.usage, false, 0, 0, &odd};
        for (auto member : members) {
            if (u.take(member.key, member.value))
                continue;
            if (member.key == "type")
                type = text(member.value);
            else if (member.key == "model")
                to.model = text(member.value);
        }
        u.end();
        if (!step_type(type, to.type))
            continue;
        if (r->n_steps == OKS_STEPS_MAX) {
            r->steps_dropped++;
            continue;
        }
        r->steps[r->n_steps++] = to;
        if (to.type == OKS_STEP_ADVISOR || to.type == OKS_STEP_COMPACTION)
            r->odd += odd;
    }
}

uint64_t count_tool_uses(array blocks)
{
    uint64_t n = 0;

    for (element block : blocks) {
        object members;

        if (block.get(members))
            continue;
        for (auto member : members)
            if (member.key == "type") {
                n += equal(text(member.value), "tool_use");
                break;
            }
    }
    return n;
}

// `record` is NULL for a message inside of another one.
void take_message(object from, oks_message *to, oks_record *record, uint64_t &odd)
{
    for (auto member : from) {
        object inner;
        array list;

        switch (member.key.size()) {
        case 2:
            if (member.key == "id")
                to->id = text(member.value);
            break;
        case 5:
            if (member.key == "model") {
                to->model = text(member.value);
            } else if (member.key == "usage" && !member.value.get(inner)) {
                usage u = {&to->usage, false, 0, 0, &odd};

                for (auto part : inner)
                    if (!u.take(part.key, part.value) && record && part.key == "iterations" &&
                        !part.value.get(list))
                        take_steps(list, record);
                u.end();
            }
            break;
        case 7:
            if (record && member.key == "content" && !member.value.get(list))
                record->tool_uses = count_tool_uses(list);
            break;
        case 9:
            if (record && member.key == "timestamp" && !record->timestamp.ptr)
                record->timestamp = name(member.value);
            break;
        case 11:
            if (member.key == "stop_reason")
                to->stop_reason = text(member.value);
            break;
        }
    }
}

void take_nested(object data, oks_record *r)
{
    oks_slice type = {nullptr, 0};
    object nest, message;
    bool there = false;
    uint64_t odd = 0;

    for (auto member : data) {
        if (member.key == "type")
            type = text(member.value);
        else if (member.key == "message")
            there = !member.value.get(nest);
    }
    if (!there || !equal(type, "agent_progress"))
        return;
    r->nested_present = true;
    for (auto member : nest) {
        if (member.key == "uuid")
            r->nested_uuid = text(member.value);
        else if (member.key == "requestId")
            r->nested_request_id = text(member.value);
        else if (member.key == "timestamp")
            r->nested_timestamp = text(member.value);
        else if (member.key == "message" && !member.value.get(message))
            take_message(message, &r->nested, nullptr, odd);
    }
}

void take_compact(object from, oks_record *r)
{
    uint64_t odd = 0;

    for (auto member : from) {
        if (member.key == "trigger")
            r->compact_trigger = text(member.value);
        else if (member.key == "preTokens")
            r->compact_pre_tokens = number(member.value, odd);
    }
}

oks_record_type type_of(element value)
{
    oks_slice s = text(value);

    return equal(s, "assistant")    ? OKS_RECORD_ASSISTANT
           : equal(s, "user")       ? OKS_RECORD_USER
           : equal(s, "system")     ? OKS_RECORD_SYSTEM
           : equal(s, "progress")   ? OKS_RECORD_PROGRESS
           : equal(s, "attachment") ? OKS_RECORD_ATTACHMENT
           : equal(s, "summary")    ? OKS_RECORD_SUMMARY
                                    : OKS_RECORD_OTHER;
}

} // namespace

bool simdjson_fields(simdjson::dom::element line, oks_record *r)
{
    object members, data, compact, message;
    bool has_data = false, has_compact = false, has_message = false;

    if (line.get(members))
        return false;
    std::memset(static_cast<void *>(r), 0, offsetof(oks_record, steps));
    std::memset(static_cast<void *>(&r->n_steps), 0, sizeof(*r) - offsetof(oks_record, n_steps));
    for (auto member : members) {
        string_view key = member.key;
        element value = member.value;

        switch (key.size()) {
        case 3:
            if (key == "cwd")
                r->cwd = name(value);
            break;
        case 4:
            if (key == "type")
                r->type = type_of(value);
            else if (key == "uuid")
                r->uuid = name(value);
            else if (key == "data")
                has_data = !value.get(data);
            break;
        case 7:
            if (key == "message")
                has_message = !value.get(message);
            else if (key == "agentId")
                r->agent_id = name(value);
            else if (key == "version")
                r->version = name(value);
            else if (key == "subtype")
                r->subtype = name(value);
            break;
        case 9:
            if (key == "timestamp")
                r->timestamp = name(value);
            else if (key == "sessionId")
                r->session_id = name(value);
            else if (key == "requestId")
                r->request_id = name(value);
            else if (key == "agentName")
                r->agent_name = name(value);
            break;
        case 11:
            if (key == "isSidechain")
                r->is_sidechain = is_true(value);
            break;
        case 15:
            if (key == "compactMetadata")
                has_compact = !value.get(compact);
            break;
        case 16:
            if (key == "isCompactSummary")
                r->is_compact_summary = is_true(value);
            break;
        case 17:
            if (key == "isApiErrorMessage")
                r->is_api_error = is_true(value);
            break;
        case 20:
            if (!has_compact && key == "microcompactMetadata")
                has_compact = !value.get(compact);
            break;
        }
    }
    if (has_message)
        take_message(message, &r->message, r, r->odd);
    if (has_data && r->type == OKS_RECORD_PROGRESS)
        take_nested(data, r);
    if (has_compact && r->type == OKS_RECORD_SYSTEM)
        take_compact(compact, r);
    return true;
}
