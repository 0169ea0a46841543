/*
 * A copy of a stream of the tree (okstrafs/stream.h) in an exported folder. It grows by what the stream has
 * gained; when the stream starts over, it is replaced at once.
 *
 *     struct stream_copy copy = {0};
 *
 *     rc = stream_copy_update(&copy, engine, &node, &folder, "events.jsonl");     each time
 *     stream_copy_clear(&copy);
 */
#ifndef OKSTRAFS_FS_EXPORT_STREAM_COPY_H
#define OKSTRAFS_FS_EXPORT_STREAM_COPY_H

#include "export/folder.h"
#include "tree/tree.h"

/* Zeroed: none yet. */
struct stream_copy {
    struct oks_stream_cursor cursor;
    bool there;   /* the copy has the lines before the cursor */
    uint64_t len; /* of the copy, as it was written last */
};

/* Sync before. 1: it has more lines, or others; 0: it is as it was; or a negative errno. */
int stream_copy_update(struct stream_copy *copy, struct oks_engine *engine, const struct node *node,
                       struct export_folder *folder, const char *name);
/* The copy stays. */
void stream_copy_clear(struct stream_copy *copy);

#endif
