/*
 * stats/by-day.json and stats/by-hour.json: rows of local time.
 *
 * A key says where its row begins: a date, or a time with its distance from UTC, so that the hour that
 * returns when clocks are put back has a key of its own, and every key of hours can be a bound of a window.
 *
 * A window takes rows whole, but for the two that it may cut: there every session that reaches into them is
 * asked.
 */
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "time/calendar.h"
#include "documents/usage.h"
#include "okstrafs/zone.h"

enum { DAY_S = 86400, KEY_TEXT = 64 };

/* --- rows that the window cuts --- */

struct cutting {
    struct stats *s;
    uint64_t lo, hi;
    struct measure *sum;
    struct billed_bag *bag;
};

static bool in_cut(const struct cutting *c, struct oks_stamp stamp)
{
    return stamp.key >= c->lo && stamp.key <= c->hi && stamp.key < OKS_STAMP_KEY_TEXT;
}

static int cut_request(void *ctx, const struct billing_visit *visit)
{
    const struct cutting *c = ctx;
    struct billed_sum *to = in_cut(c, visit->stamp) ? billed_bag_at(c->bag, visit->model) : NULL;

    if (to)
        billed_add(to, visit->sum);
    else if (in_cut(c, visit->stamp))
        c->s->ok = false;
    return 0;
}

/* Whether any request of it may be between the bounds: one that is lent may be at any time. */
static bool may_reach(const struct cutting *c, const struct transcript *t)
{
    struct oks_stamp first = t->totals.first, last = t->totals.last;

    if (billing_part_rows(t->billed) == 0)
        return false;
    return billing_has_substitutes(t->billed) || t->tail || first.key == OKS_STAMP_KEY_TEXT ||
           last.key == OKS_STAMP_KEY_TEXT || (first.key <= c->hi && last.key >= c->lo && t->totals.stamped);
}

static void cut_session(const void *node, VISIT visit, void *ctx)
{
    const struct session *session = *(struct session *const *)node;
    struct cutting *c = ctx;
    struct transcript *t;
    struct measure m;

    if (visit != postorder && visit != leaf)
        return;
    times_session(session, c->lo, c->hi, &m);
    if (m.totals.events > 0)
        measure_add(c->sum, &m);
    LIST_FOREACH(t, &session->transcripts, of_session) {
        if (may_reach(c, t))
            billing_each(c->s->e->billing, t->billed, cut_request, c);
    }
}

static void cut_row(struct stats *s, uint64_t lo, uint64_t hi, struct measure *m, struct billed_bag *bag)
{
    struct cutting c = {s, lo, hi, m, bag};

    measure_start(m);
    twalk_r(s->e->sessions, cut_session, &c);
}

bool times_row_in_window(struct stats *s, struct time_row *row, struct measure *m,
                         const struct billed_bag **billed, struct billed_bag *room)
{
    uint64_t lo = row->lo, hi = row->hi;

    if (s->window && !oks_stamp_is_none(s->w.since) && s->w.since.key > lo)
        lo = s->w.since.key;
    if (s->window && !oks_stamp_is_none(s->w.until) && s->w.until.key < hi)
        hi = s->w.until.key;
    if (lo > hi)
        return false;
    if (lo == row->lo && hi == row->hi) {
        times_row_measure(s->e, row, m);
        *billed = &row->billed;
    } else {
        cut_row(s, lo, hi, m, room);
        *billed = room;
    }
    return m->totals.events > 0 || !billed_bag_is_zero(*billed);
}

/* --- documents --- */

static void key_of(const struct stats *s, const struct time_row *row, enum time_kind kind, char out[KEY_TEXT])
{
    int32_t offset = oks_zone_offset(s->e->zone, row->start, NULL), away = offset < 0 ? -offset : offset;
    int64_t local = row->start + offset, days = local / DAY_S - (local % DAY_S < 0);
    int in_day = (int)(local - days * DAY_S);
    struct date date;
    char zone[16] = "Z";

    if (kind == TIMES_DAYS) {
        days = oks_zone_day(s->e->zone, row->start);
        in_day = 0;
    }
    date = date_of_days(days);
    if (kind == TIMES_DAYS) {
        snprintf(out, KEY_TEXT, "%04d-%02d-%02d", date.year, date.month, date.day);
        return;
    }
    if (offset)
        snprintf(zone, sizeof(zone), "%c%02d:%02d", offset < 0 ? '-' : '+', away / 3600 % 100,
                 away / 60 % 60);
    snprintf(out, KEY_TEXT, "%04d-%02d-%02dT%02d:%02d%s", date.year, date.month, date.day, in_day / 3600,
             in_day / 60 % 60, zone);
}

static const struct measure_window open_window = {.since = {.key = OKS_STAMP_KEY_NONE},
                                                  .until = {.key = OKS_STAMP_KEY_NONE}};

static json_object *row_object(struct stats *s, struct time_row *row, enum time_kind kind,
                               const struct measure *m, const struct billed_bag *billed)
{
    bool whole = billed == &row->billed && !s->wanting;
    uint64_t version = priced_version(s->e, row->version);
    json_object *object;
    char key[KEY_TEXT];

    if (whole && remembered_is(&row->text, version, &open_window, STATS_ROW_LEVEL))
        return remembered_part(&row->text);
    key_of(s, row, kind, key);
    object = stats_row(key, m, billed);
    return whole ? remembered_keep(&row->text, object, version, &open_window, STATS_ROW_LEVEL) : object;
}

/* --- rows in one piece --- */

/* Of n rows at the most: those from `first` on. */
static size_t piece_len(const struct time_table *table, size_t first)
{
    return table->n - first < TIME_PIECE ? table->n - first : TIME_PIECE;
}

/* One more text behind those before it, as the elements of an array are written. */
static int piece_append(struct time_piece *piece, const struct remembered *text)
{
    static const char between[] = ",\n    "; /* STATS_ROW_LEVEL containers deep */
    struct remembered *to = &piece->text;
    size_t len = (size_t)to->len, more = (size_t)text->len + sizeof(between);

    if (piece->text_room - len < more) {
        size_t room = (len + more) * 2;
        char *bytes = realloc(to->text, room);

        if (!bytes)
            return -ENOMEM;
        to->text = bytes;
        piece->text_room = room;
    }
    if (len) {
        memcpy(to->text + len, between, sizeof(between) - 1);
        len += sizeof(between) - 1;
    }
    memcpy(to->text + len, text->text, (size_t)text->len);
    to->len = (int)len + text->len;
    return 0;
}

/* Whether the row's text is what would be shown of it now; of nothing, none is. */
static bool is_as_shown(const struct stats *s, const struct time_row *row)
{
    uint64_t version = priced_version(s->e, row->version);

    return !row->sum.stale && (remembered_is(&row->text, version, &open_window, STATS_ROW_LEVEL) ||
                               (row->sum.events == 0 && billed_bag_is_zero(&row->billed)));
}

static int piece_add(struct stats *s, struct time_piece *piece, struct time_row *row)
{
    struct measure m;

    times_row_measure(s->e, row, &m);
    if (m.totals.events == 0 && billed_bag_is_zero(&row->billed))
        return 0;
    measure_add(&piece->sum, &m);
    return billed_bag_add(&piece->billed, &row->billed) < 0 ? -ENOMEM : piece_append(piece, &row->text);
}

/* False: one of the rows has changed since it was shown, or never was; or out of memory. */
static bool piece_make(struct stats *s, struct time_piece *piece, struct time_row **rows, size_t n)
{
    piece->first = NULL;
    for (size_t i = 0; i < n; i++)
        if (!is_as_shown(s, rows[i]))
            return false;
    piece->text.len = 0;
    billed_bag_clear(&piece->billed);
    measure_start(&piece->sum);
    for (size_t i = 0; i < n; i++)
        if (piece_add(s, piece, rows[i]) < 0)
            return false;
    piece->first = rows[0];
    piece->last = rows[n - 1];
    piece->version = time_rows_version(s->e, rows, n);
    return true;
}

/* For all rows at once, because a document borrows from what is there. False: out of memory. */
static bool pieces_reserve(struct time_table *table)
{
    size_t n = (table->n + TIME_PIECE - 1) / TIME_PIECE;
    struct time_piece *pieces;

    if (n <= table->n_pieces)
        return true;
    pieces = reallocarray(table->pieces, n, sizeof(*pieces));
    if (!pieces)
        return false;
    memset(&pieces[table->n_pieces], 0, (n - table->n_pieces) * sizeof(*pieces));
    table->pieces = pieces;
    table->n_pieces = n;
    return true;
}

/* The piece that starts with row `first`; NULL: its rows are to be shown one by one. */
static const struct time_piece *piece_at(struct stats *s, struct time_table *table, size_t first)
{
    struct time_row **rows = &table->rows[first];
    size_t n = piece_len(table, first);
    struct time_piece *piece = &table->pieces[first / TIME_PIECE];

    if (piece->first == rows[0] && piece->last == rows[n - 1] &&
        piece->version == time_rows_version(s->e, rows, n))
        return piece;
    return piece_make(s, piece, rows, n) ? piece : NULL;
}

/* --- the document --- */

struct showing {
    struct stats *s;
    enum time_kind kind;
    struct measure sum; /* of the rows */
    struct billed_bag billed;
};

static void show_row(struct showing *show, struct time_row *row)
{
    struct stats *s = show->s;
    const struct billed_bag *billed;
    struct billed_bag room = {0};
    struct measure m;

    if (times_row_in_window(s, row, &m, &billed, &room)) {
        measure_add(&show->sum, &m);
        s->ok &= billed_bag_add(&show->billed, billed) == 0;
        stats_add(s, row_object(s, row, show->kind, &m, billed));
    }
    billed_bag_clear(&room);
}

static void show_piece(struct showing *show, const struct time_piece *piece)
{
    measure_add(&show->sum, &piece->sum);
    show->s->ok &= billed_bag_add(&show->billed, &piece->billed) == 0;
    if (piece->text.len)
        stats_add(show->s, remembered_part(&piece->text));
}

void stats_times(struct stats *s, enum time_kind kind)
{
    struct time_table *table = &s->e->times.tables[kind];
    struct showing show = {.s = s, .kind = kind};
    bool in_pieces = !s->window && pieces_reserve(table);

    measure_start(&show.sum);
    for (size_t i = 0; s->ok && i < table->n; i += TIME_PIECE) {
        const struct time_piece *piece = in_pieces ? piece_at(s, table, i) : NULL;

        if (piece)
            show_piece(&show, piece);
        for (size_t k = 0; !piece && k < piece_len(table, i); k++)
            show_row(&show, table->rows[i + k]);
    }
    if (s->ok)
        stats_add_rest(s, "unknown", &show.sum, &show.billed);
    billed_bag_clear(&show.billed);
}
