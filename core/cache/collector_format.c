/*
 * A file that okstra's collector wrote or rewrote.
 *
 * Nothing vouches for such a file but itself, so all of it must be JSON, and every value of the type and in
 * the bounds that we would have written. The values are judged one event or string at a time
 * (cache_skim.c).
 *
 * The collector carries our key `okstrafs` along without understanding it. It is believed where it speaks of
 * the same offset and as many events as `usage` does now; otherwise it is dropped, and the extras are scanned
 * again.
 *
 * Invariant: a state comes out only if every value of it was present and valid, or is one that may be absent.
 */
#include "cache/cache_parts.h"

#include <errno.h>
#include <stdlib.h>

#include "cache/cache_skim.h"
#include "history/requests.h"

/* --- values --- */

static int number(struct oks_slice value, uint64_t max, uint64_t *out)
{
    if (!value.ptr || value.len == 0 || oks_digits(value.ptr, value.len, max, out) != value.len)
        return OKS_CACHE_MISS;
    return 0;
}

static int digest(struct oks_slice value, uint8_t out[OKS_SHA256_BYTES])
{
    if (value.len != OKS_SHA256_HEX + 1 || value.ptr[0] != '"' || value.ptr[value.len - 1] != '"' ||
        !oks_unhex(value.ptr + 1, out, OKS_SHA256_BYTES))
        return OKS_CACHE_MISS;
    return 0;
}

/* A malloc'ed copy of a string's content, which may be empty. */
static int string(struct oks_slice value, char **out, size_t *len)
{
    struct json_tree tree;
    char *copy;
    int r = value.ptr && value.len > 0 && value.ptr[0] == '"' ? oks_skim_parse(&tree, value) : OKS_CACHE_MISS;

    if (r != 0)
        return r;
    *len = (size_t)json_object_get_string_len(tree.root);
    copy = malloc(*len + 1);
    if (copy)
        *out = memcpy(copy, json_object_get_string(tree.root), *len + 1);
    json_tree_clear(&tree);
    return copy ? 0 : -ENOMEM;
}

/* The same for null or a string; an empty one is as good as none. `raw`: percent-encoded bytes. */
static int nullable(struct oks_slice value, bool raw, char **out)
{
    char *copy;
    size_t len;
    int r;

    if (!value.ptr || oks_skim_is_null(value))
        return 0;
    r = string(value, &copy, &len);
    if (r != 0)
        return r;
    if (raw && oks_unraw(copy, &len) < 0)
        r = OKS_CACHE_MISS;
    copy[len] = '\0';
    if (r != 0 || copy[0] == '\0')
        free(copy);
    else
        *out = copy;
    return r;
}

/* --- what the file says --- */

static bool count_of(json_object *event, const struct oks_cache_key *key, uint64_t *out)
{
    json_object *value;
    char name[sizeof(key->text)];

    memcpy(name, key->text + 1, key->len - 3);
    name[key->len - 3] = '\0';
    if (!json_object_object_get_ex(event, name, &value))
        return true;
    if (!json_object_is_type(value, json_type_int) || json_int64(value) < 0 ||
        json_uint64(value) > OKS_TOKENS_MAX)
        return false;
    *out = json_uint64(value);
    return true;
}

static bool event_of(json_object *json, struct oks_event *out)
{
    json_object *stamp;

    for (unsigned i = 0; i < OKS_COLUMNS; i++)
        if (!count_of(json, &oks_cache_keys[i], &out->count[oks_cache_keys[i].column]))
            return false;
    if (!json_object_object_get_ex(json, "t", &stamp))
        return true;
    if (!json_object_is_type(stamp, json_type_string))
        return false;
    out->stamp = oks_stamp_of(
        (struct oks_slice){json_object_get_string(stamp), (size_t)json_object_get_string_len(stamp)});
    return true;
}

static int add_event(struct oks_slice value, void *ctx)
{
    struct oks_event event = {.stamp = OKS_STAMP_NONE};
    struct json_tree tree;
    int r = value.ptr[0] == '{' ? oks_skim_parse(&tree, value) : OKS_CACHE_MISS;

    if (r != 0)
        return r;
    if (!event_of(tree.root, &event))
        r = OKS_CACHE_MISS;
    else if (oks_events_append(ctx, &event) < 0)
        r = -ENOMEM;
    json_tree_clear(&tree);
    return r;
}

static int read_identity(struct oks_slice value, struct oks_identity *identity)
{
    struct oks_field fields[] = {{.key = "prefixLen"}, {.key = "sha256"}};
    uint64_t len;
    int r = oks_skim_object(value, fields, 2);

    if (r == 0)
        r = number(fields[0].value, OKS_IDENTITY_PREFIX, &len);
    if (r != 0)
        return r;
    identity->len = (uint32_t)len;
    return digest(fields[1].value, identity->sha256);
}

static int read_usage(struct oks_slice value, struct oks_state *state)
{
    struct oks_field fields[] = {
        {.key = "offset"}, {.key = "agentName"}, {.key = "model"}, {.key = "events"}};
    int r = oks_skim_object(value, fields, 4);

    if (r == 0)
        r = number(fields[0].value, INT64_MAX, &state->offset);
    if (r == 0)
        r = nullable(fields[1].value, false, &state->agent_name);
    if (r == 0)
        r = nullable(fields[2].value, false, &state->model);
    return r ? r : oks_skim_each(fields[3].value, add_event, state->events);
}

struct strings_of {
    int (*add)(struct oks_strings *strings, struct oks_slice s, size_t max);
    struct oks_strings *strings;
    size_t max;
};

static int add_string(struct oks_slice value, void *ctx)
{
    struct strings_of *to = ctx;
    char *copy;
    size_t len;
    int r;

    r = string(value, &copy, &len);
    if (r != 0)
        return r;
    r = OKS_CACHE_MISS;
    if (oks_unraw(copy, &len) == 0)
        r = to->add(to->strings, (struct oks_slice){copy, len}, to->max);
    free(copy);
    return r == 0 || r == -ENOMEM ? r : OKS_CACHE_MISS;
}

static int read_tail(struct oks_slice value, struct oks_state *state)
{
    struct oks_field fields[] = {{.key = "len"}, {.key = "sha256"}};
    uint64_t len;
    int r;

    if (oks_skim_is_null(value))
        return 0;
    r = oks_skim_object(value, fields, 2);
    if (r == 0)
        r = number(fields[0].value, UINT32_MAX, &len);
    if (r != 0)
        return r;
    state->tail_len = (uint32_t)len;
    return digest(fields[1].value, state->tail_sha256);
}

static bool span_end(json_object *json, const char *key, struct oks_stamp *out)
{
    json_object *value;

    if (!json_object_object_get_ex(json, key, &value))
        return false;
    if (!value)
        return true;
    if (!json_object_is_type(value, json_type_string))
        return false;
    *out = oks_stamp_of(oks_slice_of(json_object_get_string(value)));
    return out->key < OKS_STAMP_KEY_TEXT;
}

static bool model_of(json_object *json, struct oks_totals *out)
{
    static const struct oks_cache_key events = {"\"n\":", 4, 0}, stamped = {"\"stamped\":", 10, 0};

    if (!count_of(json, &events, &out->events) || !count_of(json, &stamped, &out->stamped))
        return false;
    for (unsigned i = 0; i < OKS_COLUMNS; i++)
        if (!count_of(json, &oks_cache_keys[i], &out->count[oks_cache_keys[i].column]))
            return false;
    return span_end(json, "first", &out->first) && span_end(json, "last", &out->last);
}

static int add_model(struct oks_slice value, void *ctx)
{
    struct oks_totals totals = OKS_TOTALS_NONE;
    struct oks_field name = {.key = "name"};
    struct json_tree tree;
    char *copy = NULL;
    size_t len;
    int r = value.ptr[0] == '{' ? oks_skim_parse(&tree, value) : OKS_CACHE_MISS;

    if (r != 0)
        return r;
    if (!model_of(tree.root, &totals))
        r = OKS_CACHE_MISS;
    json_tree_clear(&tree);
    if (r == 0)
        r = oks_skim_object(value, &name, 1);
    if (r == 0)
        r = string(name.value, &copy, &len);
    if (r == 0)
        r = oks_unraw(copy, &len) < 0 ? OKS_CACHE_MISS
                                      : oks_models_add(ctx, (struct oks_slice){copy, len}, &totals, NULL);
    free(copy);
    return r;
}

static int add_tools(struct oks_slice value, void *ctx)
{
    struct oks_field fields[] = {{.key = "names"}, {.key = "n"}, {.key = "calls"}};
    uint64_t events, calls;
    char *copy = NULL;
    size_t len;
    int r = oks_skim_object(value, fields, 3);

    if (r == 0)
        r = number(fields[1].value, OKS_TOKENS_MAX, &events) |
            number(fields[2].value, OKS_TOKENS_MAX, &calls);
    if (r == 0)
        r = string(fields[0].value, &copy, &len);
    if (r == 0)
        r = oks_unraw(copy, &len) < 0
                ? OKS_CACHE_MISS
                : oks_tool_sets_add(ctx, (struct oks_slice){copy, len}, events, calls, NULL);
    free(copy);
    return r;
}

struct event_places_of {
    struct oks_event_places places;
    bool is_place; /* the next number */
};

static int add_event_place(struct oks_slice value, void *ctx)
{
    struct event_places_of *to = ctx;
    uint64_t n;
    int r = number(value, INT64_MAX, &n);

    if (r == 0)
        r = oks_cache_take_event_place(&to->places, to->is_place, n);
    to->is_place = !to->is_place;
    return r;
}

static int read_event_places(struct oks_slice value, struct oks_state *state, enum oks_label label)
{
    struct event_places_of to = {0};
    int r = oks_skim_each(value, add_event_place, &to);

    if (r == 0)
        r = to.is_place ? OKS_CACHE_MISS : oks_cache_assign_event_places(&to.places, state, label);
    free(to.places.runs);
    return r;
}

/* A row's texts are owned here while it is read. */
struct foreign_row {
    struct oks_cache_row row;
    char *text[3];
    size_t at;
};

static int row_text(struct oks_slice value, struct foreign_row *to)
{
    struct oks_slice *slices[] = {&to->row.message_id, &to->row.request_id, &to->row.stamp};
    size_t len;
    int r;

    if (oks_skim_is_null(value))
        return 0;
    r = string(value, &to->text[to->at], &len);
    if (r == 0 && oks_unraw(to->text[to->at], &len) < 0)
        r = OKS_CACHE_MISS;
    *slices[to->at] = (struct oks_slice){to->text[to->at], r == 0 ? len : 0};
    return r;
}

static int row_key(struct oks_slice value, uint64_t *out)
{
    uint8_t big[8];

    if (value.len != 18 || value.ptr[0] != '"' || value.ptr[17] != '"' || !oks_unhex(value.ptr + 1, big, 8))
        return OKS_CACHE_MISS;
    *out = 0;
    for (size_t i = 0; i < sizeof(big); i++)
        *out = *out << 8 | big[i];
    return 0;
}

static int row_value(struct oks_slice value, void *ctx)
{
    struct foreign_row *to = ctx;
    int r = OKS_CACHE_MISS;

    if (to->at < 3)
        r = row_text(value, to);
    else if (to->at == 3)
        r = row_key(value, &to->row.key);
    else if (to->at < 4 + REQUEST_NUMBERS)
        r = number(value, OKS_TOKENS_MAX, &to->row.number[to->at - 4]);
    to->at++;
    return r;
}

struct requests_of {
    struct oks_requests *requests;
    struct oks_cache_names names;
};

static int add_request(struct oks_slice value, void *ctx)
{
    struct requests_of *to = ctx;
    struct foreign_row row = {0};
    int r = oks_skim_each(value, row_value, &row);

    if (r == 0)
        r = row.at == 4 + REQUEST_NUMBERS ? oks_cache_take_request(to->requests, &row.row, &to->names)
                                          : OKS_CACHE_MISS;
    for (int i = 0; i < 3; i++)
        free(row.text[i]);
    return r;
}

static int read_requests(struct oks_slice value, struct oks_requests *requests)
{
    struct oks_field fields[] = {{.key = "models"}, {.key = "agents"}, {.key = "rows"}, {.key = "history"},
                                 {.key = "after"},  {.key = "runs"},   {.key = "tags"}};
    struct requests_of to = {.requests = requests};
    uint64_t history, after;
    char *runs = NULL;
    int r = value.ptr ? oks_skim_object(value, fields, 7) : OKS_CACHE_MISS;

    if (r == 0)
        r = number(fields[3].value, INT64_MAX, &history) | number(fields[4].value, INT64_MAX, &after);
    if (r == 0)
        r = nullable(fields[5].value, true, &runs);
    if (r == 0 && runs)
        request_runs_read(requests_edit_runs(requests), runs);
    if (r == 0)
        requests_set_history(requests, history, after);
    if (r == 0)
        r = oks_skim_each(fields[0].value, add_string,
                          &(struct strings_of){oks_strings_add, &to.names.models, REQUEST_NAMES_MAX});
    if (r == 0)
        r = oks_skim_each(fields[1].value, add_string,
                          &(struct strings_of){oks_strings_add, &to.names.agents, REQUEST_NAMES_MAX});
    if (r == 0)
        r = oks_skim_each(fields[6].value, add_string,
                          &(struct strings_of){oks_strings_add, &to.names.tags, REQUEST_NAMES_MAX});
    if (r == 0)
        r = oks_skim_each(fields[2].value, add_request, &to);
    oks_strings_clear(&to.names.models);
    oks_strings_clear(&to.names.agents);
    oks_strings_clear(&to.names.tags);
    free(runs);
    return r;
}

enum {
    VERSION,
    OFFSET,
    DEV,
    INO,
    TAIL,
    LINES,
    BAD,
    ODD,
    SESSION_ID,
    TEAMS,
    CWDS,
    COMPACTIONS,
    MODELS,
    TAGS,
    TOOLS,
    EVENT_MODELS, /* in the order of enum oks_label */
    EVENT_TAGS,
    EVENT_TOOLS,
    REQUESTS,
    LABEL,
    LABEL_TEAM,
    MEMO,
    EVENTS,
    SHA256,
    FIELDS
};

static int read_numbers(const struct oks_field *fields, struct oks_state *state)
{
    uint64_t version, events;

    if (number(fields[VERSION].value, INT64_MAX, &version) != 0 || version != OKS_CACHE_ADDITION ||
        number(fields[OFFSET].value, INT64_MAX, &state->extra_offset) != 0 ||
        state->extra_offset != state->offset || number(fields[DEV].value, UINT64_MAX, &state->dev) != 0 ||
        number(fields[INO].value, UINT64_MAX, &state->ino) != 0 ||
        number(fields[LINES].value, INT64_MAX, &state->lines) != 0 ||
        number(fields[BAD].value, INT64_MAX, &state->bad) != 0 ||
        number(fields[ODD].value, INT64_MAX, &state->odd) != 0 ||
        number(fields[EVENTS].value, INT64_MAX, &events) != 0 || events != oks_events_len(state->events))
        return OKS_CACHE_MISS;
    return 0;
}

/* The digest is only looked at for its form: it speaks of a file that is no more. */
static int read_addition(struct oks_slice value, struct oks_state *state)
{
    struct oks_field fields[FIELDS] = {
        [VERSION].key = "version",
        [OFFSET].key = "offset",
        [DEV].key = "dev",
        [INO].key = "ino",
        [TAIL].key = "tail",
        [LINES].key = "lines",
        [BAD].key = "bad",
        [ODD].key = "odd",
        [TEAMS].key = "teams",
        [SESSION_ID].key = "sessionId",
        [CWDS].key = "cwds",
        [EVENTS].key = "events",
        [SHA256].key = "sha256",
        [MODELS].key = "models",
        [TAGS].key = "tags",
        [TOOLS].key = "tools",
        [EVENT_MODELS].key = "eventModels",
        [EVENT_TAGS].key = "eventTags",
        [EVENT_TOOLS].key = "eventTools",
        [REQUESTS].key = "requests",
        [LABEL].key = "label",
        [MEMO].key = "memo",
        [COMPACTIONS].key = "compactions",
        [LABEL_TEAM].key = "labelTeam",
    };
    uint8_t sha256[OKS_SHA256_BYTES];
    int r = oks_skim_object(value, fields, FIELDS);

    if (r == 0)
        r = read_numbers(fields, state);
    if (r == 0)
        r = read_tail(fields[TAIL].value, state);
    if (r == 0)
        r = nullable(fields[SESSION_ID].value, true, &state->session_id);
    if (r == 0)
        r = oks_skim_each(fields[TEAMS].value, add_string,
                          &(struct strings_of){oks_strings_add_folded, &state->teams, OKS_TEAMS_MAX});
    if (r == 0)
        r = oks_skim_each(fields[CWDS].value, add_string,
                          &(struct strings_of){oks_strings_add, &state->cwds, OKS_CWDS_MAX});
    if (r == 0)
        r = oks_skim_each(fields[COMPACTIONS].value, add_string,
                          &(struct strings_of){oks_strings_add, &state->compactions, OKS_COMPACTIONS_MAX});
    if (r == 0)
        r = oks_skim_each(fields[MODELS].value, add_model, &state->models);
    if (r == 0)
        r = oks_skim_each(fields[TAGS].value, add_model, &state->tags);
    if (r == 0)
        r = oks_skim_each(fields[TOOLS].value, add_tools, &state->tools);
    for (int l = 0; r == 0 && l < OKS_LABELS; l++)
        r = read_event_places(fields[EVENT_MODELS + l].value, state, (enum oks_label)l);
    if (r == 0)
        r = read_requests(fields[REQUESTS].value, state->requests);
    if (r == 0)
        r = nullable(fields[LABEL].value, true, &state->label);
    if (r == 0)
        r = nullable(fields[LABEL_TEAM].value, true, &state->label_team);
    if (r == 0)
        r = nullable(fields[MEMO].value, true, &state->reader_state);
    return r ? r : digest(fields[SHA256].value, sha256);
}

static int drop_addition(struct oks_state *state)
{
    struct oks_requests *none;

    if (oks_requests_new(&none) < 0)
        return -ENOMEM;
    oks_requests_free(state->requests);
    state->requests = none;
    free(state->session_id);
    free(state->label);
    free(state->label_team);
    free(state->reader_state);
    state->session_id = state->label = state->label_team = state->reader_state = NULL;
    oks_strings_clear(&state->teams);
    oks_strings_clear(&state->cwds);
    oks_strings_clear(&state->compactions);
    oks_models_clear(&state->models);
    oks_models_clear(&state->tags);
    oks_tool_sets_clear(&state->tools);
    memset(state->tail_sha256, 0, sizeof(state->tail_sha256));
    state->tail_len = 0;
    state->extra_offset = state->dev = state->ino = 0;
    state->lines = state->bad = state->odd = 0;
    return oks_events_forget_places(&state->events);
}

static int read_file(struct oks_slice whole, struct oks_state *state)
{
    struct oks_field fields[] = {
        {.key = "schemaVersion"}, {.key = "identity"}, {.key = "usage"}, {.key = "okstrafs"}};
    uint64_t schema;
    int r = oks_skim_object(whole, fields, 4);

    if (r == 0)
        r = number(fields[0].value, INT64_MAX, &schema);
    if (r == 0 && schema != OKS_CACHE_SCHEMA)
        r = OKS_CACHE_MISS;
    if (r == 0)
        r = read_identity(fields[1].value, &state->identity);
    if (r != 0)
        return r;
    r = read_usage(fields[2].value, state);
    if (r != 0)
        return r;
    r = fields[3].value.ptr ? read_addition(fields[3].value, state) : OKS_CACHE_MISS;
    if (r == OKS_CACHE_MISS && drop_addition(state) < 0)
        r = -ENOMEM;
    return r == -ENOMEM ? r : OKS_CACHE_HIT;
}

int oks_cache_parse_foreign(char *bytes, size_t len, struct oks_state *state)
{
    return read_file((struct oks_slice){bytes, len}, state);
}
