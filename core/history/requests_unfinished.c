/*
 * The undo log of the unfinished line: each row that it changes, as it was before.
 *
 * Invariant: rows at or behind `whole` are the line's own; rows before it that differ for it are in
 * `changed`.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "history/requests_private.h"

void requests_unfinished_free(struct oks_requests *q)
{
    for (size_t i = 0; q->tail && i < q->tail->n_changed; i++)
        free(q->tail->changed[i].stamp_text);
    free(q->tail);
    q->tail = NULL;
}

int requests_unfinished_keep(struct oks_requests *q, size_t i, const struct request_row *row)
{
    struct unfinished *tail = q->tail;
    struct changed *c = &tail->changed[tail->n_changed];

    if (i >= tail->whole)
        return 0;
    for (size_t k = 0; k < tail->n_changed; k++)
        if (tail->changed[k].i == i)
            return 0;
    if (tail->n_changed == REQUESTS_OF_RECORD)
        return -ENOMEM; /* more than a record has */
    *c = (struct changed){.i = i, .before = *row};
    if (row->request.stamp.key == OKS_STAMP_KEY_TEXT) {
        c->stamp_text = malloc(row->request.stamp.len + 1);
        if (!c->stamp_text)
            return -ENOMEM;
        memcpy(c->stamp_text, row->request.stamp.text, row->request.stamp.len);
        c->before.request.stamp.text = c->stamp_text;
    }
    tail->n_changed++;
    return 0;
}
