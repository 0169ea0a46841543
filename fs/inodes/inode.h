/*
 * The inode table: the inodes that the kernel holds references to, by dentry (directory and name).
 *
 * A dentry holds the generations of its file. A document has one inode for each generation of
 * its content, and a generation never changes: its attributes and pages may be cached for ever, and whoever
 * has it open sees one version by every way of reading. A new generation exists only when the content differs
 * from the last one handed out. Directories and links keep their inode. Thread safe.
 *
 * A dentry also remembers what watchers have been told of it. Where nobody tells them anything (inodes_new),
 * nothing is ever waiting to be told.
 */
#ifndef OKSTRAFS_FS_INODES_INODE_H
#define OKSTRAFS_FS_INODES_INODE_H

#include <stdint.h>
#include <sys/queue.h>

#include "common/name_list.h"
#include "inodes/stream_file.h"
#include "tree/tree.h"

struct dentry {
    struct inode *dir; /* kept alive by this; NULL: the root has none */
    char *name;
    struct node node;

    /* protected by the table's lock */
    struct dentry *next;     /* in its bucket */
    bool listed;             /* in the table: lookups find it */
    struct inode *current;   /* the generation that a lookup answers with */
    LIST_HEAD(, inode) gens; /* newest first */
    size_t n_gens;
    uint64_t announced;        /* ino of the generation that watchers know of; 0: of none ... */
    size_t announced_len;      /* ... and, where it grows, how much of it */
    uint64_t announced_digest; /* the generation's */
    unsigned pins;             /* users that hold no generation in particular */
    bool kept;                 /* one of the pins is for the sake of its folder's watchers */
    bool leaves;               /* about to be removed: the kernel must look it up each time */
    LIST_ENTRY(dentry) of_dir;
};

/* What a directory's watchers have been told. */
struct dir_watch {
    bool begun;
    uint64_t version; /* of its target when all below was last told; 0: not known yet */
    int64_t since_ns; /* what is newer, by its mtime, is still to be told; 0: the version says it all */
    struct name_list *names; /* of its listed children; NULL: not known yet */
    bool waiting;            /* in the list of those whose state is not known yet */
    bool keeps_files;        /* its fixed files are pinned as long as it lives */
};

struct inode {
    struct dentry *dentry;
    uint64_t ino; /* st_ino */

    char *bytes; /* files: the content of this generation; links: the target */
    size_t len;
    int64_t mtime_ns;
    uint64_t digest; /* a hash of the content but for its window, where that moves with the clock; else 0 */
    struct stream_file
        *stream;            /* of an append-only file, instead of bytes, len and mtime_ns; NULL: it is none */
    _Atomic bool prefilled; /* it has been opened: see prefill() in ops_file.c */

    /* protected by the table's lock */
    int64_t shown_ms;       /* when it was rendered */
    uint64_t version;       /* of the data, when the content was last known to be right; 0: never assume so */
    uint64_t nlookup;       /* references: the kernel's, and those of replies under way */
    struct dir_watch watch; /* of directories */
    LIST_HEAD(, dentry) children; /* of directories */
    LIST_ENTRY(inode) of_dentry;
    LIST_ENTRY(inode) of_dirs;     /* all directories */
    TAILQ_ENTRY(inode) of_waiting; /* directories whose state is not known yet */
};

struct inodes;

/* start_ns: time for what has none of its own; announces: changes are announced to watchers. -ENOMEM */
int inodes_new(struct inodes **out, int64_t start_ns, bool announces);
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
 * reference more. 1: the dentry is new; 0; -ENOMEM */
int inodes_publish(struct inodes *inodes, struct inode *dir, const char *name, struct node *node,
                   struct oks_document *document, int64_t now_ms, struct inode **out);

/*
 * A fresh stream, instead of the generation `before` (NULL: none). One that came in between is given
 * instead. Takes over node and stream (also on failure). One reference more. 1: the dentry is new; 0; -ENOMEM
 */
int inodes_publish_stream(struct inodes *inodes, struct inode *dir, const char *name, struct node *node,
                          struct stream_file *stream, uint64_t version, const struct inode *before,
                          struct inode **out);

/* st_ino of a child as far as it is known without looking it up. */
uint64_t inodes_guess(struct inodes *inodes, const struct inode *dir, const char *name,
                      enum node_shape shape);

/* One reference more, for somebody who has one already. */
void inodes_hold(struct inodes *inodes, struct inode *inode);
void inodes_forget(struct inodes *inodes, struct inode *inode, uint64_t nlookup);
size_t inodes_count(struct inodes *inodes);

/* --- for those who tell watchers: watchers/ --- */

/* Nobody will tell watchers: nothing is kept for them from now on. */
void inodes_stop_announcing(struct inodes *inodes);

/* A new directory: what its watchers know. Version 0 or names NULL (takes them over) where that is not known
 * yet: then it waits, as does one whose files can be kept. Whether it does. */
bool inodes_watch_begin(struct inodes *inodes, struct inode *dir, uint64_t version, struct name_list *names,
                        bool waits, bool has_files);
/* When a directory was found (file_time_ns) whose data had not been read by then; 0 from the first round that
 * has told of it. */
int64_t inodes_watch_since(struct inodes *inodes, const struct inode *dir);
void inodes_watch_set_since(struct inodes *inodes, struct inode *dir, int64_t since_ns);
/* The next directory that waits; waiting no more, with one reference more. NULL: none. */
struct inode *inodes_next_waiting(struct inodes *inodes);
/* What watchers know now; names NULL: as before. */
void inodes_watch_set(struct inodes *inodes, struct inode *dir, uint64_t version, struct name_list *names);
/* The same for names where none are known. */
void inodes_watch_listed(struct inodes *inodes, struct inode *dir, struct name_list *names);
/* Whether `name` may be cached: its creation is not still to be told. */
bool inodes_is_announced(struct inodes *inodes, const struct inode *dir, const char *name);
uint64_t inodes_watch_version(struct inodes *inodes, const struct inode *dir);
/* Its names; valid until the caller changes them. */
const struct name_list *inodes_watch_names(struct inodes *inodes, const struct inode *dir);

/* All directories that the kernel knows and that do not wait, each with one reference more; malloc'ed.
 * -ENOMEM
 */
int inodes_dirs(struct inodes *inodes, struct inode ***out, size_t *n);
/* At most max dentries in a directory, those looked up last first, each pinned; malloc'ed. -ENOMEM */
int inodes_children(struct inodes *inodes, struct inode *dir, size_t max, struct dentry ***out, size_t *n);
void dentry_unpin(struct inodes *inodes, struct dentry *dentry);
/* The current generation, with one reference more, its length, and whether watchers have not been told of it
 * yet. */
struct inode *dentry_current(struct inodes *inodes, struct dentry *dentry, size_t *len, bool *unannounced);
/* The generations that the kernel holds besides the current one, each with one reference more. At most max.
 */
size_t dentry_older(struct inodes *inodes, struct dentry *dentry, struct inode **out, size_t max);
void dentry_set_announced(struct inodes *inodes, struct dentry *dentry, const struct inode *generation,
                          size_t len);
/* From now on the kernel may not cache a directory's name. False: so it is already. */
bool dentry_leave(struct inodes *inodes, struct dentry *dentry);
bool dentry_leaves(struct inodes *inodes, const struct dentry *dentry);
/* Takes a dentry out of the table: what has its name next is another one. */
void dentry_retire(struct inodes *inodes, struct dentry *dentry);
/* Takes both back, the latter unless something else has its name by now. */
void dentry_relist(struct inodes *inodes, struct dentry *dentry);
/* Whether the fixed files of one more directory may be kept for its watchers: then dentry_keep is for them.
 */
bool inodes_watch_keep(struct inodes *inodes, struct inode *dir);
/* Keeps the fixed file of a directory as long as that lives. */
void dentry_keep(struct inodes *inodes, struct dentry *dentry);

/* The path of a dentry below the root, without a slash at its front. -ENAMETOOLONG */
int dentry_path(const struct dentry *dentry, char *out, size_t size);

#endif
