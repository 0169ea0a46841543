/*
 * What makes a source: one descriptor for each agent whose transcripts are read (private to the core).
 *
 * A new source is one file that defines a descriptor, and one entry in the table of sources.c. Discovery, the
 * scanner, the engine and the documents know of sources only what stands here.
 */
#ifndef OKSTRAFS_SOURCES_SOURCE_H
#define OKSTRAFS_SOURCES_SOURCE_H

#include "scan/request.h"
#include "scan/scanner.h"

enum {
    SOURCE_FOLDERS_MAX = 2,      /* of one configuration folder */
    SOURCE_WHOLE_MAX = 64 << 20, /* bytes of a file that is read as a whole */
};

/*
 * Reads lines. A reader belongs to one scanner. `scalar` and `walk` are the two readers of json_scalar.h and
 * json_walk.h over the source's own shape (json_shape.h), and judge the line that begins at buf[from] (see
 * json_lex.h for what must surround it): a verdict, or -ENOMEM. After JSON_LINE_OBJECT *record is valid until
 * the next call and while the bytes stay. *teams is false where the line certainly names no team; after
 * JSON_LINE_DOUBT it says nothing. `scalar` wants to know where the line's '\n' is; `walk` finds it by the
 * line's entries, at *cursor before and at the one of the '\n' after it; `to` is where it is at the latest.
 *
 * Where a line is a record as it stands, that is all. Else the members behind `tell` are there: the reader
 * remembers what it needs from line to line (a current model, the counts so far), *record only carries the
 * line's `odd`, and what is delivered comes from `tell`, which is called for every line that is an object,
 * and from `end`, once, when the file's complete lines are over. What must not be lost between two scans of
 * a transcript is its memo: printable text, given to `begin` and taken from `memo`. -ESTALE from either:
 * what was delivered by former scans turned out wrong, and all has to be read anew.
 */
struct oks_reader_ops {
    int (*make)(void **out); /* -ENOMEM */
    void (*free)(void *reader);
    void (*trim)(void *reader); /* gives back what a long line needed */
    int (*scalar)(void *reader, const char *buf, size_t from, size_t to, struct oks_record **record,
                  bool *teams);
    int (*walk)(void *reader, const char *buf, size_t from, size_t to, const uint32_t **cursor,
                struct oks_record **record, bool *teams);

    int (*begin)(void *reader, const char *memo, const char *peers); /* "": none; see struct source */
    int (*tell)(void *reader, uint64_t offset, uint64_t length, bool complete, const struct oks_sink *sink);
    int (*end)(void *reader, const struct oks_sink *sink);
    char *(*memo)(void *reader); /* malloc'ed; NULL on ENOMEM */
};

struct source {
    enum oks_source id;
    const char *name;
    const char *folders[SOURCE_FOLDERS_MAX]; /* below a configuration folder: where transcripts lie */
    const struct oks_reader_ops *reader;
    const struct oks_reader_ops *reader_avx2; /* the same for CPUs that have AVX2, or NULL */

    bool (*wants)(const char *rel);  /* whether the file is a transcript, by its path below such a folder */
    bool (*enters)(const char *rel); /* whether to look into a folder; NULL: into all */
    bool (*whole)(const char *path); /* one object, rewritten when it changes; NULL: never */
    /* The session's id in the file's name: a part of `rel`. What the records say instead counts more, where
     * `late` is set. */
    struct oks_slice (*id_of)(const char *rel);
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
    bool rosters; /* its configuration folders describe teams (roster.h) */
    bool late;    /* session and project are known only when the file was read */

    /*
     * Transcripts that repeat what others hold. The peers of one are those before it in its session (by
     * `rank`, then by path), and the session that `origin` names in its memo, if any. `agrees` says whether
     * reading it anew beside these peers' memos (one a line) would deliver what it did.
     */
    int (*rank)(const char *path);                               /* NULL: all the same */
    bool (*origin)(const char *memo, char *out, size_t size);    /* NULL: none */
    bool (*parent_of)(const char *memo, char *out, size_t size); /* the session that started this one; NULL */
    bool (*agrees)(const char *memo, const char *peers);         /* NULL: always */
};

extern const struct source *const oks_sources[OKS_SOURCES]; /* by enum oks_source */

extern const struct source oks_source_claude;
extern const struct source oks_source_codex;
extern const struct source oks_source_gemini;

/* --- what descriptors share: sources.c --- */

bool source_ends_with(const char *s, const char *end);
/* The first folder of a path; absent where there is none. */
struct oks_slice source_top(const char *rel);
/* The file's name without `suffix`. */
struct oks_slice source_stem(const char *rel, const char *suffix);

#endif
