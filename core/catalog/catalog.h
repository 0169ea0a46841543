/*
 * The catalog: which transcripts, sessions, projects and teams there are, and who belongs to whom.
 *
 * A transcript belongs to a session, a session to the project of its first transcript, and to each team that
 * one of its transcripts names. What other folders keep of a session or a transcript hangs on it behind a
 * pointer that is opaque here.
 *
 * Not thread safe: the owner locks.
 */
#ifndef OKSTRAFS_CATALOG_CATALOG_H
#define OKSTRAFS_CATALOG_CATALOG_H

#include <sys/queue.h>

#include "base/versions.h"
#include "catalog/transcript.h"
#include "okstrafs/names.h"

struct project {
    char name[OKS_NAME_MAX + 1];
    LIST_HEAD(, session) sessions;
    uint64_t version;
    struct project_sums *sums; /* of sums/; NULL: none yet */
};

struct membership {
    struct session *session;
    struct team *team;
    char *spelling; /* as first written in that session */
    LIST_ENTRY(membership) of_team;
    LIST_ENTRY(membership) of_session;
};

struct session {
    const char *name;        /* the id as a file name; lies behind the struct */
    char *id;                /* the id: stem of the transcript's file name */
    char *parent;            /* the session that started it, as a file name; NULL: a session of its own */
    struct project *project; /* of its first transcript; NULL: none */
    LIST_ENTRY(session) of_project;
    LIST_HEAD(, transcript) transcripts; /* ascending by path */
    LIST_HEAD(, membership) teams;
    uint64_t version;
    struct session_sums *sums; /* of sums/ */
    struct stream *stream;     /* of streams/ */
};

struct team {
    char name[OKS_NAME_MAX + 1]; /* as listed */
    char *key;                   /* its escaped name, folded */
    LIST_HEAD(, membership) members;
    LIST_HEAD(, team_run) runs; /* newest first */
    uint64_t version;
};

/* Zeroed but for `versions`, and catalog_init(): empty. */
struct catalog {
    struct versions *versions;
    void *transcripts; /* tsearch trees: by path */
    void *sessions;    /* by name */
    void *projects;    /* by name */
    void *teams;       /* by key */
    size_t n_sessions, n_projects, n_teams, n_transcripts;
    size_t n_unplaced; /* transcripts whose session and project are not known before they are scanned */
    LIST_HEAD(, transcript) forks;
    TAILQ_HEAD(dirty_queue, transcript) dirty; /* to be scanned */
    LIST_HEAD(, transcript) linked;            /* their files have other names */
};

void catalog_init(struct catalog *c, struct versions *versions);
/* All transcripts have left, and with them sessions and projects. */
void catalog_clear(struct catalog *c);

/* --- catalog.c: sessions and transcripts --- */

struct session *catalog_session(struct catalog *c, const char *name);
/* Whose child it is, by that one's id; absent: nobody's, and so where memory is out. */
void catalog_set_parent(struct session *s, struct oks_slice id);
struct team *catalog_team(struct catalog *c, const char *name);
/* The team of a name from inside a file, made if need be; NULL on ENOMEM. */
struct team *catalog_team_made(struct catalog *c, struct oks_slice raw);
struct transcript *catalog_transcript(struct catalog *c, const char *path);
/* The session of an id, made if need be; NULL on ENOMEM. It has to get a transcript or be released. */
struct session *catalog_session_made(struct catalog *c, struct oks_slice id);
/* A new transcript of the session. Takes over the last two names; NULL on ENOMEM. */
struct transcript *catalog_transcript_made(struct catalog *c, struct session *s, struct root *root,
                                           const char *path, char *cache_folder, char *cache_name);
/* It becomes another session's. */
void catalog_move(struct transcript *t, struct session *to);
void catalog_mark_dirty(struct catalog *c, struct transcript *t, bool touched);
/* Frees a session of which nothing is left. */
void catalog_session_remove(struct catalog *c, struct session *s);
/* Gives up a transcript, which the caller frees. */
void catalog_transcript_remove(struct catalog *c, struct transcript *t);
/* Whether the file has other names: a change under one is then looked for under those that we know. */
void catalog_linked(struct catalog *c, struct transcript *t, bool linked);
/* Its file left its folder: the next sync of any kind drops it, unless the file is back by then. */
void catalog_mark_lost(struct catalog *c, struct transcript *t);
/* placement.c: sources whose transcripts say themselves where they belong, and what they repeat */
/* The name of the project that a working directory is, as Claude Code names its folder. */
void placement_project_of_cwd(const char *cwd, char out[OKS_NAME_MAX + 1]);
/* The project that the session's transcripts tell of; false: none yet. */
bool placement_project(const struct session *s, char out[OKS_NAME_MAX + 1]);
void placement_parent(struct session *s);
/* Memos of what the transcript may repeat, one a line; malloc'ed, NULL on ENOMEM. */
char *placement_peer_states(struct catalog *c, const struct transcript *t);
/* After a commit, or when the transcript is leaving: those whose content depends on it are scanned anew where
 * they would then tell something else. */
void placement_changed(struct catalog *c, struct transcript *t, bool leaves);

/* session.c */
const struct source *session_source(const struct session *s);
/* As its records call its agent; NULL: they do not. */
const char *session_agent_name(const struct session *s);
/* The same; and where they do not, as the file beside a transcript calls it. NULL: neither. */
const char *session_label(const struct session *s);
const char *session_model(const struct session *s);
/* One file reached by two names (hard links, overlapping roots) counts once in a session. */
bool session_has_twin(const struct session *s, const struct transcript *t);
size_t session_transcripts(const struct session *s);
/* Whether a transcript of it is there: not deleted. */
bool session_is_live(const struct session *s);
/* The time of its first event; none where no event has one. */
struct oks_stamp session_first(const struct session *s);

/* projects.c */
struct project *catalog_project(struct catalog *c, const char *name);
/* The transcript's path below its root. */
const char *catalog_rel(const struct transcript *t);
/*
 * A session's first transcript is another one, or tells more: its project and its parent are those of the
 * first. 1: it moved from *from (NULL: from none), which is to be released. 0: it did not. -ENOMEM
 */
int catalog_assign_project(struct catalog *c, struct session *s, struct project **from);
/* A session left the project. True: it was the last one, and the project is gone from the catalog: free it.
 */
bool catalog_project_release(struct catalog *c, struct project *p);

/* teams.c */
/* Removes the team if nothing keeps it. */
void catalog_team_release(struct catalog *c, struct team *team);
/* Joins the teams that the session's transcripts name now and leaves the others. -ENOMEM */
int catalog_session_teams(struct catalog *c, struct session *s);
void catalog_membership_end(struct catalog *c, struct membership *m);

#endif
