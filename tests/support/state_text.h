/*
 * A state as lines of text, there and back: what tests compare, and what cache_tool speaks.
 *
 * Strings are in hex, "-" is none. FIRST and LAST of `by`, and the last five fields of `request`, are in hex.
 *
 *   offset N
 *   identity LEN SHA256
 *   agent HEX            model HEX            session HEX
 *   event I O R C C5 C1 U HEX
 *   extra OFFSET DEV INO LINES BAD ODD
 *   tail LEN SHA256
 *   team HEX             cwd HEX
 *   by HEX N STAMPED I O R C C5 C1 U FIRST LAST      (a model's totals)
 *   request KEY FLAGS FIRST LINE HISTORY I O C5 C1 R W U
 *           MODEL AGENT MESSAGE REQUEST STAMP
 */
#ifndef OKSTRAFS_TESTS_STATE_TEXT_H
#define OKSTRAFS_TESTS_STATE_TEXT_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "history/requests.h"
#include "history/state.h"

static const enum oks_column state_columns[OKS_COLUMNS] = {
    OKS_INPUT,
    OKS_OUTPUT,
    OKS_CACHE_READ,
    OKS_CACHE_CREATION,
    OKS_CACHE_CREATION_5M,
    OKS_CACHE_CREATION_1H,
    OKS_TOOL_USES,
};

static inline void state_put_hex(FILE *out, const char *key, struct oks_slice s)
{
    static const char digits[] = "0123456789abcdef";

    fputs(key, out);
    if (!s.ptr)
        fputc('-', out);
    for (size_t i = 0; i < s.len; i++) {
        putc_unlocked(digits[(unsigned char)s.ptr[i] >> 4], out);
        putc_unlocked(digits[(unsigned char)s.ptr[i] & 15], out);
    }
    fputc('\n', out);
}

static inline int state_put_event(void *ctx, const struct oks_event *event)
{
    char buf[OKS_STAMP_TEXT];
    FILE *out = ctx;

    fputs("event", out);
    for (unsigned i = 0; i < OKS_COLUMNS; i++)
        fprintf(out, event->count[state_columns[i]] ? " %" PRIu64 : " 0", event->count[state_columns[i]]);
    state_put_hex(out, " ", oks_stamp_text(event->stamp, buf));
    return 0;
}

static inline void state_put_model(FILE *out, const char *what, const struct oks_model *model)
{
    char buf[OKS_STAMP_TEXT], *text;
    size_t len;
    FILE *hex = open_memstream(&text, &len);

    state_put_hex(hex, "", oks_slice_of(model->name));
    fclose(hex);
    text[strcspn(text, "\n")] = '\0';
    fprintf(out, "%s %s %" PRIu64 " %" PRIu64, what, *text ? text : "-", model->totals.events,
            model->totals.stamped);
    free(text);
    for (unsigned i = 0; i < OKS_COLUMNS; i++)
        fprintf(out, " %" PRIu64, model->totals.count[state_columns[i]]);
    for (int end = 0; end < 2; end++) {
        hex = open_memstream(&text, &len);
        state_put_hex(hex, " ", oks_stamp_text(end ? model->totals.last : model->totals.first, buf));
        fclose(hex);
        text[strcspn(text, "\n")] = '\0';
        fputs(text, out);
        free(text);
    }
    fputc('\n', out);
}

struct state_requests_ {
    FILE *out;
    const struct oks_requests *requests;
};

static inline void state_put_hex_field(FILE *out, struct oks_slice s)
{
    fputc(' ', out);
    if (s.len == 0)
        fputc('-', out);
    for (size_t i = 0; i < s.len; i++)
        fprintf(out, "%02x", (unsigned char)s.ptr[i]);
}

static inline int state_put_request(void *ctx, size_t i, const struct request_row *row)
{
    const struct state_requests_ *to = ctx;
    const struct oks_request *r = &row->request;
    const struct oks_spend *s = &r->spend;
    char buf[OKS_STAMP_TEXT];

    fprintf(to->out, "request %016" PRIx64 " %d%d%d%d%d%d%d%d%d%d%d", r->key, r->sidechain, r->settled,
            (int)r->part, r->second_hand, (int)s->speed, (int)s->geo, (int)s->tier, r->free, r->doubtful,
            r->alias, r->restamped);
    fprintf(to->out, " %" PRIu64 " %" PRIu64 " %" PRIu64, row->first, row->line, row->history);
    fprintf(to->out,
            " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64,
            s->input, s->output, s->cache_5m, s->cache_1h, s->cache_read, s->web_searches, r->tool_uses,
            s->context);
    state_put_hex_field(to->out, requests_model(to->requests, row->model));
    state_put_hex_field(to->out, requests_agent(to->requests, row->agent));
    state_put_hex_field(to->out, row->message_id);
    state_put_hex_field(to->out, row->request_id);
    state_put_hex_field(to->out, oks_stamp_text(r->stamp, buf));
    state_put_hex_field(to->out, requests_tag(to->requests, row->tag));
    fputc('\n', to->out);
    return 0;
}

/* The places of an event, where they are known and not the first. */
static inline int state_put_places(void *ctx, const struct oks_event *event)
{
    bool other = false;

    for (int l = 0; l < OKS_LABELS; l++)
        other |= event->place[l] != 0 && event->place[l] != OKS_PLACE_UNKNOWN;
    if (other)
        fprintf(ctx, "xplaces %u %u %u %" PRIu64 "\n", event->place[0], event->place[1], event->place[2],
                event->count[OKS_INPUT]);
    return 0;
}

static inline void state_put(FILE *out, const struct oks_state *state)
{
    char hex[OKS_SHA256_HEX];

    oks_hex(state->identity.sha256, OKS_SHA256_BYTES, hex);
    fprintf(out, "offset %" PRIu64 "\nidentity %u %s\n", state->offset, state->identity.len, hex);
    state_put_hex(out, "agent ", oks_slice_of(state->agent_name));
    state_put_hex(out, "model ", oks_slice_of(state->model));
    state_put_hex(out, "session ", oks_slice_of(state->session_id));
    if (state->label)
        state_put_hex(out, "label ", oks_slice_of(state->label));
    if (state->label_team)
        state_put_hex(out, "label team ", oks_slice_of(state->label_team));
    if (state->reader_state)
        state_put_hex(out, "memo ", oks_slice_of(state->reader_state));
    fprintf(out, "extra %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
            state->extra_offset, state->dev, state->ino, state->lines, state->bad, state->odd);
    oks_hex(state->tail_sha256, OKS_SHA256_BYTES, hex);
    fprintf(out, "tail %u %s\n", state->tail_len, hex);
    for (size_t i = 0; i < state->teams.len; i++)
        state_put_hex(out, "team ", (struct oks_slice){state->teams.items[i].ptr, state->teams.items[i].len});
    for (size_t i = 0; i < state->cwds.len; i++)
        state_put_hex(out, "cwd ", (struct oks_slice){state->cwds.items[i].ptr, state->cwds.items[i].len});
    for (size_t i = 0; i < state->compactions.len; i++)
        fprintf(out, "compaction %s\n", state->compactions.items[i].ptr);
    for (size_t i = 0; i < state->models.len; i++)
        state_put_model(out, "by", &state->models.items[i]);
    for (size_t i = 0; i < state->tags.len; i++)
        state_put_model(out, "ktag", &state->tags.items[i]);
    for (size_t i = 0; i < state->tools.len; i++) {
        const struct oks_tool_set *set = &state->tools.items[i];

        fprintf(out, "utools %" PRIu64 " %" PRIu64, set->events, set->calls);
        state_put_hex_field(out, oks_slice_of(set->text));
        fputc('\n', out);
    }
    oks_events_each(state->events, state_put_places, out);
    oks_events_each(state->events, state_put_event, out);
    if (requests_history(state->requests))
        fprintf(out, "history %" PRIu64 " %" PRIu64 "\n", requests_history(state->requests),
                requests_after(state->requests));
    if (!request_runs_none(requests_runs(state->requests))) {
        char *going = request_runs_text(requests_runs(state->requests));

        fprintf(out, "going %s\n", going);
        free(going);
    }
    requests_each_whole(state->requests, state_put_request, &(struct state_requests_){out, state->requests});
}

/* malloc'ed */
static inline char *state_text(const struct oks_state *state)
{
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    state_put(out, state);
    fclose(out);
    return text;
}

/* Turns hex into bytes in place; *len of them, NUL behind. NULL for "-". */
static inline char *state_unhex(char *hex, size_t *len)
{
    size_t n = strlen(hex) / 2;

    if (strcmp(hex, "-") == 0)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        unsigned byte = 0;

        sscanf(hex + 2 * i, "%2x", &byte);
        hex[i] = (char)byte;
    }
    hex[n] = '\0';
    *len = n;
    return hex;
}

static inline void state_take_digest(char *hex, uint8_t out[OKS_SHA256_BYTES])
{
    size_t len = 0;
    char *bytes = state_unhex(hex, &len);

    if (bytes && len == OKS_SHA256_BYTES)
        memcpy(out, bytes, len);
}

static inline void state_take_event(const char *rest, struct oks_state *state)
{
    struct oks_event event = {.stamp = OKS_STAMP_NONE};
    char stamp[512], *text;
    int used = 0, n;
    size_t len = 0;

    for (unsigned i = 0; i < OKS_COLUMNS; i++) {
        if (sscanf(rest + used, "%" SCNu64 "%n", &event.count[state_columns[i]], &n) != 1)
            abort();
        used += n;
    }
    if (sscanf(rest + used, " %511s", stamp) == 1 && (text = state_unhex(stamp, &len)))
        event.stamp = oks_stamp_of((struct oks_slice){text, len});
    if (oks_events_append(state->events, &event) < 0)
        abort();
}

static inline void state_take_model(char *rest, struct oks_models *to)
{
    struct oks_totals totals = OKS_TOTALS_NONE;
    char *save, *name = strtok_r(rest, " ", &save), *field, *text;
    size_t len = 0;

    name = strcmp(name, "-") == 0 ? "" : state_unhex(name, &len);
    totals.events = strtoull(strtok_r(NULL, " ", &save), NULL, 10);
    totals.stamped = strtoull(strtok_r(NULL, " ", &save), NULL, 10);
    for (unsigned i = 0; i < OKS_COLUMNS; i++)
        totals.count[state_columns[i]] = strtoull(strtok_r(NULL, " ", &save), NULL, 10);
    for (int end = 0; end < 2; end++) {
        struct oks_stamp *end_of = end ? &totals.last : &totals.first;

        field = strtok_r(NULL, " ", &save);
        text = field ? state_unhex(field, &len) : NULL;
        if (text)
            *end_of = oks_stamp_of((struct oks_slice){text, len});
    }
    if (oks_models_add(to, oks_slice_of(name), &totals, NULL) < 0)
        abort();
}

static inline void state_take_tools(char *rest, struct oks_state *state)
{
    char *save, *events = strtok_r(rest, " ", &save), *calls = strtok_r(NULL, " ", &save), *text;
    size_t len = 0;

    text = state_unhex(strtok_r(NULL, " ", &save), &len);
    if (oks_tool_sets_add(&state->tools, oks_slice_of(text ? text : ""), strtoull(events, NULL, 10),
                          strtoull(calls, NULL, 10), NULL) < 0)
        abort();
}

static inline void state_take_request(char *rest, struct oks_state *state)
{
    struct request_row row = {0};
    struct oks_slice text[6] = {{0}};
    uint64_t n[11];
    char flags[16] = "", *save, *field = strtok_r(rest, " ", &save);

    row.request.key = strtoull(field, NULL, 16);
    snprintf(flags, sizeof(flags), "%s", strtok_r(NULL, " ", &save));
    for (int i = 0; i < 11; i++)
        n[i] = strtoull(strtok_r(NULL, " ", &save), NULL, 10);
    for (int i = 0; i < 6; i++)
        text[i].ptr = state_unhex(strtok_r(NULL, " ", &save), &text[i].len);
    row.request.tag = text[5];
    row.first = n[0];
    row.line = n[1];
    row.history = n[2];
    row.request.spend = (struct oks_spend){.input = n[3],
                                           .output = n[4],
                                           .cache_5m = n[5],
                                           .cache_1h = n[6],
                                           .cache_read = n[7],
                                           .web_searches = n[8],
                                           .context = n[10],
                                           .speed = (enum oks_speed)(flags[4] - '0'),
                                           .geo = (enum oks_geo)(flags[5] - '0'),
                                           .tier = (enum oks_tier)(flags[6] - '0')};
    row.request.tool_uses = n[9];
    row.request.sidechain = flags[0] == '1';
    row.request.settled = flags[1] == '1';
    row.request.part = (enum oks_part)(flags[2] - '0');
    row.request.free = flags[7] == '1';
    row.request.doubtful = flags[8] == '1';
    row.request.second_hand = flags[3] == '1';
    row.request.alias = flags[9] == '1';
    row.request.restamped = flags[10] == '1';
    row.message_id = text[2];
    row.request_id = text[3];
    row.request.stamp = oks_stamp_of(text[4]);
    if (requests_append(state->requests, &row, text[0], text[1]) < 0)
        abort();
}

static inline void state_take_line(char *line, struct oks_state *state)
{
    char *rest = strchr(line, ' ') ? strchr(line, ' ') + 1 : line, *bytes;
    char digest[OKS_SHA256_HEX] = "";
    size_t len = 0;

    switch (line[0]) {
    case 'o':
        state->offset = strtoull(rest, NULL, 10);
        return;
    case 'i':
        sscanf(rest, "%u %64s", &state->identity.len, digest);
        state_take_digest(digest, state->identity.sha256);
        return;
    case 'e':
        if (line[1] == 'v')
            state_take_event(rest, state);
        else
            sscanf(rest, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
                   &state->extra_offset, &state->dev, &state->ino, &state->lines, &state->bad, &state->odd);
        return;
    }
    if (strncmp(line, "tail", 4) == 0) {
        sscanf(rest, "%u %64s", &state->tail_len, digest);
        state_take_digest(digest, state->tail_sha256);
        return;
    }
    if (strncmp(line, "going", 5) == 0) {
        request_runs_read(requests_edit_runs(state->requests), rest);
        return;
    }
    if (strncmp(line, "history", 7) == 0) {
        requests_set_history(state->requests, strtoull(rest, NULL, 10),
                             strtoull(strchr(rest, ' '), NULL, 10));
        return;
    }
    if (line[0] == 'r') {
        state_take_request(rest, state);
        return;
    }
    if (line[0] == 'b') {
        state_take_model(rest, &state->models);
        return;
    }
    if (line[0] == 'k') {
        state_take_model(rest, &state->tags);
        return;
    }
    if (line[0] == 'u') {
        state_take_tools(rest, state);
        return;
    }
    if (line[0] == 'x')
        return;
    bytes = state_unhex(rest, &len);
    if (!bytes)
        return;
    if (line[0] == 'a')
        state->agent_name = strdup(bytes);
    else if (line[0] == 'm')
        state->model = strdup(bytes);
    else if (line[0] == 's')
        state->session_id = strdup(bytes);
    else if (line[0] == 't')
        oks_strings_add_folded(&state->teams, (struct oks_slice){bytes, len}, OKS_TEAMS_MAX);
    else
        oks_strings_add(&state->cwds, (struct oks_slice){bytes, len}, OKS_CWDS_MAX);
}

/* Into an empty state. */
static inline void state_take(FILE *in, struct oks_state *state)
{
    char *line = NULL;
    size_t room = 0;

    while (getline(&line, &room, in) > 0) {
        line[strcspn(line, "\n")] = '\0';
        state_take_line(line, state);
    }
    free(line);
}

#endif
