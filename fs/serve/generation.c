/*
 * The lookup of a file's current generation, which renders or grows it if needed.
 */
#include "serve/generation.h"

#include <errno.h>

#include "common/clock.h"

/* The stream or the notifier may replace it meanwhile: then try again. */
enum { TRIES = 8 };

static int begin_stream(struct mount *m, struct inode *dir, const char *name, const struct node *node,
                        uint64_t version, const struct inode *before, struct inode **out)
{
    struct stream_file *stream = stream_file_new(m->spool);
    struct node copy;
    int rc = stream ? stream_file_grow(stream, m->engine, node, version) : -ENOMEM;

    if (rc == 1)
        rc = -EAGAIN;
    if (rc == 0)
        rc = node_copy(&copy, node);
    if (rc < 0) {
        stream_file_free(stream);
        return rc;
    }
    return inodes_publish_stream(m->inodes, dir, name, &copy, stream, version, before, out);
}

static int get_stream(struct mount *m, struct inode *dir, const char *name, const struct node *node,
                      uint64_t version, struct inode **out)
{
    int rc = -EAGAIN;

    for (int i = 0; rc == -EAGAIN && i < TRIES; i++) {
        struct inode *before = inodes_find(m->inodes, dir, name);

        rc = before && before->stream ? stream_file_grow(before->stream, m->engine, node, version) : 1;
        if (rc == 0) {
            *out = before;
            return 0;
        }
        if (rc == 1)
            rc = begin_stream(m, dir, name, node, version, before, out);
        if (before)
            inodes_forget(m->inodes, before, 1);
    }
    return rc;
}

int generation_get(struct mount *m, struct inode *dir, const char *name, const struct node *node,
                   int64_t oldest_ms, struct inode **out)
{
    struct oks_document document;
    struct node copy;
    uint64_t version;
    int64_t now = now_ms();
    int rc = tree_version_known(m->engine, node, &version);

    if (rc < 0)
        return rc;
    if (tree_is_stream(node))
        return get_stream(m, dir, name, node, version, out);
    *out = inodes_current(m->inodes, dir, name, version, oldest_ms);
    if (*out)
        return 0;
    rc = tree_render(m->engine, node, now, &document);
    if (rc < 0)
        return rc;
    rc = node_copy(&copy, node);
    if (rc < 0) {
        oks_document_clear(&document);
        return rc;
    }
    return inodes_publish(m->inodes, dir, name, &copy, &document, now, out);
}

int generation_open(struct mount *m, struct inode *inode)
{
    struct oks_document document;
    int rc = inodes_open(m->inodes, inode);

    if (rc != -ESTALE)
        return rc;
    rc = tree_render(m->engine, &inode->dentry->node, now_ms(), &document);
    if (rc < 0)
        return rc == -ENOENT ? -ESTALE : rc;
    return inodes_reopen(m->inodes, inode, &document);
}
