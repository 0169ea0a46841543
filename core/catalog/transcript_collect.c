/*
 * The sink of a scan: turns records into the state of a transcript, that is, events, requests, names and
 * teams.
 *
 * A complete line is added to the state. The unfinished last one goes into the tail, which the next scan
 * replaces.
 *
 * Names are cut to a bound, so that a transcript cannot fill the memory with them.
 */
#include "catalog/transcript_scan.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/passing.h"
#include "files/file_time.h"
#include "files/walk.h"
#include "history/tags.h"

void transcript_tail_free(struct tail *tail)
{
    if (!tail)
        return;
    free(tail->stamp_text);
    free(tail->agent_name);
    free(tail->model);
    free(tail->line_model);
    free(tail->line_tag);
    free(tail->line_tools);
    oks_requests_free(tail->requests);
    oks_strings_clear(&tail->teams);
    free(tail);
}

static char *copy_slice(struct oks_slice s)
{
    char *copy = malloc(s.len + 1);

    if (!copy)
        return NULL;
    memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return copy;
}

enum { NAME_BYTES_MAX = 4096 };

static struct oks_slice cut(struct oks_slice s)
{
    if (s.len <= NAME_BYTES_MAX)
        return s;
    s.len = NAME_BYTES_MAX;
    while (s.len > 0 && ((unsigned char)s.ptr[s.len] & 0xc0) == 0x80)
        s.len--;
    return s;
}

/* Copies s into *slot, if *slot is empty and s is not. */
static int keep_first(char **slot, struct oks_slice s)
{
    if (*slot || !s.ptr || s.len == 0)
        return 0;
    s = cut(s);
    *slot = copy_slice(s);
    return *slot ? 0 : -ENOMEM;
}

/* --- from record to event --- */

bool transcript_record_event(const struct oks_record *r, struct oks_event *event)
{
    const struct oks_usage *u = &r->message.usage;
    bool any;

    *event = (struct oks_event){.stamp = r->copied ? OKS_STAMP_NONE : oks_record_stamp(r)};
    if (r->copied)
        return false;
    any = !oks_stamp_is_none(event->stamp);
    if (u->present) {
        event->count[OKS_INPUT] = u->input;
        event->count[OKS_OUTPUT] = u->output;
        event->count[OKS_CACHE_CREATION] = u->cache_creation;
        event->count[OKS_CACHE_CREATION_5M] = u->cache_creation_5m;
        event->count[OKS_CACHE_CREATION_1H] = u->cache_creation_1h;
        event->count[OKS_CACHE_READ] = u->cache_read;
    }
    if (r->type == OKS_RECORD_ASSISTANT)
        event->count[OKS_TOOL_USES] = r->tool_uses;
    for (int i = 0; r->counted && i < OKS_COLUMNS; i++)
        event->count[i] -= r->counted[i] < event->count[i] ? r->counted[i] : event->count[i];
    return any || oks_counts_any(event->count);
}

struct collector {
    struct scan_outcome *out;
    const atomic_bool *stop;
    _Atomic int64_t *progress_ns;
    struct oks_slice name;  /* of the file */
    uint64_t events_from;   /* records before this offset are in the events already: only the extras are built
                               again */
    struct oks_events *all; /* of these records as well; NULL: there are none */
    uint64_t line;          /* offset of the last line that names a team */
    struct oks_strings line_teams; /* of that line */
};

static int collect_tail_requests(struct tail *tail, const struct oks_record *r, struct oks_slice name,
                                 const struct oks_requests *before)
{
    int rc;

    if (!r->message.usage.present && !r->nested_present && !r->alias && !r->search_count)
        return 0;
    rc = oks_requests_new(&tail->requests);
    if (rc == 0)
        *requests_edit_runs(tail->requests) = *requests_runs(before);
    if (rc == 0)
        rc = requests_add_record(tail->requests, r, name);
    if (rc < 0 || requests_len(tail->requests) > 0)
        return rc;
    oks_requests_free(tail->requests);
    tail->requests = NULL;
    return 0;
}

static int collect_tail_labels(struct tail *tail, const struct oks_record *r)
{
    const struct tag tag = {r->branch, r->effort};
    char text[TAG_TEXT_MAX], tools[TOOL_SET_MAX];

    if (keep_first(&tail->line_model, r->message.model) < 0 ||
        keep_first(&tail->line_tag, tag_text(&tag, text)) < 0)
        return -ENOMEM;
    return keep_first(&tail->line_tools, tool_set_text(r, tail->event.count[OKS_TOOL_USES], tools));
}

static int collect_tail(struct tail **out, const struct oks_record *r, struct oks_slice name,
                        const struct oks_requests *before)
{
    struct tail *tail = calloc(1, sizeof(*tail));
    struct oks_event event;

    transcript_tail_free(*out);
    *out = tail;
    if (!tail)
        return -ENOMEM;
    tail->counts = transcript_record_event(r, &event);
    tail->event = event;
    if (event.stamp.key == OKS_STAMP_KEY_TEXT) {
        tail->stamp_text = copy_slice((struct oks_slice){event.stamp.text, event.stamp.len});
        if (!tail->stamp_text)
            return -ENOMEM;
        tail->event.stamp.text = tail->stamp_text;
    }
    if (collect_tail_requests(tail, r, name, before) < 0)
        return -ENOMEM;
    if (keep_first(&tail->agent_name, r->agent_name) < 0 || collect_tail_labels(tail, r) < 0)
        return -ENOMEM;
    return r->type == OKS_RECORD_ASSISTANT ? keep_first(&tail->model, r->message.model) : 0;
}

/* The trigger of a compaction is one of a few words; any other is not kept. */
static const char *trigger_of(struct oks_slice s)
{
    static const char *const words[] = {"auto", "manual"};

    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (s.ptr && oks_slice_eq(s, oks_slice_of(words[i])))
            return words[i];
    return "other";
}

static int collect_compaction(struct oks_state *state, const struct oks_record *r)
{
    bool micro = r->subtype.ptr && oks_slice_eq(r->subtype, OKS_SLICE("microcompact_boundary"));
    char time[OKS_STAMP_TEXT] = "-", text[128];
    struct oks_stamp stamp;
    int n, rc;

    if (r->type != OKS_RECORD_SYSTEM || (!r->compact_trigger.ptr && !r->compact_pre_tokens))
        return 0;
    stamp = oks_record_stamp(r);
    if (stamp.key < OKS_STAMP_KEY_TEXT)
        oks_stamp_text(stamp, time);
    n = snprintf(text, sizeof(text), "%llu %llu %c %s %s", (unsigned long long)r->offset,
                 (unsigned long long)r->compact_pre_tokens, micro ? 'm' : 'c', time,
                 trigger_of(r->compact_trigger));
    rc = oks_strings_add(&state->compactions, (struct oks_slice){text, (size_t)n}, OKS_COMPACTIONS_MAX);
    return rc == -ENOMEM ? rc : 0;
}

static int collect_extras(struct oks_state *state, const struct oks_record *r)
{
    int rc = 0;

    if (r->cwd.ptr && r->cwd.len && r->cwd.len < PATH_MAX)
        rc = oks_strings_add(&state->cwds, r->cwd, OKS_CWDS_MAX);
    if (rc == -ENOMEM || collect_compaction(state, r) < 0)
        return -ENOMEM;
    return keep_first(&state->session_id, r->session_id);
}

/* Adds the event to the sums of its labels. An event that only has a time belongs to none. 0 or -ENOMEM */
static int add_to_labels(struct oks_state *state, const struct oks_record *r, struct oks_event *event)
{
    bool stamped = !oks_stamp_is_none(event->stamp);
    struct oks_totals totals = {.events = 1, .stamped = stamped, .first = event->stamp, .last = event->stamp};
    const struct tag tag = {r->branch, r->effort};
    uint64_t calls = event->count[OKS_TOOL_USES];
    char text[TAG_TEXT_MAX], tools[TOOL_SET_MAX];
    int rc;

    if (!oks_event_has_count(event))
        return 0;
    memcpy(totals.count, event->count, sizeof(totals.count));
    rc = oks_models_add(&state->models, cut(r->message.model), &totals, &event->place[OKS_LABEL_MODEL]);
    if (rc == 0)
        rc = oks_models_add(&state->tags, tag_text(&tag, text), &totals, &event->place[OKS_LABEL_TAG]);
    if (rc == 0)
        rc = oks_tool_sets_add(&state->tools, tool_set_text(r, calls, tools), 1, calls,
                               &event->place[OKS_LABEL_TOOLS]);
    return rc;
}

static int collect_record(void *ctx, const struct oks_record *r, bool complete)
{
    struct collector *c = ctx;
    struct oks_state *state = &c->out->gain;
    struct oks_event event;
    bool counts;
    int rc;

    if (c->stop && atomic_load_explicit(c->stop, memory_order_relaxed))
        return -ECANCELED;
    if (c->progress_ns)
        atomic_store_explicit(c->progress_ns, monotonic_ns(), memory_order_relaxed);
    if (!complete)
        return collect_tail(&c->out->tail, r, c->name, state->requests);
    counts = transcript_record_event(r, &event);
    rc = collect_extras(state, r);
    if (rc == 0)
        rc = requests_add_record(state->requests, r, c->name);
    if (rc == 0 && counts)
        rc = add_to_labels(state, r, &event);
    if (rc == 0 && counts && c->all)
        rc = oks_events_append(c->all, &event);
    if (rc < 0 || r->offset < c->events_from)
        return rc;
    rc = keep_first(&state->agent_name, r->agent_name);
    if (rc == 0 && r->type == OKS_RECORD_ASSISTANT)
        rc = keep_first(&state->model, r->message.model);
    if (rc == 0 && counts)
        rc = oks_events_append(state->events, &event);
    return rc;
}

/* The teams of a line that turned out to be complete. */
static int keep_teams(struct collector *c)
{
    struct oks_strings *teams = &c->line_teams;
    int rc = 0;

    for (size_t i = 0; rc != -ENOMEM && i < teams->len; i++)
        rc = oks_strings_add_folded(
            &c->out->gain.teams, (struct oks_slice){teams->items[i].ptr, teams->items[i].len}, OKS_TEAMS_MAX);
    oks_strings_clear(teams);
    return rc == -ENOMEM ? rc : 0;
}

/* Which line is the unfinished one is known at the end only. */
static int collect_team(void *ctx, struct oks_slice name, uint64_t offset)
{
    struct collector *c = ctx;
    int rc = offset != c->line ? keep_teams(c) : 0;

    c->line = offset;
    if (rc == 0)
        rc = oks_strings_add_folded(&c->line_teams, name, OKS_TEAMS_MAX);
    return rc == -ENOMEM ? rc : 0;
}

/* After the last line, with the offset behind the last complete one. */
static int collect_last_teams(struct collector *c, uint64_t cursor)
{
    struct tail **tail = &c->out->tail;

    if (c->line_teams.len == 0 || c->line < cursor)
        return keep_teams(c);
    if (!*tail)
        *tail = calloc(1, sizeof(**tail));
    if (!*tail)
        return -ENOMEM;
    if (!(*tail)->counts)
        (*tail)->event.stamp = OKS_STAMP_NONE;
    (*tail)->teams = c->line_teams;
    c->line_teams = (struct oks_strings){0};
    return 0;
}

/*
 * A small file that is one object over several lines. As one line it goes through the scanner like any other:
 * outside of strings '\r' means the same to JSON as '\n', and inside both are errors.
 */
int transcript_scan_whole(int fd, struct oks_scanner *scanner, const struct oks_sink *sink,
                          struct oks_scan_result *result)
{
    struct stat st;
    size_t size, len = 0;
    char *bytes;
    ssize_t n = 0;
    int rc;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (st.st_size > SOURCE_WHOLE_MAX)
        return -EFBIG;
    size = (size_t)st.st_size;
    bytes = malloc(size + 1);
    if (!bytes)
        return -ENOMEM;
    while (len < size && (n = pread(fd, bytes + len, size - len, (off_t)len)) > 0)
        len += (size_t)n;
    rc = n < 0 ? -errno : 0;
    for (size_t i = 0; i < len; i++)
        if (bytes[i] == '\n')
            bytes[i] = '\r';
    bytes[len] = '\n';
    if (rc == 0)
        rc = oks_scanner_scan_bytes(scanner, bytes, len + 1, 0, sink, result);
    free(bytes);
    result->cursor = len;
    return rc == 0 && result->bad ? -EBADMSG : rc;
}

int transcript_scan_member(const struct source *source, const char *path, struct oks_scanner *scanner,
                           const struct oks_sink *sink, const atomic_bool *cancel,
                           struct oks_scan_result *result)
{
    struct oks_input input = {.read = source->members->read};
    int rc = source->members->open(path, &input.ctx);

    if (rc == 0)
        rc = oks_scanner_scan_input(scanner, &input, sink, cancel, result);
    source->members->close(input.ctx);
    return rc;
}

/*
 * Reads the project's folder from the file beside the transcripts. A missing file, or an empty one, is
 * ignored.
 */
static int collect_marker(const struct transcript *t, struct oks_state *state)
{
    char path[PATH_MAX], text[PATH_MAX];
    struct stat st;
    ssize_t n;
    int fd, rc;

    if (!t->source->marker || state->cwds.len || !t->source->marker(t->path, path, sizeof(path)))
        return 0;
    fd = oks_open_regular(path, &st);
    if (fd < 0)
        return passing(fd);
    n = read(fd, text, sizeof(text) - 1);
    rc = n < 0 ? -errno : 0;
    close(fd);
    if (rc < 0)
        return passing(rc);
    while (n > 0 && strchr(" \t\r\n", text[n - 1]) && text[n - 1])
        n--;
    if (n <= 0 || text[0] != '/' || memchr(text, '\0', (size_t)n))
        return 0;
    n = oks_strings_add(&state->cwds, (struct oks_slice){text, (size_t)n}, OKS_CWDS_MAX);
    return n == -ENOMEM ? -ENOMEM : 0;
}

static int collect_memo(struct oks_scanner *scanner, struct oks_state *state)
{
    char *reader_state;
    int rc = oks_scanner_memo(scanner, &reader_state);

    if (rc < 0)
        return rc;
    free(state->reader_state);
    state->reader_state = reader_state;
    return 0;
}

int scan_outcome_keep_former(struct scan_outcome *out)
{
    out->replace = out->rewritten = false;
    transcript_tail_free(out->tail);
    out->tail = NULL;
    oks_state_clear(&out->gain);
    return oks_state_init(&out->gain);
}

/*
 * Events that okstra's collector has counted do not name models. If the lines before its cursor give the same
 * sums, their events take their place.
 */
static void prefer_own_events(struct oks_state *state, struct oks_events **own)
{
    struct oks_totals a, b;

    oks_events_window(state->events, OKS_STAMP_NONE, OKS_STAMP_NONE, &a);
    oks_events_window(*own, OKS_STAMP_NONE, OKS_STAMP_NONE, &b);
    if (a.events == b.events && a.stamped == b.stamped && memcmp(a.count, b.count, sizeof(a.count)) == 0) {
        struct oks_events *theirs = state->events;

        state->events = *own;
        *own = theirs;
    }
}

static int set_reader(const struct transcript *t, struct oks_scanner *scanner, const char *reader_state,
                      const char *peer_states)
{
    char *peers;
    int rc = about_peers(t->source, t->path, reader_state, peer_states, &peers);

    if (rc == 0)
        rc = source_scanner_set(scanner, t->source->id, reader_state, peers ? peers : peer_states);
    free(peers);
    return rc;
}

/* Whether it is the failure of the file, or of what is beside it: the others are read all the same. */
static bool is_own_failure(int rc)
{
    return rc == -EIO || (!is_passing(rc) && rc != -ECANCELED && rc != -ESTALE);
}

int transcript_collect(const struct transcript *t, int fd, const struct oks_scan_part *part,
                       uint64_t events_from, struct oks_scanner *scanner, const struct scan_options *options,
                       struct scan_outcome *out)
{
    uint64_t from = part->offset;
    struct collector collector = {.out = out,
                                  .stop = options->stop,
                                  .progress_ns = options->progress_ns,
                                  .name = oks_slice_of(t->cache_name),
                                  .events_from = events_from};
    struct oks_sink sink = {.ctx = &collector, .record = collect_record, .team = collect_team};
    struct oks_scan_result result = {.cursor = from};
    const char *reader_state = out->replace ? out->gain.reader_state : t->state.reader_state;
    int rc = set_reader(t, scanner, reader_state ? reader_state : "", options->peer_states);

    if (rc < 0 && !is_own_failure(rc))
        return rc;
    if (rc < 0) {
        out->error = rc;
        return 1;
    }
    if (!out->replace)
        *requests_edit_runs(out->gain.requests) = *requests_runs(t->state.requests);
    if (events_from > from)
        rc = oks_events_new(&collector.all);
    if (rc == 0)
        rc = t->source->members
                 ? transcript_scan_member(t->source, t->path, scanner, &sink, options->cancel, &result)
             : t->whole  ? transcript_scan_whole(fd, scanner, &sink, &result)
             : t->packed ? oks_scanner_scan_packed(scanner, fd, &sink, options->cancel, &result)
                         : oks_scanner_scan_part(scanner, fd, part, &sink, options->cancel, &result);
    if (rc == 0 && collector.all)
        prefer_own_events(&out->gain, &collector.all);
    oks_events_free(collector.all);
    out->bytes_read = result.bytes_read;
    out->more = result.more;
    out->passed.end = result.passed;
    out->bad_start = result.end > from && !result.sound_start;
    if (rc < 0 && !is_own_failure(rc)) {
        oks_strings_clear(&collector.line_teams);
        return rc;
    }
    /*
     * Any other failure is the file's own: what came before it is kept, and the next sync tries the rest
     * again. One that is read as a whole is probably being written at the moment, or torn.
     */
    out->error = rc;
    if (rc < 0 && (t->whole || t->packed)) {
        oks_strings_clear(&collector.line_teams);
        return scan_outcome_keep_former(out);
    }
    if (t->packed)
        result.cursor = out->mark.size;
    rc = collect_last_teams(&collector, t->packed ? UINT64_MAX : result.cursor);
    out->gain.offset = result.cursor > events_from ? result.cursor : events_from;
    out->gain.extra_offset = out->gain.offset;
    out->gain.lines += result.lines;
    out->gain.bad += result.bad;
    out->gain.odd += result.odd;
    if (out->error) {
        transcript_tail_free(out->tail);
        out->tail = NULL;
    }
    if (rc == 0)
        rc = collect_marker(t, &out->gain);
    return rc ? rc : collect_memo(scanner, &out->gain);
}
