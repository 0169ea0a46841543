/*
 * Inodes: what the kernel holds a reference to.
 *
 * A place is a name in a folder, and holds its generations. A document has one inode for each generation of
 * its content, and a generation never changes: its attributes and pages may be cached for ever, and whoever
 * has it open sees one version by every way of reading. A new generation exists only when the content differs
 * from the last one handed out. Directories and links keep their inode. Thread safe.
 *
 * A place also remembers what watchers have been told of it. Where nobody tells them anything (inodes_new),
 * nothing is ever waiting to be told.
 */
#ifndef OKSTRAFS_FS_INODES_INODE_H
#define OKSTRAFS_FS_INODES_INODE_H

#include <stdint.h>
#include <sys/queue.h>

#include "common/names.h"
#include "inodes/stream.h"
#include "tree/tree.h"

struct place {
    struct inode *dir; /* kept alive by this; NULL: the root has none */
    char *name;
    struct node node;

    /* protected by the table's lock */
    struct place *next;      /* in its bucket */
    bool listed;             /* in the table: lookups find it */
    struct inode *current;   /* the generation that a lookup answers with */
    LIST_HEAD(, inode) gens; /* newest first */
    size_t n_gens;
    uint64_t told;         /* ino of the generation that watchers know of; 0: of none ... */
    size_t told_len;       /* ... and, where it grows, how much of it */
    uint64_t told_essence; /* the generation's */
    unsigned pins;         /* users that hold no generation in particular */
    bool kept;             /* one of the pins is for the sake of its folder's watchers */
    LIST_ENTRY(place) of_dir;
};

/* What a folder's watchers have been told. */
struct folder {
    bool begun;
    uint64_t version;    /* of its target when all below was last told; 0: not known yet */
    struct names *names; /* of its listed children; NULL: not known yet */
    bool waiting;        /* in the list of those whose state is not known yet */
    bool keeps_files;    /* its fixed files are pinned as long as it lives */
};

struct inode {
    struct place *place;
    uint64_t ino; /* st_ino */

    char *bytes; /* files: the content of this generation; links: the target */
    size_t len;
    int64_t mtime_ns;
    uint64_t essence; /* a hash of the content but for its window, where that moves with the clock; else 0 */
    struct stream *stream; /* of an append-only file, instead of bytes, len and mtime_ns; NULL: it is none */
    _Atomic bool handed;   /* it has been opened: see hand_over() in ops_file.c */

    /* protected by the table's lock */
    int64_t shown_ms;     /* when it was rendered */
    uint64_t version;     /* of the data, when the content was last known to be right; 0: never assume so */
    uint64_t nlookup;     /* references: the kernel's, and those of replies under way */
    struct folder folder; /* of directories */
    LIST_HEAD(, place) children; /* of directories */
    LIST_ENTRY(inode) of_place;
    LIST_ENTRY(inode) of_dirs;     /* all directories */
    TAILQ_ENTRY(inode) of_waiting; /* directories whose state is not known yet */
};

struct inodes;

/* start_ns: time for what has none of its own; tells: somebody tells watchers. -ENOMEM */
int inodes_new(struct inodes **out, int64_t start_ns, bool tells);
void inodes_free(struct inodes *inodes);
struct inode *inodes_root(struct inodes *inodes);

/*
 * A directory or link that was looked up; takes over node (also on failure). One reference more. 1: it is
 * new; 0; -ENOMEM
 */
int inodes_get(struct inodes *inodes, struct inode *dir, const char *name, struct node *node,
               struct inode **out);
/* What is in the table, whatever it is. One reference more; NULL: nothing. */
struct inode *inodes_find(struct inodes *inodes, struct inode *dir, const char *name);

/* The current generation of a file where it shows the data of `version` and was rendered at oldest_ms or
 * later. One reference more; NULL: there is none. */
struct inode *inodes_current(struct inodes *inodes, struct inode *dir, const char *name, uint64_t version,
                             int64_t oldest_ms);
/* The generation with this content, rendered at now_ms; takes over node and document (also on failure). One
 * reference more. 1: the place is new; 0; -ENOMEM */
int inodes_publish(struct inodes *inodes, struct inode *dir, const char *name, struct node *node,
                   struct oks_document *document, int64_t now_ms, struct inode **out);

/*
 * A fresh stream, instead of the generation `before` (NULL: none). One that came in between is given
 * instead. Takes over node and stream (also on failure). One reference more. 1: the place is new; 0; -ENOMEM
 */
int inodes_publish_stream(struct inodes *inodes, struct inode *dir, const char *name, struct node *node,
                          struct stream *stream, uint64_t version, const struct inode *before,
                          struct inode **out);

/* st_ino of a child as far as it is known without looking it up. */
uint64_t inodes_guess(struct inodes *inodes, const struct inode *dir, const char *name,
                      enum node_shape shape);

/* One reference more, for somebody who has one already. */
void inodes_hold(struct inodes *inodes, struct inode *inode);
void inodes_forget(struct inodes *inodes, struct inode *inode, uint64_t nlookup);
size_t inodes_count(struct inodes *inodes);

/* --- for those who tell watchers: fs/notify.c, fs/announce.c --- */

/* Nobody will tell watchers: nothing is kept for them from now on. */
void inodes_stop_telling(struct inodes *inodes);

/* A new directory: what its watchers know. Version 0 or names NULL (takes them over) where that is not known
 * yet: then it waits, as does one whose files can be kept. Whether it does. */
bool inodes_folder_begin(struct inodes *inodes, struct inode *dir, uint64_t version, struct names *names,
                         bool waits, bool has_files);
/* The next directory that waits; waiting no more, with one reference more. NULL: none. */
struct inode *inodes_next_waiting(struct inodes *inodes);
/* What watchers know now; names NULL: as before. */
void inodes_folder_told(struct inodes *inodes, struct inode *dir, uint64_t version, struct names *names);
/* The same for names where none are known. */
void inodes_folder_listed(struct inodes *inodes, struct inode *dir, struct names *names);
/* Whether `name` may be cached: its creation is not still to be told. */
bool inodes_is_told(struct inodes *inodes, const struct inode *dir, const char *name);
uint64_t inodes_folder_version(struct inodes *inodes, const struct inode *dir);
/* Its names; valid until the caller changes them. */
const struct names *inodes_folder_names(struct inodes *inodes, const struct inode *dir);

/* All directories that the kernel knows, each with one reference more; malloc'ed. -ENOMEM */
int inodes_dirs(struct inodes *inodes, struct inode ***out, size_t *n);
/* At most max places in a directory, those looked up last first, each pinned; malloc'ed. -ENOMEM */
int inodes_children(struct inodes *inodes, struct inode *dir, size_t max, struct place ***out, size_t *n);
void place_unpin(struct inodes *inodes, struct place *place);
/* The current generation, with one reference more, its length, and whether watchers have not been told of it
 * yet. */
struct inode *place_current(struct inodes *inodes, struct place *place, size_t *len, bool *untold);
/* The generations that the kernel holds besides the current one, each with one reference more. At most max.
 */
size_t place_older(struct inodes *inodes, struct place *place, struct inode **out, size_t max);
void place_told(struct inodes *inodes, struct place *place, const struct inode *generation, size_t len);
/* Takes a place out of the table: what has its name next is another one. */
void place_retire(struct inodes *inodes, struct place *place);
/* Takes that back, unless something else has its name by now. */
void place_relist(struct inodes *inodes, struct place *place);
/* Whether the fixed files of one more directory may be kept for its watchers: then place_keep is for them. */
bool inodes_folder_keep(struct inodes *inodes, struct inode *dir);
/* Keeps the fixed file of a directory as long as that lives. */
void place_keep(struct inodes *inodes, struct place *place);

/* The path of a place below the root, without a slash at its front. -ENAMETOOLONG */
int place_path(const struct place *place, char *out, size_t size);

#endif
