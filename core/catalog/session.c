/*
 * Attributes of a session: each is that of its first transcript, by path, that has one.
 */
#include <string.h>

#include "catalog/catalog.h"

const struct source *session_source(const struct session *s)
{
    const struct transcript *t = TAILQ_FIRST(&s->transcripts);

    return t ? t->source : oks_sources[0];
}

bool session_has_twin(const struct session *s, const struct transcript *t)
{
    (void)s;
    return t->remnant || t->twin || t->copy;
}

void session_twins_renew(struct session *s, const struct file_mark *mark)
{
    struct transcript *t;
    bool met = false;

    if (!mark->ino)
        return;
    TAILQ_FOREACH(t, &s->transcripts, of_session) {
        if (t->mark.ino != mark->ino || t->mark.dev != mark->dev)
            continue;
        s->twins_changed |= t->twin != met;
        t->twin = met;
        met = true;
    }
}

/* Sources whose lines count wherever they are: of the others a copy has no events (placement.c). */
static bool counts_each_copy(const struct transcript *t)
{
    return !t->source->assumed && !t->source->agrees;
}

static bool is_same_transcript(const struct transcript *a, const struct transcript *b)
{
    return a->source == b->source && !a->remnant && !a->twin && a->loaded &&
           strcmp(catalog_rel(a), catalog_rel(b)) == 0;
}

/* Whether `a` counts rather than `b`: it has more events; of equals the one of this machine, then by host. */
static bool is_before(const struct transcript *a, const struct transcript *b)
{
    uint64_t of_a = a->totals.events + transcript_tail(a)->counts;
    uint64_t of_b = b->totals.events + transcript_tail(b)->counts;

    return of_a != of_b ? of_a > of_b : a->root->rank < b->root->rank;
}

/* Two transcripts of one machine are never copies of each other. */
static bool is_copy(const struct session *s, const struct transcript *t)
{
    const struct transcript *other;

    TAILQ_FOREACH(other, &s->transcripts, of_session)
        if (other->root->host != t->root->host && is_same_transcript(other, t) && is_before(other, t))
            return true;
    return false;
}

void session_copies_renew(struct session *s, const struct transcript *t)
{
    struct transcript *other;

    if (!s->n_hosted || s->n_transcripts == 1 || !counts_each_copy(t))
        return;
    TAILQ_FOREACH(other, &s->transcripts, of_session) {
        bool copy;

        if (!is_same_transcript(other, t))
            continue;
        copy = is_copy(s, other);
        s->twins_changed |= other->copy != copy;
        other->copy = copy;
    }
}

void session_file_changed(struct transcript *t, const struct file_mark *before)
{
    if (!t->session || (t->mark.ino == before->ino && t->mark.dev == before->dev))
        return;
    if (!t->mark.ino && t->twin) {
        t->session->twins_changed = true;
        t->twin = false;
    }
    session_twins_renew(t->session, before);
    session_twins_renew(t->session, &t->mark);
    session_copies_renew(t->session, t);
}

const char *session_agent_name(const struct session *s)
{
    const struct transcript *t;
    const char *name = NULL;

    TAILQ_FOREACH(t, &s->transcripts, of_session)
        if (!name)
            name = transcript_agent_name(t);
    return name;
}

const char *session_label(const struct session *s)
{
    const struct transcript *t;
    const char *name = session_agent_name(s);

    TAILQ_FOREACH(t, &s->transcripts, of_session)
        if (!name)
            name = transcript_label(t);
    return name;
}

const char *session_model(const struct session *s)
{
    const struct transcript *t;
    const char *model = NULL;

    TAILQ_FOREACH(t, &s->transcripts, of_session)
        if (!model)
            model = transcript_model(t);
    return model;
}

size_t session_transcripts(const struct session *s)
{
    const struct transcript *t;
    size_t n = 0;

    TAILQ_FOREACH(t, &s->transcripts, of_session)
        n += !session_has_twin(s, t);
    return n;
}

bool session_is_live(const struct session *s)
{
    const struct transcript *t;

    TAILQ_FOREACH(t, &s->transcripts, of_session)
        if (!t->retained)
            return true;
    return false;
}

struct oks_stamp session_first(const struct session *s)
{
    struct oks_totals all = OKS_TOTALS_NONE;
    const struct transcript *t;

    TAILQ_FOREACH(t, &s->transcripts, of_session) {
        struct oks_totals part = transcript_span(t);

        if (!session_has_twin(s, t))
            oks_totals_add(&all, &part);
    }
    return all.first;
}
