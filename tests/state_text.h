/*
 * A state as lines of text, there and back: what tests compare, and what tests/cache_tool.c speaks. Strings
 * are in hex, "-" is none.
 *
 *   offset N
 *   identity LEN SHA256
 *   agent HEX            model HEX            session HEX
 *   event I O R C C5 C1 U HEX
 *   extra OFFSET DEV INO LINES BAD ODD
 *   tail LEN SHA256
 *   team HEX             cwd HEX
 *   by HEX N STAMPED I O R C C5 C1 U FIRST LAST      (a model's totals; FIRST and LAST in hex)
 */
#ifndef OKSTRAFS_TESTS_STATE_TEXT_H
#define OKSTRAFS_TESTS_STATE_TEXT_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "okstrafs/state.h"

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

static inline void state_put_model(FILE *out, const struct oks_model *model)
{
    char buf[OKS_STAMP_TEXT], *text;
    size_t len;
    FILE *hex = open_memstream(&text, &len);

    state_put_hex(hex, "by ", oks_slice_of(model->name));
    fclose(hex);
    text[strcspn(text, "\n")] = '\0';
    fprintf(out, "%s %" PRIu64 " %" PRIu64, text[3] ? text : "by -", model->totals.events,
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

static inline void state_put(FILE *out, const struct oks_state *state)
{
    char hex[OKS_SHA256_HEX];

    oks_hex(state->identity.sha256, OKS_SHA256_BYTES, hex);
    fprintf(out, "offset %" PRIu64 "\nidentity %u %s\n", state->offset, state->identity.len, hex);
    state_put_hex(out, "agent ", oks_slice_of(state->agent_name));
    state_put_hex(out, "model ", oks_slice_of(state->model));
    state_put_hex(out, "session ", oks_slice_of(state->session_id));
    fprintf(out, "extra %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
            state->extra_offset, state->dev, state->ino, state->lines, state->bad, state->odd);
    oks_hex(state->tail_sha256, OKS_SHA256_BYTES, hex);
    fprintf(out, "tail %u %s\n", state->tail_len, hex);
    for (size_t i = 0; i < state->teams.len; i++)
        state_put_hex(out, "team ", (struct oks_slice){state->teams.items[i].ptr, state->teams.items[i].len});
    for (size_t i = 0; i < state->cwds.len; i++)
        state_put_hex(out, "cwd ", (struct oks_slice){state->cwds.items[i].ptr, state->cwds.items[i].len});
    for (size_t i = 0; i < state->models.len; i++)
        state_put_model(out, &state->models.items[i]);
    oks_events_each(state->events, state_put_event, out);
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

static inline void state_take_model(char *rest, struct oks_state *state)
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
        struct oks_stamp *to = end ? &totals.last : &totals.first;

        field = strtok_r(NULL, " ", &save);
        text = field ? state_unhex(field, &len) : NULL;
        if (text)
            *to = oks_stamp_of((struct oks_slice){text, len});
    }
    if (oks_models_add(&state->models, oks_slice_of(name), &totals) < 0)
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
    if (line[0] == 'b') {
        state_take_model(rest, state);
        return;
    }
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
