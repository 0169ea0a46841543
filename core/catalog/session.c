/*
 * Attributes of a session: each is that of its first transcript, by path, that has one.
 */
#include "catalog/catalog.h"

const struct source *session_source(const struct session *s)
{
    const struct transcript *t = TAILQ_FIRST(&s->transcripts);

    return t ? t->source : &oks_source_claude;
}

bool session_has_twin(const struct session *s, const struct transcript *t)
{
    (void)s;
    return t->remnant || t->twin;
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
