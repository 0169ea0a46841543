/*
 * Inodes: what the kernel holds a reference to.
 *
 * A document has one inode for each generation of its content, and a generation never changes: its attributes
 * and pages may be cached for ever, and whoever has it open sees one version by every way of reading. A new
 * generation exists only when the content differs from the last one handed out. Directories and links keep
 * their inode. Thread safe.
 */
#ifndef OKSTRAFS_FS_INODE_H
#define OKSTRAFS_FS_INODE_H

#include <stdint.h>
#include <sys/queue.h>

#include "tree.h"

struct inode {
    uint64_t id;     /* never used again; children are found by it */
    uint64_t ino;    /* st_ino */
    uint64_t parent; /* id of the directory ... */
    char *name;      /* ... and the name in it */
    struct node node;

    char *bytes; /* files: the content of this generation; links: the target */
    size_t len;
    int64_t mtime_ns;

    /* protected by the table's lock */
    int64_t shown_ms;   /* when it was rendered */
    uint64_t version;   /* of the data, when the content was last known to be right; 0: never assume so */
    uint64_t nlookup;   /* references: the kernel's, and those of replies under way */
    bool current;       /* in the table: the generation that a lookup answers with */
    struct inode *next; /* in its bucket */
    LIST_ENTRY(inode) of_all; /* in the list of all that live */
};

struct inodes;

int inodes_new(struct inodes **out,
               int64_t start_ns); /* -ENOMEM; start_ns: time for what has none of its own */
void inodes_free(struct inodes *inodes);
struct inode *inodes_root(struct inodes *inodes);

/* A directory or link that was looked up; takes over node (also on failure). One reference more. -ENOMEM */
int inodes_get(struct inodes *inodes, const struct inode *parent, const char *name, struct node *node,
               struct inode **out);

/* The current generation of a file where it shows the data of `version` and was rendered at oldest_ms or
 * later. One reference more; NULL: there is none. */
struct inode *inodes_current(struct inodes *inodes, const struct inode *parent, const char *name,
                             uint64_t version, int64_t oldest_ms);
/* The generation with this content, rendered at now_ms; takes over node and document (also on failure). One
 * reference more. -ENOMEM */
int inodes_publish(struct inodes *inodes, const struct inode *parent, const char *name, struct node *node,
                   struct oks_document *document, int64_t now_ms, struct inode **out);

/* st_ino of a child as far as it is known without looking it up. */
uint64_t inodes_guess(struct inodes *inodes, const struct inode *parent, const char *name,
                      enum node_shape shape);

/* One reference more, for somebody who has one already. */
void inodes_hold(struct inodes *inodes, struct inode *inode);
void inodes_forget(struct inodes *inodes, struct inode *inode, uint64_t nlookup);
size_t inodes_count(struct inodes *inodes);

#endif
