/*
 * From bytes to events, incrementally.
 *
 * A transcript is append-only, so a scan starts at the cursor and reads only what came since. Three things
 * can make that wrong, and each sends the scan back to byte 0: the first bytes are no longer those that we
 * know (the file was replaced), the file is shorter than the cursor (it was truncated), or it is another
 * inode. Bytes behind the cursor are otherwise never looked at again, except for the few that verify=tail
 * compares on request.
 *
 * Invariants: a scan works on its own outcome and never on the transcript, so readers see the old state until
 * the commit; the cursor only ever stands behind a newline; the unfinished last line lives in `tail` and
 * nowhere else.
 */
#include "transcript.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "okstrafs/discover.h"

static int64_t nanoseconds(struct timespec ts)
{
    return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static struct file_mark mark_of(const struct stat *st)
{
    return (struct file_mark){
        .dev = st->st_dev,
        .ino = st->st_ino,
        .size = (uint64_t)st->st_size,
        .mtime_ns = nanoseconds(st->st_mtim),
        .ctime_ns = nanoseconds(st->st_ctim),
    };
}

static bool mark_equal(const struct file_mark *a, const struct file_mark *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->mtime_ns == b->mtime_ns &&
           a->ctime_ns == b->ctime_ns;
}

static void tail_clear(struct tail *tail)
{
    free(tail->stamp_text);
    free(tail->agent_name);
    free(tail->model);
    free(tail->line_model);
    *tail = (struct tail){.event.stamp = OKS_STAMP_NONE};
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

/* Longer names are cut, at a character: a name is for people, and must not hold a stranger's megabytes in
 * memory. */
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

/* *slot = a copy of s, where it has none yet and s is something. */
static int keep_first(char **slot, struct oks_slice s)
{
    if (*slot || !s.ptr || s.len == 0)
        return 0;
    s = cut(s);
    *slot = copy_slice(s);
    return *slot ? 0 : -ENOMEM;
}

/* --- the head and the tail of the file ---------------------------------------------------------------------
 */

static ssize_t read_at(int fd, void *buf, size_t len, uint64_t offset)
{
    size_t got = 0;

    while (got < len) {
        ssize_t n = pread(fd, (char *)buf + got, len - got, (off_t)(offset + got));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

struct head {
    uint8_t bytes[OKS_IDENTITY_PREFIX];
    uint32_t len;
};

static int head_read(int fd, struct head *head)
{
    ssize_t n = read_at(fd, head->bytes, sizeof(head->bytes), 0);

    if (n < 0)
        return (int)n;
    head->len = (uint32_t)n;
    return 0;
}

static bool identity_matches(const struct oks_identity *identity, const struct head *head)
{
    uint8_t hash[OKS_SHA256_BYTES];

    return identity->len <= head->len && oks_sha256(head->bytes, identity->len, hash) == 0 &&
           memcmp(hash, identity->sha256, sizeof(hash)) == 0;
}

static int tail_hash(int fd, uint64_t cursor, uint32_t len, uint8_t out[OKS_SHA256_BYTES])
{
    uint8_t bytes[OKS_IDENTITY_PREFIX];
    ssize_t n = read_at(fd, bytes, len, cursor - len);

    if (n != (ssize_t)len)
        return n < 0 ? (int)n : -EIO;
    return oks_sha256(bytes, len, out);
}

static bool tail_matches(int fd, const struct oks_state *state)
{
    uint8_t hash[OKS_SHA256_BYTES];

    if (state->tail_len == 0)
        return true;
    if (state->tail_len > OKS_IDENTITY_PREFIX || state->tail_len > state->offset)
        return false;
    return tail_hash(fd, state->offset, state->tail_len, hash) == 0 &&
           memcmp(hash, state->tail_sha256, sizeof(hash)) == 0;
}

/* Whether what we know still holds for the file as it is now. */
static bool still_valid(int fd, const struct oks_state *state, const struct head *head,
                        const struct file_mark *mark, bool verify_tail)
{
    if (state->offset > mark->size || !identity_matches(&state->identity, head))
        return false;
    if (state->ino && (state->ino != mark->ino || state->dev != mark->dev))
        return false;
    return !verify_tail || tail_matches(fd, state);
}

/* --- from record to event --- */

/* Fills *event; false where the record adds nothing to any total. */
static bool event_of(const struct oks_record *r, struct oks_event *event)
{
    const struct oks_usage *u = &r->message.usage;
    bool any;

    *event = (struct oks_event){.stamp = oks_stamp_of(r->timestamp)};
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
    for (int i = 0; i < OKS_COLUMNS; i++)
        any |= event->count[i] != 0;
    return any;
}

struct collector {
    struct scan_outcome *out;
    const atomic_bool *stop;
    uint64_t
        events_from; /* records before this offset are already in the events: only the extras are rebuilt */
};

static int collect_tail(struct tail *tail, const struct oks_record *r)
{
    struct oks_event event;

    tail_clear(tail);
    tail->present = true;
    tail->counts = event_of(r, &event);
    tail->event = event;
    if (event.stamp.key == OKS_STAMP_KEY_TEXT) {
        tail->stamp_text = copy_slice((struct oks_slice){event.stamp.text, event.stamp.len});
        if (!tail->stamp_text)
            return -ENOMEM;
        tail->event.stamp.text = tail->stamp_text;
    }
    if (keep_first(&tail->agent_name, r->agent_name) < 0 ||
        keep_first(&tail->line_model, r->message.model) < 0)
        return -ENOMEM;
    return r->type == OKS_RECORD_ASSISTANT ? keep_first(&tail->model, r->message.model) : 0;
}

static int collect_extras(struct oks_state *state, const struct oks_record *r)
{
    int rc = 0;

    if (r->cwd.ptr && r->cwd.len && r->cwd.len < PATH_MAX)
        rc = oks_strings_add(&state->cwds, r->cwd, OKS_CWDS_MAX);
    if (rc == -ENOMEM)
        return rc;
    return keep_first(&state->session_id, r->session_id);
}

/* Events that only carry a time belong to no model. */
static int collect_model(struct oks_state *state, const struct oks_record *r, const struct oks_event *event)
{
    bool stamped = !oks_stamp_is_none(event->stamp);
    struct oks_totals totals = {.events = 1, .stamped = stamped, .first = event->stamp, .last = event->stamp};
    uint64_t any = 0;

    memcpy(totals.count, event->count, sizeof(totals.count));
    for (int i = 0; i < OKS_COLUMNS; i++)
        any |= event->count[i];
    return any ? oks_models_add(&state->models, cut(r->message.model), &totals) : 0;
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
    if (!complete)
        return collect_tail(&c->out->tail, r);
    counts = event_of(r, &event);
    rc = collect_extras(state, r);
    if (rc == 0 && counts)
        rc = collect_model(state, r, &event);
    if (rc < 0 || r->offset < c->events_from)
        return rc;
    rc = keep_first(&state->agent_name, r->agent_name);
    if (rc == 0 && r->type == OKS_RECORD_ASSISTANT)
        rc = keep_first(&state->model, r->message.model);
    if (rc == 0 && counts)
        rc = oks_events_append(state->events, &event);
    return rc;
}

static int collect_team(void *ctx, struct oks_slice name, uint64_t offset)
{
    struct collector *c = ctx;
    int rc = oks_strings_add_folded(&c->out->gain.teams, name, OKS_TEAMS_MAX);

    return rc == -ENOMEM ? rc : 0;
}

/* --- one scan --- */

static int identity_renew(struct oks_state *state, const struct head *head)
{
    state->identity.len = head->len;
    return oks_sha256(head->bytes, head->len, state->identity.sha256);
}

static void tail_renew(int fd, struct oks_state *state)
{
    uint32_t len = state->offset < OKS_IDENTITY_PREFIX ? (uint32_t)state->offset : OKS_IDENTITY_PREFIX;

    state->tail_len = len && tail_hash(fd, state->offset, len, state->tail_sha256) == 0 ? len : 0;
}

/* Runs the scanner over [from, end of file) into the outcome. */
static int run_scanner(int fd, uint64_t from, uint64_t events_from, struct oks_scanner *scanner,
                       const struct scan_options *options, struct scan_outcome *out)
{
    struct collector collector = {.out = out, .stop = options->stop, .events_from = events_from};
    struct oks_sink sink = {.ctx = &collector, .record = collect_record, .team = collect_team};
    struct oks_scan_result result = {.cursor = from};
    int rc = oks_scanner_scan_fd(scanner, fd, from, &sink, options->cancel, &result);

    out->bytes_read = result.bytes_read;
    if (rc == -ENOMEM || rc == -ECANCELED)
        return rc;
    /* Any other failure is the file's: what came before it is kept, and the rest is tried again next time. */
    out->error = rc;
    out->gain.offset = result.cursor > events_from ? result.cursor : events_from;
    out->gain.extra_offset = out->gain.offset;
    out->gain.lines += result.lines;
    out->gain.bad += result.bad;
    out->gain.odd += result.odd;
    if (rc < 0)
        tail_clear(&out->tail);
    return 0;
}

/* Decides what to build on: the transcript itself (0), its cache file, or nothing; the latter two fill
 * out->gain. */
static int choose_base(const struct transcript *t, int fd, const struct head *head,
                       const struct scan_options *options, struct scan_outcome *out)
{
    int rc;

    if (t->loaded && !t->dropped && still_valid(fd, &t->state, head, &out->mark, options->verify_tail))
        return 0;
    out->replace = true;
    if ((t->loaded && !t->dropped) || !options->cache)
        return 0;
    rc = oks_cache_load(options->cache, t->cache_folder, t->cache_name, &out->gain);
    if (rc < 0)
        return rc;
    out->cache_hit =
        rc == OKS_CACHE_HIT && still_valid(fd, &out->gain, head, &out->mark, options->verify_tail);
    out->cache_miss = !out->cache_hit;
    return out->cache_hit || rc != OKS_CACHE_HIT ? 0 : oks_state_reset(&out->gain);
}

/* A cache written by okstra's collector has the events but not our extras: those are read again from the
 * start. */
static void drop_extras(struct oks_state *state)
{
    state->lines = state->bad = state->odd = 0;
    oks_strings_clear(&state->teams);
    oks_strings_clear(&state->cwds);
    oks_models_clear(&state->models);
    free(state->session_id);
    state->session_id = NULL;
}

static int scan_open_file(const struct transcript *t, int fd, struct oks_scanner *scanner,
                          const struct scan_options *options, struct scan_outcome *out)
{
    struct head head;
    uint64_t from, events_from;
    int rc = head_read(fd, &head);

    if (rc < 0) {
        out->error = rc;
        return 0;
    }
    rc = choose_base(t, fd, &head, options, out);
    if (rc < 0)
        return rc;
    from = events_from = out->replace ? out->gain.offset : t->state.offset;
    if (out->replace && out->gain.extra_offset != out->gain.offset) {
        drop_extras(&out->gain);
        from = 0;
    }
    out->gain.offset = events_from;
    rc = run_scanner(fd, from, events_from, scanner, options, out);
    if (rc < 0)
        return rc;
    out->gain.dev = out->mark.dev;
    out->gain.ino = out->mark.ino;
    if (options->verify_tail)
        tail_renew(fd, &out->gain);
    return identity_renew(&out->gain, &head);
}

static bool tail_same(const struct tail *a, const struct tail *b)
{
    return !a->present && !b->present;
}

static bool is_shorter_than(int fd, uint64_t offset)
{
    struct stat st;

    return fstat(fd, &st) == 0 && (uint64_t)st.st_size < offset;
}

/* *cut: the file lost bytes that the outcome counts, while it was being read. */
static int scan_once(const struct transcript *t, struct oks_scanner *scanner,
                     const struct scan_options *options, struct scan_outcome *out, bool *cut)
{
    struct stat st;
    int fd, rc;

    *cut = false;
    *out = (struct scan_outcome){.mark = t->mark, .tail.event.stamp = OKS_STAMP_NONE};
    rc = oks_state_init(&out->gain);
    if (rc < 0)
        return rc;
    fd = oks_open_regular(t->path, &st);
    if (fd < 0) {
        /* A FIFO or a link that took its place is no transcript any more. */
        out->gone = fd == -ENOENT || fd == -ENOTDIR || fd == -EINVAL || fd == -ELOOP;
        out->error = fd;
        out->changed = out->gone || t->error != fd;
        /* Out of descriptors or memory is our trouble, not the file's: no answer is better than a smaller
         * total. */
        return fd == -ENOMEM || fd == -EMFILE || fd == -ENFILE ? fd : 0;
    }
    out->mark = mark_of(&st);
    /* Only bytes behind the cursor matter, so equal marks prove equality where no unfinished line waits
     * there. */
    if (t->loaded && !t->touched && !t->wanted && !t->error && !t->tail.present &&
        t->state.offset == out->mark.size && mark_equal(&t->mark, &out->mark)) {
        close(fd);
        return 0;
    }
    rc = scan_open_file(t, fd, scanner, options, out);
    *cut = rc == 0 && !out->error && is_shorter_than(fd, out->gain.offset);
    close(fd);
    out->changed = out->replace || out->error != t->error || !mark_equal(&t->mark, &out->mark) ||
                   out->gain.offset != t->state.offset || !tail_same(&t->tail, &out->tail);
    return rc;
}

enum { CUT_TRIES = 8 }; /* whoever cuts faster than we read gets what there was */

int transcript_scan(const struct transcript *t, struct oks_scanner *scanner,
                    const struct scan_options *options, struct scan_outcome *out)
{
    bool cut;
    int rc = scan_once(t, scanner, options, out, &cut);

    for (int i = 1; cut && i < CUT_TRIES; i++) {
        scan_outcome_clear(out);
        rc = scan_once(t, scanner, options, out, &cut);
    }
    return rc;
}

/* --- putting it in place --- */

static int append_event(void *ctx, const struct oks_event *event)
{
    return oks_events_append(ctx, event);
}

static void move_first(char **to, char **from)
{
    if (*to)
        return;
    *to = *from;
    *from = NULL;
}

static int add_strings(struct oks_strings *to, const struct oks_strings *from, size_t max, bool folded)
{
    for (size_t i = 0; i < from->len; i++) {
        struct oks_slice s = {from->items[i].ptr, from->items[i].len};
        int rc = folded ? oks_strings_add_folded(to, s, max) : oks_strings_add(to, s, max);

        if (rc == -ENOMEM)
            return rc;
    }
    return 0;
}

static int commit_gain(struct oks_state *to, struct oks_state *gain)
{
    int rc = oks_events_each(gain->events, append_event, to->events);

    if (rc == 0)
        rc = add_strings(&to->teams, &gain->teams, OKS_TEAMS_MAX, true);
    if (rc == 0)
        rc = add_strings(&to->cwds, &gain->cwds, OKS_CWDS_MAX, false);
    if (rc == 0)
        rc = oks_models_merge(&to->models, &gain->models);
    if (rc < 0)
        return rc;
    move_first(&to->agent_name, &gain->agent_name);
    move_first(&to->model, &gain->model);
    move_first(&to->session_id, &gain->session_id);
    to->offset = gain->offset;
    to->extra_offset = gain->extra_offset;
    to->identity = gain->identity;
    to->dev = gain->dev;
    to->ino = gain->ino;
    to->tail_len = gain->tail_len;
    memcpy(to->tail_sha256, gain->tail_sha256, sizeof(to->tail_sha256));
    to->lines += gain->lines;
    to->bad += gain->bad;
    to->odd += gain->odd;
    return 0;
}

static void days_clear(struct transcript *t)
{
    free(t->days);
    t->days = NULL;
    t->n_days = 0;
    t->dropped = false;
}

int transcript_commit(struct transcript *t, struct scan_outcome *out)
{
    bool moved = out->replace || out->gain.offset != t->state.offset;
    int rc = 0;

    t->error = out->error;
    if (out->gone || !out->changed || (out->error && !out->gain.identity.len && !out->replace)) {
        t->gone |= out->gone;
        scan_outcome_clear(out);
        return 0;
    }
    if (out->replace) {
        oks_state_clear(&t->state);
        t->state = out->gain;
        out->gain = (struct oks_state){0};
    } else {
        rc = commit_gain(&t->state, &out->gain);
    }
    if (rc == 0) {
        days_clear(t);
        oks_events_window(t->state.events, OKS_STAMP_NONE, OKS_STAMP_NONE, &t->totals);
    }
    tail_clear(&t->tail);
    t->tail = out->tail;
    out->tail = (struct tail){.event.stamp = OKS_STAMP_NONE};
    t->mark = out->mark;
    t->loaded = true;
    out->worth_saving = moved && !(out->cache_hit && out->bytes_read == 0);
    scan_outcome_clear(out);
    if (rc < 0) {
        t->loaded = false;
        t->totals = OKS_TOTALS_NONE;
        return oks_state_reset(&t->state) < 0 ? -ENOMEM : rc;
    }
    return 0;
}

void scan_outcome_clear(struct scan_outcome *out)
{
    oks_state_clear(&out->gain);
    tail_clear(&out->tail);
}

/* --- questions --- */

static bool is_open(struct oks_stamp since, struct oks_stamp until)
{
    return oks_stamp_is_none(since) && oks_stamp_is_none(until);
}

static bool is_before(struct oks_stamp stamp, struct oks_stamp since)
{
    return !oks_stamp_is_none(since) && oks_stamp_cmp(stamp, since) < 0;
}

static bool is_after(struct oks_stamp stamp, struct oks_stamp until)
{
    return !oks_stamp_is_none(until) && oks_stamp_cmp(stamp, until) > 0;
}

/* Answers from the totals alone where all stamps are inside the window, or all outside and every event has
 * one. */
static bool window_of_totals(const struct oks_totals *all, struct oks_stamp since, struct oks_stamp until,
                             struct oks_totals *out)
{
    bool bare = all->stamped == 0;

    if (is_open(since, until) || bare ||
        (!is_before(all->first, since) && !is_after(all->first, until) && !is_before(all->last, since) &&
         !is_after(all->last, until))) {
        *out = *all;
        return true;
    }
    if (all->events > all->stamped || !(is_before(all->last, since) || is_after(all->first, until)))
        return false;
    *out = OKS_TOTALS_NONE;
    return true;
}

bool transcript_window(const struct transcript *t, struct oks_stamp since, struct oks_stamp until,
                       struct oks_totals *out)
{
    const struct oks_event *e = &t->tail.event;
    bool stamped = !oks_stamp_is_none(e->stamp);
    struct oks_totals tail = {.events = 1, .stamped = stamped, .first = e->stamp, .last = e->stamp};

    if (!window_of_totals(&t->totals, since, until, out)) {
        if (t->dropped)
            return false;
        oks_events_window(t->state.events, since, until, out);
    }
    if (!t->tail.counts || (stamped && (is_before(e->stamp, since) || is_after(e->stamp, until))))
        return true;
    memcpy(tail.count, e->count, sizeof(tail.count));
    oks_totals_add(out, &tail);
    return true;
}

/* --- giving up the events --- */

int transcript_add_day(struct transcript *t, const char day[11])
{
    uint32_t *days = reallocarray(t->days, t->n_days + 1, sizeof(*days));
    unsigned y = 0, m = 0, d = 0;

    if (!days)
        return -ENOMEM;
    t->days = days;
    sscanf(day, "%4u-%2u-%2u", &y, &m, &d);
    days[t->n_days++] = y * 10000 + m * 100 + d;
    return 0;
}

static int add_day(void *ctx, const char day[11])
{
    return transcript_add_day(ctx, day);
}

bool transcript_drop_events(struct transcript *t)
{
    struct oks_events *none;

    /* Such a stamp lives in the events. */
    if (t->totals.first.key == OKS_STAMP_KEY_TEXT || t->totals.last.key == OKS_STAMP_KEY_TEXT)
        return false;
    if (oks_events_new(&none) < 0)
        return false;
    days_clear(t);
    if (oks_events_days(t->state.events, add_day, t) < 0) {
        days_clear(t);
        oks_events_free(none);
        return false;
    }
    oks_events_free(t->state.events);
    t->state.events = none;
    t->dropped = true;
    return true;
}

int transcript_days(const struct transcript *t, int (*fn)(void *ctx, const char day[11]), void *ctx)
{
    const struct oks_stamp tail = t->tail.event.stamp;
    int rc = t->dropped ? 0 : oks_events_days(t->state.events, fn, ctx);

    for (size_t i = 0; rc == 0 && i < t->n_days; i++) {
        char day[16];

        snprintf(day, sizeof(day), "%04u-%02u-%02u", t->days[i] / 10000 % 10000, t->days[i] / 100 % 100,
                 t->days[i] % 100);
        rc = fn(ctx, day);
    }
    if (rc == 0 && t->tail.counts && tail.key < OKS_STAMP_KEY_TEXT) {
        char text[OKS_STAMP_TEXT];

        oks_stamp_text(tail, text);
        text[10] = '\0';
        rc = fn(ctx, text);
    }
    return rc;
}

const char *transcript_agent_name(const struct transcript *t)
{
    return t->state.agent_name ? t->state.agent_name : t->tail.agent_name;
}

const char *transcript_model(const struct transcript *t)
{
    return t->state.model ? t->state.model : t->tail.model;
}

void transcript_forget(struct transcript *t)
{
    days_clear(t);
    t->loaded = false;
    t->totals = OKS_TOTALS_NONE;
    t->mark = (struct file_mark){0};
    if (oks_state_reset(&t->state) == 0)
        return;
    /* Even without memory nothing of it may be believed: an empty state with no events answers zero until it
     * is read. */
    t->state.offset = 0;
    t->state.identity.len = UINT32_MAX;
}

void transcript_clear(struct transcript *t)
{
    oks_state_clear(&t->state);
    tail_clear(&t->tail);
    free(t->days);
    free(t->shares);
    free(t->path);
    free(t->cache_folder);
    free(t->cache_name);
}
