/*
 * The current session of a project: the one that asked last, by the time of its latest request.
 *
 * What a sub-agent asked counts for the session that started it: that is the conversation which a person has
 * in front of them.
 */
#include "documents/current.h"

#include <string.h>

enum { CHUNK = 64, PARENTS_MAX = 16 };

static int consider(void *ctx, size_t i, const struct request_row *row)
{
    const struct oks_request *r = &row->request;
    uint64_t *key = ctx;

    (void)i;
    if (!r->second_hand && !r->alias && r->part == OKS_PART_RESPONSE && r->stamp.key < OKS_STAMP_KEY_TEXT &&
        r->stamp.key > *key)
        *key = r->stamp.key;
    return 0;
}

/* Searches backwards in small steps: the latest request is nearly always among the last rows. */
static uint64_t latest_key(const struct transcript *t)
{
    uint64_t key = 0;

    for (size_t to = billing_part_rows(t->billed); to > 0 && key == 0;) {
        size_t from = to > CHUNK ? to - CHUNK : 0;

        requests_each(t->state.requests, from, to, consider, &key);
        to = from;
    }
    return key;
}

/* No request of a transcript is later than its last event; an unfinished line is in no sum. */
static bool may_be_later(const struct transcript *t, uint64_t key)
{
    return t->tail || t->totals.last.key == OKS_STAMP_KEY_TEXT ||
           (t->totals.stamped && t->totals.last.key >= key);
}

/* The conversation that the session is a part of, in its project. */
static const struct session *conversation_of(struct catalog *catalog, const struct session *s)
{
    for (int i = 0; i < PARENTS_MAX && s->parent; i++) {
        const struct session *parent = catalog_session(catalog, s->parent);

        if (!parent || parent->project != s->project)
            break;
        s = parent;
    }
    return s;
}

const struct session *project_current(struct catalog *catalog, const struct project *p)
{
    const struct session *best = NULL, *s, *asks;
    const struct transcript *t;
    uint64_t best_key = 0;

    LIST_FOREACH(s, &p->sessions, of_project) {
        uint64_t key = 0;

        TAILQ_FOREACH(t, &s->transcripts, of_session) {
            uint64_t of_file = t->remnant || !may_be_later(t, best_key) ? 0 : latest_key(t);

            key = of_file > key ? of_file : key;
        }
        if (key == 0 || key < best_key)
            continue;
        asks = conversation_of(catalog, s);
        if (key > best_key || strcmp(asks->name, best->name) < 0)
            best = asks;
        best_key = key;
    }
    return best;
}
