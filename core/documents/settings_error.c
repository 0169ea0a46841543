/*
 * budgets/ERROR: what is wrong with okstrafs.json or prices.json. It exists only while something is.
 *
 * A file with an error is ignored, so a typo may switch a budget off. Nobody looks for that in status.json.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "documents/document.h"
#include "internal/hidden.h"

static int put_line(struct json *j, const struct settings_state *state)
{
    char *line;

    if (asprintf(&line, "%s: %s", state->path, state->error) < 0)
        return -ENOMEM;
    oks_text_show_hidden(line); /* the message may quote the file */
    json_put_raw(j, NULL, oks_slice_of(line));
    free(line);
    return 0;
}

static int error_document(void *ctx, struct json *j, struct oks_document *out)
{
    struct model *model = ctx;
    int rc = -ENOENT;

    for (int i = 0; i < USER_FILES && (rc == 0 || rc == -ENOENT); i++) {
        struct settings_state state = settings_state(model->settings, (enum settings_file)i);

        if (!state.error)
            continue;
        rc = put_line(j, &state);
        out->mtime_ns = state.mtime_ns > out->mtime_ns ? state.mtime_ns : out->mtime_ns;
    }
    out->version = model->versions.all;
    return rc;
}

int document_settings_error(struct model *model, struct oks_document *out)
{
    return document_locked(model, error_document, model, out);
}
