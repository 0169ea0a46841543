/*
 * The inode table: the inodes that the kernel holds references to, by dentry (directory and name).
 *
 * A dentry has the generations of its file. A document has one inode for each generation, and a generation
 * never changes: its attributes and pages may be cached for ever, and an open file shows one version by every
 * kind of read. A new generation is made only if the content differs from the last one. Directories and links
 * keep their inode.
 *
 *     inode = inodes_current(inodes, dir, name, version, oldest_ms);      NULL: render it
 *     rc = inodes_publish(inodes, dir, name, &node, &document, now_ms, &inode);
 *     inodes_forget(inodes, inode, 1);                                   drops one reference
 *
 * The content of a document that no program has open may be given up, the one used least recently first. The
 * inode stays as it is, and the document is rendered again when it is opened.
 *
 * A dentry also has the state that watchers were last notified of. If there is no notifier, nothing is kept
 * for it. Thread safe.
 */
#ifndef OKSTRAFS_FS_INODES_INODE_H
#define OKSTRAFS_FS_INODES_INODE_H

#include <stdint.h>
#include <sys/queue.h>

#include "common/name_list.h"
#include "inodes/content.h"
#include "inodes/stream_file.h"
#include "tree/tree.h"

struct dentry {
    struct inode *dir; /* the dentry holds it; NULL for the root */
    char *name;
    struct node node;

    /* protected by the table's lock */
    struct dentry *next;     /* in its bucket */
    bool listed;             /* in the table: lookups find it */
    struct inode *current;   /* the generation that a lookup returns */
    LIST_HEAD(, inode) gens; /* newest first */
    size_t n_gens;
    uint64_t announced;        /* ino of the generation last announced to watchers; 0: none ... */
    size_t announced_len;      /* ... and, if it grows, its length then */
    uint64_t announced_digest; /* of that generation */
    unsigned pins;             /* references to the dentry, not to one generation */
    bool kept;                 /* one of the pins is for the watchers of its folder */
    bool leaves;               /* about to be removed: the kernel must not cache its name */
    LIST_ENTRY(dentry) of_dir;
};

/* What was last announced to a directory's watchers. */
struct dir_watch {
    bool begun;
    uint64_t version;        /* of its target, when everything below was last announced; 0: unknown */
    int64_t since_ns;        /* data with a later mtime is still to be announced; 0: `version` decides */
    struct name_list *names; /* of its listed children; NULL: unknown */
    bool waiting;            /* in the list of directories whose state is unknown yet */
    bool keeps_files;        /* its fixed files are pinned while it lives */
};

struct inode {
    struct dentry *dentry;
    uint64_t ino; /* st_ino */

    struct content content; /* of this generation of a file; the target of a link */
    int64_t mtime_ns;
    uint64_t digest; /* a hash of the content without its window, if that moves with the clock; else 0 */
    struct stream_file *stream; /* of an append-only file, instead of content and mtime_ns; else NULL */
    _Atomic bool prefilled;     /* it was opened: see prefill() in ops_file.c */

    /* protected by the table's lock */
    int64_t shown_ms;       /* when it was rendered */
    uint64_t version;       /* of the data for which the content was last known to be right; 0: unknown */
    uint64_t nlookup;       /* references of the kernel, and of replies in progress */
    unsigned n_opens;       /* of a document: its content must stay */
    bool idle;              /* in the list of content that may be given up */
    struct dir_watch watch; /* of directories */
    LIST_HEAD(, dentry) children; /* of directories */
    LIST_ENTRY(inode) of_dentry;
    LIST_ENTRY(inode) of_dirs;     /* all directories */
    TAILQ_ENTRY(inode) of_waiting; /* directories whose state is unknown yet */
    TAILQ_ENTRY(inode) of_idle;    /* documents that no program has open */
};

struct inodes;

struct inodes_config {
    struct spool *spool; /* of large documents; borrowed. NULL: they are in memory */
    size_t idle_max;     /* bytes of documents that are kept though no program has them open */
    size_t idle_min;     /* documents that are kept in any case: those between a lookup and an open */
    int64_t default_ns;  /* mtime of everything without a time of its own */
    bool announces;      /* changes are announced to watchers */
    uint64_t before;     /* numbers of generations are above it */
};

int inodes_new(struct inodes **out, const struct inodes_config *config); /* 0 or -ENOMEM */
void inodes_free(struct inodes *inodes);
struct inode *inodes_root(struct inodes *inodes);

/*
 * The inode of a directory or link; takes over node, also on failure. One more reference. 1: it is new; 0;
 * -ENOMEM
 */
int inodes_get(struct inodes *inodes, struct inode *dir, const char *name, struct node *node,
               struct inode **out);
/* Whatever is in the table under this name, with one more reference; NULL: nothing. */
struct inode *inodes_find(struct inodes *inodes, struct inode *dir, const char *name);

/*
 * The current generation of a file, if it shows the data of `version` and was rendered at oldest_ms or later.
 * One more reference; NULL: none.
 */
struct inode *inodes_current(struct inodes *inodes, struct inode *dir, const char *name, uint64_t version,
                             int64_t oldest_ms);
/*
 * The generation with this content, rendered at now_ms; takes over node and document, also on failure. One
 * more reference. 1: the dentry is new; 0; -ENOMEM
 */
int inodes_publish(struct inodes *inodes, struct inode *dir, const char *name, struct node *node,
                   struct oks_document *document, int64_t now_ms, struct inode **out);

/*
 * A new stream in place of the generation `before` (NULL: none). If another one came in between, that is
 * returned. Takes over node and stream, also on failure. One more reference. 1: the dentry is new; 0; -ENOMEM
 */
int inodes_publish_stream(struct inodes *inodes, struct inode *dir, const char *name, struct node *node,
                          struct stream_file *stream, uint64_t version, const struct inode *before,
                          struct inode **out);

/*
 * A document is opened: its content stays until inodes_close(). -ESTALE: it was given up. Then render it
 * again and call inodes_reopen(), which takes over the document. -ESTALE: it is another content by now, and
 * the next lookup returns another inode.
 */
int inodes_open(struct inodes *inodes, struct inode *inode);
int inodes_reopen(struct inodes *inodes, struct inode *inode, struct oks_document *document);
void inodes_close(struct inodes *inodes, struct inode *inode);
/* Reads an open document. Bytes read (0: the end) or a negative errno. */
ssize_t inodes_read(struct inodes *inodes, const struct inode *inode, size_t offset, char *buf, size_t size);

/* st_ino of a child, if it is known without a lookup. */
uint64_t inodes_guess(struct inodes *inodes, const struct inode *dir, const char *name,
                      enum node_shape shape);

/* Adds a reference; the caller must have one already. */
void inodes_hold(struct inodes *inodes, struct inode *inode);
void inodes_forget(struct inodes *inodes, struct inode *inode, uint64_t nlookup);
size_t inodes_count(struct inodes *inodes);

/* --- for the notifier --- */

/* There is no notifier: from now on nothing is kept for it. */
void inodes_stop_announcing(struct inodes *inodes);

/*
 * A new directory, and its state for watchers. Version 0 or names NULL (takes them over): unknown, so the
 * directory waits, as does one whose files can be kept. True: it waits.
 */
bool inodes_watch_begin(struct inodes *inodes, struct inode *dir, uint64_t version, struct name_list *names,
                        bool waits, bool has_files);
/*
 * When a directory was found (file_time_ns) whose data had not been read; 0 after the first round that
 * announced it.
 */
int64_t inodes_watch_since(struct inodes *inodes, const struct inode *dir);
void inodes_watch_set_since(struct inodes *inodes, struct inode *dir, int64_t since_ns);
/* The next waiting directory, which waits no longer, with one more reference. NULL: none. */
struct inode *inodes_next_waiting(struct inodes *inodes);
/* Stores what was announced; names NULL: as before. */
void inodes_watch_set(struct inodes *inodes, struct inode *dir, uint64_t version, struct name_list *names);
/* The same for names, if none are known. */
void inodes_watch_listed(struct inodes *inodes, struct inode *dir, struct name_list *names);
/* Whether `name` may be cached, because its creation was announced. */
bool inodes_is_announced(struct inodes *inodes, const struct inode *dir, const char *name);
uint64_t inodes_watch_version(struct inodes *inodes, const struct inode *dir);
/* The names announced; valid until the caller changes them. */
const struct name_list *inodes_watch_names(struct inodes *inodes, const struct inode *dir);

/*
 * All directories that the kernel knows and that do not wait, each with one more reference; malloc'ed. 0 or
 * -ENOMEM
 */
int inodes_dirs(struct inodes *inodes, struct inode ***out, size_t *n);
/* At most max dentries of a directory, those looked up last first, each pinned; malloc'ed. 0 or -ENOMEM */
int inodes_children(struct inodes *inodes, struct inode *dir, size_t max, struct dentry ***out, size_t *n);
void dentry_unpin(struct inodes *inodes, struct dentry *dentry);
/* The current generation, with one more reference, its length, and whether it is still to be announced. */
struct inode *dentry_current(struct inodes *inodes, struct dentry *dentry, size_t *len, bool *unannounced);
/*
 * The generations that the kernel holds besides the current one, each with one more reference; at most max.
 */
size_t dentry_older(struct inodes *inodes, struct dentry *dentry, struct inode **out, size_t max);
void dentry_set_announced(struct inodes *inodes, struct dentry *dentry, const struct inode *generation,
                          size_t len);
/* From now on the kernel must not cache the directory's name. False: that was so before. */
bool dentry_leave(struct inodes *inodes, struct dentry *dentry);
bool dentry_leaves(struct inodes *inodes, const struct dentry *dentry);
/* Removes a dentry from the table: a later lookup of its name makes another one. */
void dentry_retire(struct inodes *inodes, struct dentry *dentry);
/* Undoes both; the removal only if no other dentry has its name by now. */
void dentry_relist(struct inodes *inodes, struct dentry *dentry);
/*
 * Whether the fixed files of one more directory may be kept for its watchers; then call dentry_keep() for
 * them.
 */
bool inodes_watch_keep(struct inodes *inodes, struct inode *dir);
/* Keeps a fixed file of a directory while the directory lives. */
void dentry_keep(struct inodes *inodes, struct dentry *dentry);

/* The path of a dentry relative to the root. 0 or -ENAMETOOLONG */
int dentry_path(const struct dentry *dentry, char *out, size_t size);

#endif
