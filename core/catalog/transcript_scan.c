/*
 * The scan of a transcript: from bytes to events, incrementally.
 *
 * A transcript is append-only, so a scan starts at the cursor and reads what came since. It starts at byte 0
 * instead if the file's first bytes changed (it was replaced), if it is shorter than the cursor (it was
 * truncated), or if the inode is another one.
 *
 * A file that was cut and has grown again behind the same head keeps its inode. The cursor then stands inside
 * a line, with few exceptions, so the first line behind it is no JSON object. Only then (with verify=tail:
 * always) the last bytes before the cursor are compared with those that were read. Bytes before the cursor
 * are otherwise never read again.
 *
 * Invariants: a scan changes its own outcome and never the transcript, so queries see the old state until the
 * commit; the cursor is always behind a newline; the unfinished last line is in `tail` only.
 */
#include "catalog/transcript_scan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/passing.h"
#include "sources/labels.h"
#include "files/walk.h"

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

/*
 * Only bytes behind the cursor matter. So equal marks prove that nothing changed, if there is no unfinished
 * line.
 */
bool transcript_is_unchanged(const struct transcript *t, const struct stat *st)
{
    struct file_mark mark = mark_of(st);

    return t->loaded && !t->error && !t->tail && t->state.offset == mark.size && mark_equal(&t->mark, &mark);
}

/* --- the head and the tail of the file --- */

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

/* The bytes before a cursor, as they were read. */
struct read_end {
    uint64_t cursor;
    uint32_t len; /* of the bytes that sha256 covers; 0: not known */
    uint8_t sha256[OKS_SHA256_BYTES];
};

static struct read_end read_end_of(const struct oks_state *state)
{
    bool ours = state->extra_offset == state->offset; /* else okstra's collector went on from there */
    struct read_end end = {.cursor = state->offset, .len = ours ? state->tail_len : 0};

    memcpy(end.sha256, state->tail_sha256, sizeof(end.sha256));
    return end;
}

_Static_assert((int)OKS_LAST_BYTES == (int)OKS_IDENTITY_PREFIX,
               "the end of what was read is what its digest covers");

static int end_hash(int fd, uint64_t cursor, uint32_t len, uint8_t out[OKS_SHA256_BYTES])
{
    uint8_t bytes[OKS_IDENTITY_PREFIX];
    ssize_t n = read_at(fd, bytes, len, cursor - len);

    if (n != (ssize_t)len)
        return n < 0 ? (int)n : -ENODATA;
    return oks_sha256(bytes, len, out);
}

/* A cursor is always behind a newline. */
static int is_behind_newline(int fd, uint64_t cursor)
{
    char c;
    ssize_t n = cursor == 0 ? 0 : read_at(fd, &c, 1, cursor - 1);

    return n < 0 ? (int)n : cursor == 0 || (n == 1 && c == '\n');
}

/* 1, 0 or a negative errno: it could not be read, so it may match. */
static int end_matches(int fd, const struct read_end *end)
{
    uint8_t hash[OKS_SHA256_BYTES];
    int rc;

    if (end->len == 0)
        return is_behind_newline(fd, end->cursor);
    if (end->len > OKS_IDENTITY_PREFIX || end->len > end->cursor)
        return 0;
    rc = end_hash(fd, end->cursor, end->len, hash);
    return rc < 0 ? rc == -ENODATA ? 0 : rc : memcmp(hash, end->sha256, sizeof(hash)) == 0;
}

/* Whether the file still begins with the bytes of the state. 1, 0 or a negative errno */
static int still_valid(int fd, const struct oks_state *state, const struct head *head,
                       const struct file_mark *mark, bool verify_tail)
{
    struct read_end end = read_end_of(state);

    if (state->offset > mark->size || !identity_matches(&state->identity, head))
        return 0;
    if (state->ino && (state->ino != mark->ino || state->dev != mark->dev))
        return 0;
    return verify_tail ? end_matches(fd, &end) : 1;
}

int transcript_state_is_of(const struct oks_state *state, const char *path)
{
    struct head head;
    struct file_mark mark;
    struct stat st;
    int fd = oks_open_regular(path, &st);
    int rc;

    if (fd < 0)
        return passing(fd);
    mark = mark_of(&st);
    rc = head_read(fd, &head);
    rc = rc < 0 ? rc : still_valid(fd, state, &head, &mark, true);
    close(fd);
    return rc < 0 ? passing(rc) : rc;
}

/* --- the line at the cursor, if it is known to be bad --- */

static int passed_hash(int fd, uint64_t cursor, uint64_t end, uint8_t out[OKS_SHA256_BYTES])
{
    uint8_t bytes[2 * OKS_IDENTITY_PREFIX];
    size_t n = end - cursor < OKS_IDENTITY_PREFIX ? (size_t)(end - cursor) : OKS_IDENTITY_PREFIX;
    ssize_t first = read_at(fd, bytes, n, cursor), last = read_at(fd, bytes + n, n, end - n);

    if (first != (ssize_t)n || last != (ssize_t)n)
        return -EIO;
    return oks_sha256(bytes, 2 * n, out);
}

/* Where the scan goes on inside that line; 0: it reads the line from its start. */
static uint64_t passed_until(const struct transcript *t, int fd)
{
    const struct passed_line *passed = &t->passed;
    uint8_t hash[OKS_SHA256_BYTES];

    if (passed->end <= t->state.offset || passed_hash(fd, t->state.offset, passed->end, hash) < 0)
        return 0;
    return memcmp(hash, passed->sha256, sizeof(hash)) == 0 ? passed->end : 0;
}

static void passed_renew(int fd, struct scan_outcome *out)
{
    struct passed_line *passed = &out->passed;

    if (passed->end <= out->gain.offset || passed_hash(fd, out->gain.offset, passed->end, passed->sha256) < 0)
        passed->end = 0;
}

/* --- one scan --- */

/* `matched`: the identity that the head was compared with, or NULL. */
static int identity_renew(struct oks_state *state, const struct head *head,
                          const struct oks_identity *matched)
{
    if (matched && matched->len == head->len) {
        state->identity = *matched;
        return 0;
    }
    state->identity.len = head->len;
    return oks_sha256(head->bytes, head->len, state->identity.sha256);
}

/*
 * Only bytes that this scan has read are covered, that is, those from `from` on. Without new ones the former
 * digest still holds.
 */
static void end_renew(int fd, const struct oks_scanner *scanner, struct oks_state *state,
                      const struct read_end *before, uint64_t from)
{
    uint64_t fresh = state->offset - from;
    uint32_t len = fresh < OKS_IDENTITY_PREFIX ? (uint32_t)fresh : OKS_IDENTITY_PREFIX;
    const char *last;
    size_t known = scanner ? oks_scanner_last_bytes(scanner, state->offset, &last) : 0;
    int rc;

    if (fresh == 0 && state->offset == before->cursor) {
        state->tail_len = before->len;
        memcpy(state->tail_sha256, before->sha256, sizeof(state->tail_sha256));
        return;
    }
    rc = len == 0       ? -ENODATA
         : known >= len ? oks_sha256(last + known - len, len, state->tail_sha256)
                        : end_hash(fd, state->offset, len, state->tail_sha256);
    state->tail_len = rc == 0 ? len : 0;
}

/* A compressed file is replaced if it changes, so what is cached is all of it or nothing. */
static bool packed_is_same(const struct oks_state *state, const struct file_mark *mark)
{
    return state->offset == mark->size && state->extra_offset == state->offset;
}

/*
 * Whether a file that is read from 0 may have lost lines. If its records depend on other transcripts, or on
 * what comes later, it may be read again although nothing of it has changed: then it has not.
 */
static bool is_rewritten(const struct transcript *t, int fd, const struct head *head,
                         const struct file_mark *mark)
{
    if (!t->source->agrees && !t->source->revises)
        return true;
    return t->whole || t->source->members ? !mark_equal(&t->mark, mark)
                                          : still_valid(fd, &t->state, head, mark, true) <= 0;
}

/*
 * Whether lines behind the state must not be read by themselves: which requests others own is known only when
 * the transcript's own are in billing, and the state was made with that knowledge.
 */
static bool needs_owners(const struct transcript *t, const struct oks_state *state, uint64_t size)
{
    return state->offset < size && t->source->assumed && state->reader_state &&
           t->source->assumed(state->reader_state) != 0;
}

/* The file could not be read. 0, or a failure that is not its own */
static int unread(struct scan_outcome *out, int rc)
{
    out->error = rc;
    return is_passing(rc) && rc != -EIO ? rc : 0;
}

/* Whether the cache file is of this file as it is. 1, 0 or a negative errno */
static int is_hit(const struct transcript *t, int fd, const struct head *head,
                  const struct scan_options *options, const struct scan_outcome *out)
{
    int valid = still_valid(fd, &out->gain, head, &out->mark, options->verify_tail);

    if (valid > 0 && t->packed && !packed_is_same(&out->gain, &out->mark))
        return 0;
    return valid > 0 && needs_owners(t, &out->gain, out->mark.size) ? 0 : valid;
}

/* Chooses the base of the scan: the transcript itself, its cache file (in out->gain), or nothing. */
static int choose_base(const struct transcript *t, int fd, const struct head *head,
                       const struct scan_options *options, struct scan_outcome *out)
{
    bool afresh = options->anew || t->whole || (t->packed && t->loaded);
    int rc = !afresh && t->loaded ? still_valid(fd, &t->state, head, &out->mark, options->verify_tail) : 0;

    if (rc != 0)
        return rc < 0 ? unread(out, rc) : 0;
    out->replace = true;
    out->rewritten = t->loaded && is_rewritten(t, fd, head, &out->mark);
    if (afresh || t->loaded || !options->cache)
        return 0;
    rc = oks_cache_load(options->cache, t->cache_folder, t->cache_name, &out->gain);
    if (rc == -ENOMEM)
        return rc;
    if (rc != OKS_CACHE_HIT) {
        out->cache_miss = true;
        return 0;
    }
    rc = is_hit(t, fd, head, options, out);
    out->cache_hit = rc > 0;
    out->cache_miss = !out->cache_hit;
    if (rc > 0)
        return 0;
    out->replace = rc == 0;
    if (rc < 0 && (rc = unread(out, rc)) < 0)
        return rc;
    return oks_state_reset(&out->gain);
}

/*
 * A cache file of okstra's collector has the events and not our extras: those are read again from the start,
 * and with them the models of the events.
 */
static int drop_extras(struct oks_state *state)
{
    struct oks_requests *none;
    int rc = oks_requests_new(&none);

    if (rc < 0)
        return rc;
    oks_requests_free(state->requests);
    state->requests = none;
    state->lines = state->bad = state->odd = 0;
    oks_strings_clear(&state->teams);
    oks_strings_clear(&state->cwds);
    oks_strings_clear(&state->compactions);
    oks_models_clear(&state->models);
    free(state->session_id);
    state->session_id = NULL;
    return oks_events_forget_places(&state->events);
}

/*
 * Whether the scan may stop before the end of the file. A state that replaces another one must be whole,
 * because what it lacks counts as lost (engine/keeping.c).
 */
static bool may_stop(const struct transcript *t, const struct scan_options *options,
                     const struct scan_outcome *out)
{
    struct history_facts facts = {0};

    if (!out->replace || t->loaded)
        return !out->replace;
    if (options->history)
        history_store_facts(options->history, t->path, &facts);
    return !facts.live || (out->cache_hit && facts.offset <= out->gain.offset);
}

/* Text is rarely packed better than that. */
enum { PACKED_RATIO = 16 };

static bool is_too_large(const struct transcript *t, uint64_t from, bool stops,
                         const struct scan_options *options, const struct scan_outcome *out)
{
    uint64_t size = t->packed ? out->mark.size * PACKED_RATIO : out->mark.size;

    if (!options->whole_max || stops || (t->packed && out->cache_hit))
        return false;
    return size > from && size - from > options->whole_max;
}

static int scan_open_file(const struct transcript *t, int fd, struct oks_scanner *scanner,
                          const struct scan_options *options, struct scan_outcome *out, struct head *head)
{
    uint64_t from, events_from;
    struct oks_scan_part part;
    struct read_end end;
    bool stops;
    int rc = t->source->members ? 0 : head_read(fd, head);

    if (rc < 0)
        return unread(out, rc);
    rc = choose_base(t, fd, head, options, out);
    if (rc < 0 || out->error)
        return rc;
    end = read_end_of(out->replace ? &out->gain : &t->state);
    from = events_from = end.cursor;
    if (out->replace && out->gain.extra_offset != out->gain.offset) {
        from = 0;
        /* If the reader depends on earlier lines, events without its state cannot be the base. */
        if (t->source->reader->tell || end_matches(fd, &end) <= 0) {
            events_from = 0;
            rc = oks_state_reset(&out->gain);
            if (rc < 0)
                return rc;
        }
        rc = drop_extras(&out->gain);
        if (rc < 0)
            return rc;
    }
    out->gain.offset = events_from;
    stops = from == events_from && may_stop(t, options, out);
    if (is_too_large(t, from, stops, options, out))
        return -EFBIG;
    part = (struct oks_scan_part){.offset = from,
                                  .passed = out->replace ? 0 : passed_until(t, fd),
                                  .limit = stops ? options->slice : 0,
                                  .lines = stops ? options->slice_lines : 0,
                                  .size = out->mark.size};
    if (!t->packed || !out->cache_hit)
        rc = transcript_collect(t, fd, &part, events_from, scanner, options, out);
    if (rc > 0) /* what is beside it could not be read: its reader's state stays */
        return scan_outcome_keep_former(out);
    if (rc < 0 || (out->error && (t->whole || t->packed)))
        return rc;
    if (from > 0 && out->bad_start && !out->error && end_matches(fd, &end) <= 0)
        return -ESTALE;
    out->gain.dev = out->mark.dev;
    out->gain.ino = out->mark.ino;
    passed_renew(fd, out);
    end_renew(fd, t->whole || t->packed ? NULL : scanner, &out->gain, &end, options->verify_tail ? 0 : from);
    return identity_renew(&out->gain, head, out->replace ? NULL : &t->state.identity);
}

/*
 * Whether the file is now shorter than what was counted, or was cut and has grown again with another head, or
 * this is not known. A head that was read while the file was shorter than what was counted later is no proof
 * of identity: a replaced file would never be noticed.
 */
static bool was_cut(int fd, const struct oks_state *gain, const struct head *before)
{
    struct stat st;
    struct head head;

    if (gain->identity.len < OKS_IDENTITY_PREFIX && gain->identity.len < gain->offset)
        return true;
    return fstat(fd, &st) < 0 || head_read(fd, &head) < 0 || (uint64_t)st.st_size < gain->offset ||
           head.len < before->len || memcmp(head.bytes, before->bytes, before->len) != 0;
}

/* The last state of a deleted transcript. OKS_CACHE_HIT, OKS_CACHE_MISS or a negative errno */
static int load_retained(const struct transcript *t, const struct scan_options *options,
                         struct scan_outcome *out)
{
    struct history_facts facts = {0};
    int rc;

    if (options->history)
        history_store_facts(options->history, t->path, &facts);
    if (facts.live)
        rc = history_store_load(options->history, t->path, &out->gain, NULL);
    else
        rc = options->cache ? oks_cache_load_kept(options->cache, t->cache_folder, t->cache_name, &out->gain)
                            : OKS_CACHE_MISS;
    out->adopted = !facts.live && rc == OKS_CACHE_HIT;
    return rc;
}

/* There is no file: the state comes from the history store, or from a cache file of an earlier version. */
struct file_mark transcript_retained_mark(const struct oks_state *state)
{
    struct file_mark mark = {.size = state->offset};
    struct oks_totals totals;
    int64_t micros;
    bool aware;

    oks_events_window(state->events, OKS_STAMP_NONE, OKS_STAMP_NONE, &totals);
    if (!oks_stamp_is_none(totals.last) && oks_stamp_micros(totals.last, &micros, &aware) == 0)
        mark.mtime_ns = micros * 1000;
    return mark;
}

/*
 * A page that was read before the one that it goes on from has that one's last request as its own. There is
 * no file to be read again: the request becomes a row that counts nothing. Not at its first load: until the
 * rows are in billing, nobody says which of them others own.
 */
static int amend(const struct transcript *t, const char *peer_states, struct oks_state *state)
{
    const struct source *source = t->source;
    char *now = NULL;
    uint64_t repeated = 0;
    struct request_row row;
    size_t at;
    int rc;

    if (!source->amend || !t->loaded || !state->reader_state ||
        source->agrees(state->reader_state, peer_states))
        return 0;
    rc = source->amend(state->reader_state, peer_states, &now, &repeated);
    if (rc < 0)
        return rc;
    free(state->reader_state);
    state->reader_state = now;
    at = repeated ? requests_find(state->requests, repeated) : SIZE_MAX;
    if (at == SIZE_MAX)
        return 0;
    requests_get(state->requests, at, &row);
    row.request = (struct oks_request){.key = repeated,
                                       .stamp = row.request.stamp,
                                       .sidechain = row.request.sidechain,
                                       .settled = true,
                                       .alias = true,
                                       .restamped = true};
    return requests_set(state->requests, at, &row, requests_model(state->requests, row.model));
}

/*
 * Without events there is nothing to retain, but for sources whose transcripts repeat each other: there a row
 * without an event says that what copies count is no request.
 */
bool transcript_says_something(const struct transcript *t, const struct oks_state *state)
{
    return oks_events_len(state->events) > 0 || (t->source->assumed && requests_whole(state->requests) > 0);
}

static int scan_retained(const struct transcript *t, const struct scan_options *options,
                         struct scan_outcome *out)
{
    int rc = t->remnant ? history_store_load(options->history, transcript_file(t), NULL, &out->gain)
                        : load_retained(t, options, out);

    if (rc < 0)
        return rc;
    out->gone = rc != OKS_CACHE_HIT || (t->remnant ? requests_len(out->gain.requests) == 0
                                                   : !transcript_says_something(t, &out->gain));
    out->cache_hit = out->adopted && !out->gone;
    if (out->gone && t->loaded) { /* it counts as long as it is in memory */
        out->gone = false;
        return 0;
    }
    out->changed = true;
    if (out->gone)
        return 0;
    rc = amend(t, options->peer_states, &out->gain);
    if (rc < 0)
        return rc;
    out->replace = true;
    out->mark = transcript_retained_mark(&out->gain);
    return 0;
}

static void finish(struct scan_outcome *out)
{
    oks_events_trim(out->gain.events);
    requests_trim(out->gain.requests);
}

static bool has_changed(const struct transcript *t, const struct scan_outcome *out)
{
    return out->replace || out->error != t->error || !mark_equal(&t->mark, &out->mark) ||
           out->gain.offset != t->state.offset || out->passed.end != t->passed.end || t->tail || out->tail;
}

/* Never 0. */
static uint64_t number_of(const char *path)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (; *path; path++)
        h = (h ^ (unsigned char)*path) * UINT64_C(0x100000001b3);
    return h | 1;
}

#define TIME_MS_MAX INT64_C(253402300799999) /* 9999-12-31 */

/* A member has neither attributes nor first bytes. Its mark stands for both, so any other mark is another
 * file. */
static int scan_member(const struct transcript *t, struct oks_scanner *scanner,
                       const struct scan_options *options, struct scan_outcome *out)
{
    struct scan_options member = *options;
    int64_t ms = options->member.time_ms;
    struct head head;
    int rc;

    if (options->member_gone) {
        out->gone = out->changed = true;
        out->error = -ENOENT;
        return 0;
    }
    ms = ms < 0 || ms > TIME_MS_MAX ? 0 : ms;
    head.len = (uint32_t)snprintf((char *)head.bytes, sizeof(head.bytes), "member %016llx %016llx",
                                  (unsigned long long)ms, (unsigned long long)options->member.digest);
    out->mark = (struct file_mark){.ino = number_of(t->path),
                                   .size = head.len,
                                   .mtime_ns = ms * 1000000,
                                   .ctime_ns = (int64_t)(options->member.digest >> 1)};
    if (!options->insist && !options->anew && t->loaded && !t->error && mark_equal(&t->mark, &out->mark))
        return 0;
    member.verify_tail = false;
    rc = scan_open_file(t, -1, scanner, &member, out, &head);
    if (rc == 0 && out->replace)
        finish(out);
    out->changed = has_changed(t, out);
    return rc;
}

/* *cut: the file lost bytes that the outcome counts, during the scan. */
static int scan_once(const struct transcript *t, struct oks_scanner *scanner,
                     const struct scan_options *options, struct scan_outcome *out, bool *cut)
{
    struct stat st;
    struct head head;
    int fd, rc;

    *cut = false;
    *out = (struct scan_outcome){.mark = t->mark};
    rc = oks_state_init(&out->gain);
    if (rc < 0)
        return rc;
    if (options->retained)
        return scan_retained(t, options, out);
    if (t->source->members)
        return scan_member(t, scanner, options, out);
    fd = oks_open_regular(t->path, &st);
    if (fd < 0) {
        /* a FIFO or a link in its place is no transcript */
        out->gone = fd == -ENOENT || fd == -ENOTDIR || fd == -EINVAL || fd == -ELOOP;
        out->error = fd;
        out->changed = out->gone || t->error != fd;
        /* Not the file's fault: fail, so that no total is too small. */
        return passing(fd);
    }
    out->mark = mark_of(&st);
    out->linked = st.st_nlink > 1;
    if (!options->insist && !options->anew && transcript_is_unchanged(t, &st)) {
        close(fd);
        return 0;
    }
    rc = scan_open_file(t, fd, scanner, options, out, &head);
    if (rc == 0 && out->replace)
        finish(out);
    *cut = rc == 0 && !out->error && was_cut(fd, &out->gain, &head);
    close(fd);
    out->changed = has_changed(t, out);
    return rc;
}

/* If the file cannot be read now, the label stays, and stays due. */
static int lookup_label(const struct transcript *t, const struct scan_options *options,
                        struct scan_outcome *out)
{
    char path[8192];
    int rc;

    if (!t->source->label || options->retained || out->gone || out->error ||
        !(options->label || out->replace) || !t->source->label(t->path, path, sizeof(path)))
        return 0;
    rc = label_load(path, &out->label);
    out->labelled = rc == 0;
    return passing(rc);
}

void scan_outcome_recall(struct scan_outcome *out, const char *path, struct oks_state *state)
{
    struct stat st;

    scan_outcome_clear(out);
    out->gain = *state;
    *state = (struct oks_state){0};
    out->changed = out->replace = out->recalled = true;
    out->rewritten = out->more = out->bad_start = false;
    out->passed = (struct passed_line){0};
    if (path && lstat(path, &st) == 0) {
        out->mark = mark_of(&st);
        out->linked = st.st_nlink > 1;
        return;
    }
    out->mark = transcript_retained_mark(&out->gain);
    out->mark.dev = out->gain.dev; /* a file with two names counts once */
    out->mark.ino = out->gain.ino;
}

enum { CUT_TRIES = 8 }; /* after so many cuts during a scan the last outcome is used */

int transcript_scan(const struct transcript *t, struct oks_scanner *scanner,
                    const struct scan_options *options, struct scan_outcome *out)
{
    struct scan_options again = *options;
    bool cut;
    int rc = scan_once(t, scanner, options, out, &cut);

    for (int i = 1; (cut || (rc == -ESTALE && !again.anew)) && i < CUT_TRIES; i++) {
        again.anew |= rc == -ESTALE;
        scan_outcome_clear(out);
        rc = scan_once(t, scanner, &again, out, &cut);
    }
    if (rc == 0)
        rc = lookup_label(t, options, out);
    return rc == -ESTALE ? -EIO : rc;
}
