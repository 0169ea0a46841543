/*
 * What makes a source: one descriptor for each agent whose transcripts are read (private to the core).
 *
 * A new source is one file that defines a descriptor, and one entry in the table of sources.c. Discovery, the
 * scanner, the engine and the documents know of sources only what stands here.
 */
#ifndef OKSTRAFS_SOURCES_SOURCE_H
#define OKSTRAFS_SOURCES_SOURCE_H

#include "base/text_end.h"
#include "internal/source_homes.h"
#include "sources/about.h"
#include "scan/reader.h"
#include "sources/members.h"

enum {
    SOURCE_FOLDERS_MAX = 2,      /* of one configuration folder */
    SOURCE_WHOLE_MAX = 64 << 20, /* bytes of a file that is read as a whole */
};

/* A limit of the user's plan, as a transcript's newest line about it says. NULL: it does not say. */
enum { SOURCE_LIMIT_WINDOWS = 2, SOURCE_LIMIT_TEXT = 64 };

struct source_limit {
    const char *id;    /* never NULL */
    const char *stamp; /* the line's time, in one of the two usual forms; never NULL */
    const char *name, *plan, *reached;
    struct source_limit_window {
        bool given;
        uint64_t used;              /* hundredths of a percent */
        uint64_t minutes;           /* its length; 0: unknown */
        uint64_t resets_at;         /* seconds since the epoch; 0: unknown */
    } window[SOURCE_LIMIT_WINDOWS]; /* the shorter one first */
};

typedef int source_limit_fn(void *ctx, const struct source_limit *limit);

struct source {
    enum oks_source id;
    const char *name;
    const struct oks_source_home *homes;     /* NULL: of another place of its source (oks_source_places) */
    const char *folders[SOURCE_FOLDERS_MAX]; /* below a configuration folder: where transcripts lie */
    bool named_only; /* such a folder is a root only if the configuration names itself */
    const struct oks_reader_ops *reader;
    const struct oks_reader_ops *reader_avx2; /* the same for CPUs that have AVX2, or NULL */
    const struct oks_reader_ops *tools;       /* of tool calls: sources/tools.h; NULL: it logs none */

    const struct source_members
        *members; /* its transcripts are members of containers; NULL: they are files */

    /* Whether the file is a transcript, by its path below such a folder; of members also whether the path is
     * one of theirs, or of a file that belongs to a container. */
    bool (*wants)(const char *rel);
    bool (*enters)(const char *rel); /* whether to look into a folder; NULL: into all */
    bool (*whole)(const char *path); /* one object, rewritten when it changes; NULL: never */
    bool (*packed)(
        const char *path); /* compressed (files/unpack.h), and replaced if it changes; NULL: never */
    /* Where the same content is if the file is gone: it was compressed, or unpacked. NULL: nowhere else. */
    bool (*other_form)(const char *path, char *out, size_t size);
    /* The session's id in the file's name: a part of `rel`. What the records say instead counts more, where
     * `late` is set. */
    struct oks_slice (*id_of)(const char *rel);
    /* What tells it from the others in its folder, in the file's name; NULL: the session's id. */
    struct oks_slice (*name_of)(const char *rel);
    struct oks_slice (*parent)(const char *rel); /* the session above, in its path; NULL or absent: none */
    /* The project folder in its path; NULL: named after the working directory that the records name, as
     * Claude Code would name it. */
    struct oks_slice (*project)(const char *rel);
    /* A file beside the transcripts that holds the working directory: its path below the folder, or false;
     * NULL: none. */
    bool (*marker)(const char *rel, char *out, size_t size);
    /* The file beside a transcript that may name its agent (labels.h), and the transcript beside such a file:
     * paths made from paths, or false. NULL: none. */
    bool (*label)(const char *path, char *out, size_t size);
    bool (*labelled)(const char *path, char *out, size_t size);
    /* What the path, and files beside the transcript, say of it (about.h): into *out, which is all zero.
     * `memo` is what the scan will go on from. Missing files say nothing. 0, -ENOMEM, or why a file cannot be
     * read at the moment. NULL: nothing. */
    int (*about)(const char *path, const char *memo, struct source_about *out);
    bool rosters;     /* its configuration folders describe teams (roster.h) */
    bool names_teams; /* records name their teams; else sessions are a run's by the name of its worker's agent
                       */
    bool collected;   /* okstra's collector reads its first root, and shares the caches of that */
    bool status_line; /* the limits of its plan are what its status line was given (plan_limits.h) */
    bool telemetry;   /* metrics have its sums also under the names of its own telemetry */
    bool ids_by_line; /* a line alone says the ids of its requests (history/request_ids.h) */
    bool late;        /* session and project are known only when the file was read */
    bool revises;     /* its reader may find that it has told too much of a file that only grew (-ESTALE) */

    /*
     * Transcripts that repeat what others hold, in one of two ways.
     *
     * Some log requests that others log too, and each is in the events of the one that owns it in billing.
     * The reader gets a line before those of the peers: "self", the file's name, its family, and the keys of
     * the requests that others own. `assumed` is the sum of these keys, as the memo was made with them.
     *
     * The family is what such a key is unique in, if a line says no more: the sessions that come from one.
     * `oldest` is the oldest session that the transcript names; if one of that session's names an older one,
     * it is that, and so on. `family` is the one that the memo was made with, or ""; false: it makes no
     * difference.
     *
     * Of others what a line means depends on the memos of the peers: those before it in its session (by
     * `rank`, the file's name and its path), and the session that `origin` names in its memo, if any.
     * `agrees` says whether reading it anew beside these peers' memos (one a line) would deliver what it did.
     */
    uint64_t (*assumed)(const char *memo);                       /* NULL: its events have all that it logs */
    bool (*oldest)(const char *memo, char *out, size_t size);    /* where `assumed` is not NULL */
    bool (*family)(const char *memo, char *out, size_t size);    /* the same */
    bool (*alone)(const char *memo);                             /* it depends on no peer; NULL: it may */
    int (*rank)(const char *path);                               /* NULL: all the same */
    bool (*origin)(const char *memo, char *out, size_t size);    /* NULL: none */
    bool (*parent_of)(const char *memo, char *out, size_t size); /* the session that started this one; NULL */
    bool (*agrees)(const char *memo, const char *peers);         /* NULL: always */
    /*
     * For one that does not agree, and whose file is gone: the memo of a reading beside these peers,
     * malloc'ed, and the key of the request that it would not have delivered, or 0. 0 or -ENOMEM. NULL: it
     * stays as it is.
     */
    int (*amend)(const char *memo, const char *peers, char **now, uint64_t *repeated);
    /* Whether a peer's new memo may change that. NULL: any may. */
    bool (*concerns)(const char *memo, const char *before, const char *after);

    /* Calls fn for each limit of the plan; stops at the first non-zero value and returns it. NULL: none. */
    int (*limits)(const char *memo, source_limit_fn *fn, void *ctx);
    bool (*branch)(const char *memo, char *out, size_t size); /* of git; NULL: unknown */
    uint64_t (*window)(const char *memo); /* of the context, as the newest line says, or 0; NULL: none does */
};

extern const struct source *const oks_sources[OKS_SOURCES]; /* by enum oks_source */

/* Other places of a source's transcripts; their id is that source's. */
enum { SOURCE_PLACES = 1 };
extern const struct source *const oks_source_places[SOURCE_PLACES];

extern const struct source oks_source_claude;
extern const struct source oks_source_claude_desktop;
extern const struct source oks_source_codex;
extern const struct source oks_source_gemini;
extern const struct source oks_source_qwen;
extern const struct source oks_source_openclaude;
extern const struct source oks_source_pi;
extern const struct source oks_source_omp;
extern const struct source oks_source_opencode;
extern const struct source oks_source_kilo;
extern const struct source oks_source_mimocode;
extern const struct source oks_source_copilot;
extern const struct source oks_source_kimi;
extern const struct source oks_source_grok;

/* A scanner that is set to read transcripts of the source. -ENOMEM, -ENOTSUP (isa). */
int source_scanner_new(struct oks_scanner **out, enum oks_isa isa, enum oks_source source);
/* The next scan reads lines of the source (scan/scanner.h, oks_scanner_set_reader). */
int source_scanner_set(struct oks_scanner *scanner, enum oks_source source, const char *memo,
                       const char *peers);
/* The next scan reads the source's tool calls. */
int source_scanner_set_tools(struct oks_scanner *scanner, enum oks_source source);

#endif
