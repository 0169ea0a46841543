/*
 * OpenCode's database: which sessions have changed, and the lines of one.
 *
 * Of the database's many tables only `session`, `message` and `part` are read. Rows are updated in place, and
 * the file's times say nothing of a session. So a session's mark is made of its row, of the number and the
 * last update of its messages, and of the newest row of its parts.
 *
 * A first listing looks at all rows of `session` and `message`, some 300,000 of 10,000 sessions in a few
 * tenths of a second. The later ones find what the agent does by row numbers: new sessions, and sessions with
 * new messages or parts; by the number of sessions whether one was deleted; and they look at what was in use
 * in the last hour before the newest change. All rows are looked at again as soon as that takes no more than
 * a twentieth of the time.
 *
 * Two updates in one millisecond have the same time. So the mark of a session that changed in the last second
 * before the newest change has the state of the files in it: it is read again after any change of them.
 */
#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "files/file_time.h"
#include "files/sqlite_file.h"
#include "sources/opencode.h"

#define SETTLED_NS INT64_C(2100000000)

enum {
    IN_USE_MS = 3600 * 1000, /* before the newest change */
    RECENT_MS = 1000,
    IN_USE_MAX = 64, /* sessions that are looked at for that reason alone */
    SHARE = 20,      /* of the time that may be spent on looks at all rows */
    LIST_TRIES = 4,
    SESSION_GONE = 1, /* all rows have to be looked at */
};

/* --- connections --- */

/*
 * Connections that are paused, because a first scan reads thousands of sessions one by one, and to open one
 * reads the whole log. What a listing has reported must be seen, so none is used that was opened before the
 * last listing began.
 */
static struct {
    pthread_mutex_t lock;
    struct connection {
        struct sqlite_file *file;
        char *path;
        unsigned listings;
    } paused[4];
    unsigned listings; /* so far */
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void connection_end(struct connection *c)
{
    sqlite_file_close(c->file);
    free(c->path);
    *c = (struct connection){0};
}

/* A listing begins. */
static void pool_renew(void)
{
    pthread_mutex_lock(&pool.lock);
    pool.listings++;
    for (size_t i = 0; i < sizeof(pool.paused) / sizeof(*pool.paused); i++)
        connection_end(&pool.paused[i]);
    pthread_mutex_unlock(&pool.lock);
}

static struct connection pool_take(const char *path)
{
    struct connection found = {0};

    pthread_mutex_lock(&pool.lock);
    for (size_t i = 0; i < sizeof(pool.paused) / sizeof(*pool.paused) && !found.file; i++)
        if (pool.paused[i].file && strcmp(pool.paused[i].path, path) == 0) {
            found = pool.paused[i];
            pool.paused[i] = (struct connection){0};
        }
    if (!found.file)
        found.listings = pool.listings;
    pthread_mutex_unlock(&pool.lock);
    return found;
}

static int connect_to(const char *path, struct connection *c)
{
    int rc = 0;

    *c = pool_take(path);
    if (c->file && sqlite_file_resume(c->file) == 0)
        return 0;
    if (c->file) {
        connection_end(c);
        *c = pool_take(""); /* none: which listing was the last one */
    }
    c->path = strdup(path);
    rc = c->path ? sqlite_file_open(path, &c->file) : -ENOMEM;
    if (rc < 0)
        connection_end(c);
    return rc;
}

static void disconnect(struct connection *c)
{
    if (c->file && sqlite_file_pause(c->file) == 0) {
        pthread_mutex_lock(&pool.lock);
        for (size_t i = 0; i < sizeof(pool.paused) / sizeof(*pool.paused) && c->file; i++)
            if (!pool.paused[i].file && c->listings == pool.listings) {
                pool.paused[i] = *c;
                *c = (struct connection){0};
            }
        pthread_mutex_unlock(&pool.lock);
    }
    connection_end(c);
}

/* --- a listing --- */

struct item {
    char *id;
    uint64_t row; /* a hash of its row in `session` */
    int64_t updated_ms;
    uint64_t messages;
    int64_t message_ms; /* the last update of them */
    int64_t last_part;  /* row number */
    struct member_mark mark;
    bool checked; /* the three above are from this listing */
};

struct listing {
    struct item *items; /* ascending by id */
    size_t n, room;
    int64_t rows;                                  /* of `session` */
    int64_t last_session, last_message, last_part; /* row numbers */
    bool swept;                                    /* all rows were looked at, */
    int64_t swept_ns, sweep_ns;                    /* or when all rows were looked at, and how long it took */
    int64_t newest_ms;
    uint64_t tag;      /* of the files */
    int64_t listed_ns; /* when it was seen first */
};

static void items_clear(struct listing *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->items[i].id);
    free(l->items);
    l->items = NULL;
    l->n = l->room = 0;
}

static void listing_clear(struct listing *l)
{
    items_clear(l);
    *l = (struct listing){0};
}

void opencode_db_forget(void *known)
{
    if (known)
        listing_clear(known);
    free(known);
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct item *)a)->id, ((const struct item *)b)->id);
}

static struct item *item_of(const struct listing *l, const char *id)
{
    const struct item key = {.id = (char *)id};

    return l->n && id ? bsearch(&key, l->items, l->n, sizeof(*l->items), by_id) : NULL;
}

static uint64_t mix(uint64_t h, uint64_t value)
{
    h = (h ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 29;
}

static uint64_t mix_text(uint64_t h, const char *text)
{
    for (; text && *text; text++)
        h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return mix(h, 1);
}

/* --- queries --- */

/* Calls fn for each row, until it returns non-zero. The query has one parameter at most, a text or a number.
 */
struct query {
    struct sqlite_file *file;
    sqlite3_stmt *stmt;
};

static int query_begin(struct query *q, struct sqlite_file *file, const char *sql)
{
    int result = sqlite3_prepare_v2(sqlite_file_db(file), sql, -1, &q->stmt, NULL);

    q->file = file;
    return result == SQLITE_OK ? 0 : sqlite_file_errno(file, result);
}

/* 1: a row; 0: the end; or a negative errno */
static int query_next(struct query *q)
{
    int result = sqlite3_step(q->stmt);

    if (result == SQLITE_ROW)
        return 1;
    return result == SQLITE_DONE ? 0 : sqlite_file_errno(q->file, result);
}

static void query_end(struct query *q)
{
    sqlite3_finalize(q->stmt);
    q->stmt = NULL;
}

static const char *text_at(struct query *q, int column)
{
    return sqlite3_column_type(q->stmt, column) == SQLITE_TEXT
               ? (const char *)sqlite3_column_text(q->stmt, column)
               : NULL;
}

static int64_t number_at(struct query *q, int column)
{
    return sqlite3_column_type(q->stmt, column) == SQLITE_INTEGER ? sqlite3_column_int64(q->stmt, column) : 0;
}

static uint64_t hash_of_row(struct query *q)
{
    return mix_text(mix_text(mix((uint64_t)number_at(q, 3), 2), text_at(q, 1)), text_at(q, 2));
}

static int add_item(struct listing *l, const struct item *item)
{
    if (l->n == OPENCODE_MEMBERS_MAX)
        return -EFBIG;
    if (!OKS_GROW(l->items, l->n, l->room))
        return -ENOMEM;
    l->items[l->n] = *item;
    l->items[l->n].id = strdup(item->id);
    return l->items[l->n].id ? (int)(l->n++, 0) : -ENOMEM;
}

#define OF_SESSIONS "SELECT id, parent_id, directory, time_updated FROM session "

static int add_session(struct listing *l, struct query *q)
{
    const char *id = text_at(q, 0);

    if (!id || !opencode_is_id(id, (size_t)sqlite3_column_bytes(q->stmt, 0)))
        return 0;
    return add_item(
        l, &(struct item){
               .id = (char *)id, .updated_ms = number_at(q, 3), .row = hash_of_row(q), .checked = true});
}

/* Ids are unique where OpenCode has made the table. */
static void sort_items(struct listing *l)
{
    size_t n = 0;

    if (l->n)
        qsort(l->items, l->n, sizeof(*l->items), by_id);
    for (size_t i = 0; i < l->n; i++)
        if (n > 0 && strcmp(l->items[n - 1].id, l->items[i].id) == 0)
            free(l->items[i].id);
        else
            l->items[n++] = l->items[i];
    l->n = n;
}

/* Adds the sessions behind a row. The number of rows, or a negative errno */
static int64_t read_sessions(struct sqlite_file *file, struct listing *l, int64_t behind)
{
    struct query q = {0};
    int rc = query_begin(&q, file, OF_SESSIONS "WHERE rowid > ?1"), more = 0;
    int64_t rows = 0;

    if (rc == 0 && sqlite3_bind_int64(q.stmt, 1, behind) != SQLITE_OK)
        rc = -EBADMSG;
    for (; rc == 0 && (more = query_next(&q)) > 0; rows++)
        rc = add_session(l, &q);
    query_end(&q);
    if (rows)
        sort_items(l);
    rc = rc < 0 ? rc : more;
    return rc < 0 ? rc : rows;
}

static int read_number(struct sqlite_file *file, const char *sql, int64_t *out)
{
    struct query q = {0};
    int rc = query_begin(&q, file, sql);

    if (rc == 0)
        rc = query_next(&q);
    if (rc > 0)
        *out = number_at(&q, 0);
    query_end(&q);
    return rc < 0 ? rc : 0;
}

#define OF_MESSAGES "SELECT session_id, count(*), max(time_updated) FROM message "
#define OF_PARTS    "SELECT session_id, max(rowid) FROM part "

static void take_messages(struct item *item, struct query *q)
{
    item->messages = (uint64_t)number_at(q, 1);
    item->message_ms = number_at(q, 2);
}

static void take_parts(struct item *item, struct query *q)
{
    item->last_part = number_at(q, 1);
}

/* All rows of a table, by session. */
static int sweep_table(struct sqlite_file *file, struct listing *l, const char *sql,
                       void (*take)(struct item *item, struct query *q))
{
    struct query q = {0};
    int rc = query_begin(&q, file, sql), more = 0;

    while (rc == 0 && (more = query_next(&q)) > 0) {
        struct item *item = item_of(l, text_at(&q, 0));

        if (item)
            take(item, &q);
    }
    query_end(&q);
    return rc < 0 ? rc : more;
}

static int sweep(struct sqlite_file *file, struct listing *l)
{
    int64_t start = monotonic_ns();
    int64_t rows = read_sessions(file, l, INT64_MIN);
    int rc = rows < 0 ? (int)rows : 0;

    if (rc == 0)
        rc = sweep_table(file, l, OF_MESSAGES "GROUP BY session_id", take_messages);
    if (rc == 0)
        rc = sweep_table(file, l, OF_PARTS "GROUP BY session_id", take_parts);
    l->swept_ns = monotonic_ns();
    l->sweep_ns = l->swept_ns - start;
    return rc;
}

/* Marks the sessions of rows that are new in a table. */
static int find_new(struct sqlite_file *file, struct listing *l, const char *sql, int64_t last)
{
    struct query q = {0};
    int rc = query_begin(&q, file, sql), more = 0;

    if (rc == 0 && sqlite3_bind_int64(q.stmt, 1, last) != SQLITE_OK)
        rc = -EBADMSG;
    while (rc == 0 && (more = query_next(&q)) > 0) {
        struct item *item = item_of(l, text_at(&q, 0));

        if (item)
            item->checked = true;
        else
            rc = SESSION_GONE; /* or its row number was that of another one */
    }
    query_end(&q);
    return rc ? rc : more;
}

static void take_row(struct item *item, struct query *q)
{
    item->updated_ms = number_at(q, 3);
    item->row = hash_of_row(q);
}

/* 0; SESSION_GONE: there is no row; or a negative errno */
static int check_one(struct query *q, struct item *item, void (*take)(struct item *item, struct query *q))
{
    int rc =
        sqlite3_bind_text(q->stmt, 1, item->id, -1, SQLITE_STATIC) == SQLITE_OK ? query_next(q) : -EBADMSG;

    if (rc > 0)
        take(item, q);
    sqlite3_reset(q->stmt);
    return rc < 0 ? rc : rc == 0;
}

static int check_marked(struct sqlite_file *file, struct listing *l)
{
    struct query rows = {0}, messages = {0}, parts = {0};
    int rc = query_begin(&rows, file, OF_SESSIONS "WHERE id = ?1");

    if (rc == 0)
        rc = query_begin(&messages, file, OF_MESSAGES "WHERE session_id = ?1");
    if (rc == 0)
        rc = query_begin(&parts, file, OF_PARTS "WHERE session_id = ?1");
    for (size_t i = 0; rc == 0 && i < l->n; i++) {
        if (!l->items[i].checked)
            continue;
        rc = check_one(&rows, &l->items[i], take_row);
        if (rc == 0)
            rc = check_one(&messages, &l->items[i], take_messages);
        if (rc == 0)
            rc = check_one(&parts, &l->items[i], take_parts);
    }
    query_end(&rows);
    query_end(&messages);
    query_end(&parts);
    return rc;
}

static int64_t time_of(const struct item *item)
{
    return item->updated_ms > item->message_ms ? item->updated_ms : item->message_ms;
}

/* What is known from the listing before; of that, what was in use is to be looked at. */
static int carry_over(struct listing *l, const struct listing *before)
{
    int in_use = 0, rc = 0;

    for (size_t i = 0; rc == 0 && i < before->n; i++) {
        rc = add_item(l, &before->items[i]);
        if (rc < 0)
            break;
        l->items[i].checked = time_of(&l->items[i]) >= before->newest_ms - IN_USE_MS && in_use < IN_USE_MAX;
        in_use += l->items[i].checked;
    }
    return rc;
}

/* 0; SESSION_GONE: all rows have to be looked at; or a negative errno */
static int find_changed(struct sqlite_file *file, struct listing *l, const struct listing *before)
{
    int rc = carry_over(l, before);
    int64_t rows = rc == 0 ? read_sessions(file, l, before->last_session) : rc;

    if (rows < 0)
        return (int)rows;
    if (before->rows + rows != l->rows)
        return SESSION_GONE;
    rc = find_new(file, l, "SELECT session_id FROM message WHERE rowid > ?1", before->last_message);
    if (rc == 0)
        rc = find_new(file, l, "SELECT session_id FROM part WHERE rowid > ?1", before->last_part);
    if (rc == 0)
        rc = check_marked(file, l);
    l->swept_ns = before->swept_ns;
    l->sweep_ns = before->sweep_ns;
    return rc;
}

static int find_or_sweep(struct sqlite_file *file, struct listing *l, const struct listing *before,
                         bool *swept)
{
    int rc = *swept ? SESSION_GONE : find_changed(file, l, before);

    if (rc != SESSION_GONE)
        return rc;
    *swept = true;
    items_clear(l);
    return sweep(file, l);
}

static bool is_sweep_due(const struct listing *before)
{
    return !before->swept_ns || monotonic_ns() - before->swept_ns >= SHARE * before->sweep_ns;
}

static void make_marks(struct listing *l, uint64_t tag)
{
    l->newest_ms = INT64_MIN;
    for (size_t i = 0; i < l->n; i++)
        if (time_of(&l->items[i]) > l->newest_ms)
            l->newest_ms = time_of(&l->items[i]);
    for (size_t i = 0; i < l->n; i++) {
        struct item *item = &l->items[i];
        uint64_t h = mix(mix(item->row, item->messages), (uint64_t)item->message_ms);

        h = mix(h, (uint64_t)item->last_part);
        if ((uint64_t)l->newest_ms - (uint64_t)time_of(item) <= RECENT_MS)
            h = mix(h, tag);
        item->mark = (struct member_mark){time_of(item), h};
    }
}

/* *swept: all rows were looked at. */
static int read_listing(const char *path, const struct listing *before, struct listing *l, bool *swept)
{
    struct sqlite_file *file = NULL;
    int rc = sqlite_file_open(path, &file);

    *swept = is_sweep_due(before);
    if (rc == 0)
        rc = read_number(file, "SELECT count(*) FROM session", &l->rows);
    if (rc == 0)
        rc = read_number(file, "SELECT max(rowid) FROM session", &l->last_session);
    if (rc == 0)
        rc = read_number(file, "SELECT max(rowid) FROM message", &l->last_message);
    if (rc == 0)
        rc = read_number(file, "SELECT max(rowid) FROM part", &l->last_part);
    if (rc == 0)
        rc = find_or_sweep(file, l, before, swept);
    if (rc == 0) {
        l->tag = sqlite_file_tag(file);
        l->listed_ns = l->tag == before->tag ? before->listed_ns : monotonic_ns();
        make_marks(l, l->tag);
    }
    if (rc == 0)
        rc = sqlite_file_check(file);
    sqlite_file_close(file);
    return rc;
}

/* Times move in ticks, so the files may have changed in the tick in which they were seen first. */
static bool is_same(const char *path, const struct listing *before)
{
    return before->tag && monotonic_ns() - before->listed_ns >= SETTLED_NS &&
           sqlite_file_tag_at(path) == before->tag;
}

/* Both are in order. */
static int report(const struct listing *before, const struct listing *l, const struct member_sink *sink)
{
    size_t i = 0, k = 0;
    int rc = 0;

    while (rc == 0 && (i < before->n || k < l->n)) {
        int d = i == before->n ? 1 : k == l->n ? -1 : by_id(&before->items[i], &l->items[k]);

        if (d < 0)
            rc = sink->gone(sink->ctx, before->items[i].id);
        else if (d > 0 || before->items[i].mark.time_ms != l->items[k].mark.time_ms ||
                 before->items[i].mark.digest != l->items[k].mark.digest)
            rc = sink->seen(sink->ctx, l->items[k].id, &l->items[k].mark);
        i += d <= 0;
        k += d >= 0;
    }
    return rc;
}

int opencode_db_list(const char *path, bool touched, void **known, const struct member_sink *sink)
{
    struct listing none = {0}, *before = *known ? *known : &none, *l = calloc(1, sizeof(*l));
    bool swept = false;
    int rc = l ? -EAGAIN : -ENOMEM;

    if (rc == -EAGAIN && !touched && is_same(path, before) && (before->swept || !is_sweep_due(before))) {
        free(l);
        return before->swept ? 0 : MEMBERS_AGAIN;
    }
    pool_renew();
    for (int i = 0; rc == -EAGAIN && i < LIST_TRIES; i++) {
        listing_clear(l);
        rc = read_listing(path, before, l, &swept);
    }
    if (rc == -ENOENT) { /* all are gone */
        int ended = report(before, l, sink);

        rc = ended < 0 ? ended : rc;
    } else if (rc == 0) {
        rc = report(before, l, sink);
    }
    if (rc < 0 && rc != -ENOENT) {
        opencode_db_forget(l);
        return rc;
    }
    l->swept = swept;
    opencode_db_forget(*known);
    *known = l;
    return rc < 0 ? rc : swept ? 0 : MEMBERS_AGAIN;
}

/* --- a session --- */

struct db_member {
    struct opencode_member member;
    struct connection connection;
    struct query session, messages, parts;
    bool in_session, in_parts;
};

static void db_close(struct opencode_member *member)
{
    struct db_member *m = (struct db_member *)member;

    query_end(&m->session);
    query_end(&m->messages);
    query_end(&m->parts);
    disconnect(&m->connection);
    free(m->member.line.ptr);
    free(m);
}

static void put_text(struct oks_bytes *b, const char *before, const char *text)
{
    oks_bytes_text(b, before);
    if (!text) {
        oks_bytes_text(b, "null");
        return;
    }
    oks_bytes_text(b, "\"");
    oks_bytes_json(b, oks_slice_of(text));
    oks_bytes_text(b, "\"");
}

/* The row of `session`, in the form of a session's file. */
static int session_line(struct db_member *m)
{
    struct oks_bytes b = {0};
    int64_t created = number_at(&m->session, 2);

    put_text(&b, "{\"parentID\":", text_at(&m->session, 0));
    put_text(&b, ",\"directory\":", text_at(&m->session, 1));
    oks_bytes_text(&b, ",\"time\":{\"created\":");
    oks_bytes_number(&b, created > 0 ? (uint64_t)created : 0);
    oks_bytes_text(&b, "}}");
    if (!b.error)
        opencode_line(&m->member, "session", text_at(&m->session, 3), b.ptr, b.len);
    free(b.ptr);
    return b.error ? b.error : 1;
}

static int row_line(struct db_member *m, struct query *q, const char *kind)
{
    const char *id = text_at(q, 0);
    int type = sqlite3_column_type(q->stmt, 1);
    const char *json = type == SQLITE_TEXT   ? (const char *)sqlite3_column_text(q->stmt, 1)
                       : type == SQLITE_BLOB ? sqlite3_column_blob(q->stmt, 1)
                                             : NULL;

    opencode_line(&m->member, kind, id ? id : "", json, json ? (size_t)sqlite3_column_bytes(q->stmt, 1) : 0);
    return 1;
}

/* 1: a part that may count; 0: the message has no more; or a negative errno */
static int next_part(struct db_member *m)
{
    int rc;

    while ((rc = query_next(&m->parts)) > 0) {
        int type = sqlite3_column_type(m->parts.stmt, 1);
        const char *json = type == SQLITE_TEXT ? (const char *)sqlite3_column_text(m->parts.stmt, 1) : NULL;

        if (json && opencode_part_counts(json, (size_t)sqlite3_column_bytes(m->parts.stmt, 1)))
            return row_line(m, &m->parts, "part");
    }
    sqlite3_reset(m->parts.stmt);
    m->in_parts = false;
    return rc;
}

static int db_next(struct opencode_member *member)
{
    struct db_member *m = (struct db_member *)member;
    const char *id;
    int rc;

    if (m->in_session) {
        m->in_session = false;
        return session_line(m);
    }
    rc = m->in_parts ? next_part(m) : 0;
    if (rc != 0)
        return rc;
    rc = query_next(&m->messages);
    if (rc == 0)
        return sqlite_file_check(m->connection.file) < 0 ? -ESTALE : 0;
    if (rc < 0)
        return rc;
    id = text_at(&m->messages, 0);
    m->in_parts = id != NULL;
    if (id && sqlite3_bind_text(m->parts.stmt, 1, id, -1, SQLITE_TRANSIENT) != SQLITE_OK)
        return -ENOMEM;
    return row_line(m, &m->messages, "message");
}

static int begin(struct db_member *m, const char *path, const char *session)
{
    struct sqlite_file *file;
    int rc = connect_to(path, &m->connection);

    file = m->connection.file;
    if (rc == 0)
        rc = query_begin(&m->session, file,
                         "SELECT parent_id, directory, time_created, id FROM session WHERE id = ?1");
    if (rc == 0)
        rc = query_begin(&m->messages, file, "SELECT id, data FROM message WHERE session_id = ?1");
    if (rc == 0)
        rc = query_begin(&m->parts, file, "SELECT id, data FROM part WHERE message_id = ?1");
    if (rc == 0 && (sqlite3_bind_text(m->session.stmt, 1, session, -1, SQLITE_TRANSIENT) != SQLITE_OK ||
                    sqlite3_bind_text(m->messages.stmt, 1, session, -1, SQLITE_TRANSIENT) != SQLITE_OK))
        rc = -ENOMEM;
    if (rc == 0)
        rc = query_next(&m->session);
    return rc == 0 ? -ENOENT : rc < 0 ? rc : 0;
}

int opencode_db_open(const char *path, const char *session, struct opencode_member **out)
{
    struct db_member *m = calloc(1, sizeof(*m));
    int rc = m ? begin(m, path, session) : -ENOMEM;

    if (rc < 0) {
        if (m)
            db_close(&m->member);
        return rc;
    }
    m->in_session = true;
    m->member.next = db_next;
    m->member.close = db_close;
    *out = &m->member;
    return 0;
}
