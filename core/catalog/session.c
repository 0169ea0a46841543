/*
 * Attributes of a session: each is that of its first transcript, by path, that has one.
 */
#include "catalog/catalog.h"

const struct source *session_source(const struct session *s)
{
    const struct transcript *t = LIST_FIRST(&s->transcripts);

    return t ? t->source : &oks_source_claude;
}

bool session_has_twin(const struct session *s, const struct transcript *t)
{
    const struct transcript *other;

    if (t->remnant)
        return true;
    LIST_FOREACH(other, &s->transcripts, of_session) {
        if (other == t)
            return false;
        if (t->mark.ino && other->mark.ino == t->mark.ino && other->mark.dev == t->mark.dev)
            return true;
    }
    return false;
}

const char *session_agent_name(const struct session *s)
{
    const struct transcript *t;
    const char *name = NULL;

    LIST_FOREACH(t, &s->transcripts, of_session)
        if (!name)
            name = transcript_agent_name(t);
    return name;
}

const char *session_label(const struct session *s)
{
    const struct transcript *t;
    const char *name = session_agent_name(s);

    LIST_FOREACH(t, &s->transcripts, of_session)
        if (!name)
            name = transcript_label(t);
    return name;
}

const char *session_model(const struct session *s)
{
    const struct transcript *t;
    const char *model = NULL;

    LIST_FOREACH(t, &s->transcripts, of_session)
        if (!model)
            model = transcript_model(t);
    return model;
}

size_t session_transcripts(const struct session *s)
{
    const struct transcript *t;
    size_t n = 0;

    LIST_FOREACH(t, &s->transcripts, of_session)
        n += !session_has_twin(s, t);
    return n;
}

bool session_is_live(const struct session *s)
{
    const struct transcript *t;

    LIST_FOREACH(t, &s->transcripts, of_session)
        if (!t->retained)
            return true;
    return false;
}

struct oks_stamp session_first(const struct session *s)
{
    struct oks_totals all = OKS_TOTALS_NONE;
    const struct transcript *t;

    LIST_FOREACH(t, &s->transcripts, of_session) {
        struct oks_totals part = transcript_span(t);

        if (!session_has_twin(s, t))
            oks_totals_add(&all, &part);
    }
    return all.first;
}
