/*
 * The catalog: the transcripts, sessions, projects and teams, and which belongs to which.
 *
 * A transcript belongs to a session, a session to the project of its first transcript, and to each team that
 * one of its transcripts names. Layers above keep their data of a session or transcript behind an opaque
 * pointer in it.
 *
 *     s = catalog_session_made(c, id);
 *     t = catalog_transcript_made(c, s, root, path, folder, name);
 *     catalog_mark_dirty(c, t, true);                 ... scan, commit ...
 *     catalog_assign_project(c, s, &from);
 *     catalog_session_teams(c, s);
 *
 * Not thread safe: the model's lock covers it.
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
    char *spelling;    /* as it was first written in that session */
    struct lead *lead; /* the session is a teammate inside this lead's process; NULL: it is not */
    LIST_ENTRY(membership) of_team;
    LIST_ENTRY(membership) of_session;
    LIST_ENTRY(membership) of_lead;
};

/* A session that started teammates inside its process; it need not exist. */
struct lead {
    char *name; /* of the session */
    LIST_HEAD(, membership) teammates;
    LIST_HEAD(, session) unnamed; /* teammates whose team only its records may name */
};

/* A session that others name as their parent; it need not exist. */
struct parent {
    char *name; /* of the session */
    LIST_HEAD(, session) children;
};

/* A session that transcripts may repeat, by their reader states; it need not exist. */
struct origin {
    char *name; /* of the session */
    LIST_HEAD(, transcript) forks;
};

/* A machine; see hosts.h. */
struct host {
    char name[OKS_NAME_MAX + 1]; /* as listed */
    char **folders;              /* as configured; of this machine none */
    size_t n_folders;
    LIST_HEAD(, root) roots; /* in these */
    uint64_t version;
};

struct session {
    const char *name;        /* the id as a file name; stored behind the struct */
    char *id;                /* the stem of the transcript's file name */
    const char *parent;      /* name of the session that started this one; NULL: none did */
    struct parent *child_of; /* what `parent` belongs to; NULL: none */
    LIST_ENTRY(session) of_parent;
    struct project *project; /* of its first transcript; NULL: none */
    LIST_ENTRY(session) of_project;
    TAILQ_HEAD(session_transcripts, transcript) transcripts; /* ascending by path */
    size_t n_transcripts;
    size_t n_remnants;              /* of these, remnants */
    size_t n_hosted;                /* of these, transcripts of other machines */
    size_t n_older;                 /* of these, those that name another session as the oldest one ... */
    const struct transcript *older; /* ... and the one whose name comes first; NULL: to be looked for */
    bool twins_changed;             /* since sums/ saw them last */
    LIST_HEAD(, membership) teams;
    bool in_other_teams; /* in catalog.in_other_teams */
    LIST_ENTRY(session) of_other_teams;
    struct lead *unnamed_of; /* see struct lead; NULL: none */
    LIST_ENTRY(session) of_unnamed;
    uint64_t version; /* set by catalog_session_changed() alone */
    TAILQ_ENTRY(session) of_version;
    struct session_sums *sums;   /* of sums/ */
    struct stream *stream;       /* of streams/ */
    struct session_facts *facts; /* of documents/, malloc'ed; NULL: not made */
    /* engine/commit.c: commits that its own numbers do not have yet */
    LIST_ENTRY(session) of_postponed;
    size_t n_postponed;
    bool unassigned; /* its project and its parent are to be found anew */
    bool teams_due;  /* one of them changed its teams */
};

struct team {
    char name[OKS_NAME_MAX + 1]; /* as listed */
    char *key;                   /* its escaped name, folded */
    LIST_HEAD(, membership) members;
    struct membership *first; /* whose spelling is listed; NULL: to be found */
    LIST_HEAD(team_runs, team_run) runs;
    const struct team_run *spelled_by; /* without a session: the run whose path sorts first, */
    const char *run_spelling;          /* and how it writes the name; NULL: there is none */
    bool runs_changed;                 /* they are not sorted yet: teams/runs.c, which has the rest as well */
    struct team_run **runs_by_name;    /* NULL: not made */
    size_t n_by_name;
    struct team_members *by_member; /* of teams/members.c; NULL: not made */
    struct team_bill *bill;         /* of documents/, malloc'ed; NULL: not made */
    uint64_t version;               /* set by catalog_team_changed() alone */
    uint64_t arranged;              /* the version when its sessions, runs or leads were last others */
    TAILQ_ENTRY(team) of_version;
    uint64_t told;         /* the version that streams/ have seen, */
    uint64_t told_members; /* and its name and its sessions then, as a hash */
};

enum { INODE_CHAINS = 64 };
LIST_HEAD(inode_chain, transcript);

/* Transcripts by the inode of their file; zeroed: empty. */
struct inode_map {
    struct inode_chain first[INODE_CHAINS]; /* until there are more */
    struct inode_chain *chains;
    size_t n_chains, n;
    struct inode_chain unseen; /* new ones: their inode is not known yet */
};

/* Zeroed but for `versions`, then catalog_init(): empty. */
struct catalog {
    struct versions *versions;
    void *transcripts;                /* tsearch trees: by path */
    void *sessions;                   /* by name */
    TAILQ_HEAD(, session) by_version; /* the one that changed last is the first */
    TAILQ_HEAD(, team) teams_by_version;
    LIST_HEAD(, session) in_other_teams;     /* since sums/ saw them, or a team has another name */
    struct ranked_teams *ranked_teams;       /* of documents/, malloc'ed; NULL: not made */
    struct told_limits *limits[OKS_SOURCES]; /* the same */
    uint64_t limits_left;                    /* the version when a transcript of a source with limits left */
    void *projects;                          /* by name */
    void *teams;                             /* by key */
    void *leads;                             /* by name */
    void *parents;                           /* by name */
    void *origins;                           /* by name */
    struct host own;                         /* this machine */
    struct host **hosts;                     /* the others, ascending by name */
    size_t n_hosts;
    size_t n_sessions, n_projects, n_teams, n_transcripts;
    struct file_counts files;         /* see catalog_count() */
    size_t n_unplaced;                /* transcripts whose session and project are known only after a scan */
    size_t n_late_dirty;              /* dirty ones that are late: see catalog_is_late() */
    LIST_HEAD(, transcript) related;  /* those for which their family makes a difference */
    bool families_changed;            /* since the last check */
    LIST_HEAD(, transcript) suspects; /* whose events may include requests that others own by now */
    const struct billing *billing;    /* says which requests those are; may be NULL if no source needs it */
    TAILQ_HEAD(dirty_queue, transcript) dirty; /* to be scanned */
    LIST_HEAD(, transcript) linked;            /* transcripts whose file has several names */
    struct inode_map by_inode;
    bool links_due;  /* one of them changed since the last check */
    bool links_new;  /* one has joined them since then */
    bool links_gone; /* one has left them: its file may have changed before */
};

void catalog_init(struct catalog *c, struct versions *versions);
/* Call it after all transcripts, sessions and projects are removed. */
void catalog_clear(struct catalog *c);

/* --- by_inode.c: transcripts by the inode of their file --- */

/* A new transcript, or one to be scanned: in the list of those whose inode is unknown. */
void catalog_inode_unseen(struct catalog *c, struct transcript *t);
/* Its file has this inode, or (0) none that is known. Call it again when t->retained changes. */
void catalog_inode_is(struct catalog *c, struct transcript *t, uint64_t ino);
void catalog_inode_gone(struct catalog *c, struct transcript *t);
/* The first and the next one of an inode that is retained, or that is not; NULL: no more. */
struct transcript *catalog_of_inode(struct catalog *c, uint64_t ino, bool retained);
struct transcript *catalog_of_inode_next(const struct transcript *t);

/* --- catalog.c: sessions and transcripts --- */

struct session *catalog_session(struct catalog *c, const char *name);
/* The session, or the team, has this version now, which is the newest of all. */
void catalog_session_changed(struct catalog *c, struct session *s, uint64_t version);
void catalog_team_changed(struct catalog *c, struct team *team, uint64_t version);
/* The same with a new version, where more has changed than the numbers of its sessions. */
void catalog_team_arranged(struct catalog *c, struct team *team);
/* Sets the parent to the session of this id; absent: none. 0 or -ENOMEM: nothing has changed. */
int catalog_set_parent(struct catalog *c, struct session *s, struct oks_slice id);
/* Those that name the session of this name as their parent; NULL: none do. */
const struct parent *catalog_parent(const struct catalog *c, const char *name);
struct team *catalog_team(struct catalog *c, const char *name);
/* The team of a name from inside a file, created if needed; NULL on ENOMEM. */
struct team *catalog_team_made(struct catalog *c, struct oks_slice raw);
struct transcript *catalog_transcript(struct catalog *c, const char *path);
/* The session of an id, created if needed; NULL on ENOMEM. It must then get a transcript, or be removed. */
struct session *catalog_session_made(struct catalog *c, struct oks_slice id);
/* A new transcript of the session. Takes over the last two names; NULL on ENOMEM. */
struct transcript *catalog_transcript_made(struct catalog *c, struct session *s, struct root *root,
                                           const char *path, char *cache_folder, char *cache_name);
/* Moves the transcript to another session. */
void catalog_move(struct transcript *t, struct session *to);
/* Whether its session and project change with its records. A member of a container keeps those it was found
 * with. */
bool catalog_is_late(const struct transcript *t);
void catalog_mark_dirty(struct catalog *c, struct transcript *t, bool touched);
void catalog_mark_clean(struct catalog *c, struct transcript *t);
/* A dirty one goes to the end of the queue. */
void catalog_dirty_last(struct catalog *c, struct transcript *t);
/* Frees a session without transcripts. */
void catalog_session_remove(struct catalog *c, struct session *s);
/* The sums of all files get what the transcript's comes to now. Call it when its mark, its lines, its
 * error or t->retained have changed. */
void catalog_count(struct catalog *c, struct transcript *t);
/* Removes a transcript; the caller frees it. */
void catalog_transcript_remove(struct catalog *c, struct transcript *t);
/* Sets whether the file has several names. Call it before the transcript gets the file's mark. */
void catalog_linked(struct catalog *c, struct transcript *t, bool linked, const struct file_mark *file);
/* After a change of a linked transcript: makes its file dirty under all other names. 0 or -ENOMEM */
int catalog_check_links(struct catalog *c);
/*
 * The file left its folder. The next sync of any kind drops the transcript, unless the file is back by then.
 */
void catalog_mark_lost(struct catalog *c, struct transcript *t);
/*
 * placement.c: sources whose records, not paths, name session and project; and transcripts that repeat others
 */
/* The project's name for a working directory, as Claude Code names its folder. */
void placement_project_of_cwd(const char *cwd, char out[OKS_NAME_MAX + 1]);
/* The project that the records of the session's transcripts name. False: none yet. */
bool placement_project(const struct session *s, char out[OKS_NAME_MAX + 1]);
int placement_parent(struct catalog *c, struct session *s);
/*
 * The reader states of the transcripts that this one may repeat (its peers), one a line; malloc'ed, NULL on
 * ENOMEM.
 */
char *placement_peer_states(struct catalog *c, const struct transcript *t);
/* Before a commit: remembers what its peers know of it. */
void placement_changes(struct transcript *t);
/* After a commit, or before the transcript leaves: marks those dirty that would now return other records. */
void placement_changed(struct catalog *c, struct transcript *t, bool leaves);

/*
 * A request of the transcript has another owner now, or came. placement_check then marks those dirty whose
 * events have other requests than they own. Call it at the end of each commit.
 */
void placement_suspect(struct catalog *c, struct transcript *t);
void placement_check(struct catalog *c);

/* session.c */
const struct source *session_source(const struct session *s);
/* The agent's name in its records; NULL: none. */
const char *session_agent_name(const struct session *s);
/* The same; if there is none, the name in the file beside a transcript. NULL: neither. */
const char *session_label(const struct session *s);
const char *session_model(const struct session *s);
/*
 * A file with two names (hard links, overlapping roots) counts once in a session. A remnant is not counted
 * beside its file: true as well.
 */
bool session_has_twin(const struct session *s, const struct transcript *t);
/* Call it whenever t->mark has changed, with the mark before. */
void session_file_changed(struct transcript *t, const struct file_mark *before);
/* The file of this mark came to the session, or left it. */
void session_twins_renew(struct session *s, const struct file_mark *mark);
/* Copies of one transcript on several machines, of which one counts: call it whenever `t` has other events.
 */
void session_copies_renew(struct session *s, const struct transcript *t);
size_t session_transcripts(const struct session *s);
/* Whether one of its transcripts exists, that is, is not retained. */
bool session_is_live(const struct session *s);
/* The stamp of its first event; none if no event has one. */
struct oks_stamp session_first(const struct session *s);

/* projects.c */
struct project *catalog_project(struct catalog *c, const char *name);
/* The transcript's path below its root. */
const char *catalog_rel(const struct transcript *t);
/*
 * The session's first transcript is another one, or has changed: assigns its project and its parent. 1: it
 * moved from *from (NULL: from none), which the caller releases. 0: it did not move. -ENOMEM
 */
int catalog_assign_project(struct catalog *c, struct session *s, struct project **from);
/* A session left the project. True: it was the last one, the project is removed, and the caller frees it. */
bool catalog_project_release(struct catalog *c, struct project *p);

/* teams.c */
/* Its runs write the name in another way. */
void catalog_team_respelled(struct catalog *c, struct team *team);
/* Removes the team if no session and no run is in it. */
void catalog_team_release(struct catalog *c, struct team *team);
/* Joins the teams that the session's transcripts name now, and leaves the others. 0 or -ENOMEM */
int catalog_session_teams(struct catalog *c, struct session *s);
void catalog_membership_end(struct catalog *c, struct membership *m);
/* A session that joined or left a team, or whose team got another name, since this returned it last; NULL: no
 * more. */
struct session *catalog_next_in_other_teams(struct catalog *c);

/* leads.c */
/* Makes the session of that name the membership's lead; NULL: none. 0 or -ENOMEM */
int lead_set(struct catalog *c, struct membership *m, const char *name);
/* The same for a teammate whose team is not named. */
int lead_set_unnamed(struct catalog *c, struct session *s, const char *name);
/* The team of a session by the file beside its transcript; absent: it is in none. May point into `buf`. */
struct oks_slice lead_team_of(struct catalog *c, const struct session *s, char buf[OKS_NAME_MAX + 1]);
struct lead *catalog_lead(const struct catalog *c, const char *name); /* or NULL */
/* The session changed: the teams of its teammates get the version. */
void catalog_lead_bump(struct catalog *c, const struct session *s, uint64_t version);
/* Its transcripts name other teams now, or it is about to go. 0 or -ENOMEM */
int catalog_lead_changed(struct catalog *c, const struct session *s);

#endif
