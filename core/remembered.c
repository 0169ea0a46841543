/*
 * Parts of documents that are kept as text.
 *
 * Of a document with many parts hardly ever more than one has changed, and building and writing the others
 * through json-c again is most of its price. So the owner of a part keeps its text, with what it was made
 * of: the owner's version, the window, and how deep the part is nested, because its lines are indented.
 *
 * Invariant: a document borrows what is remembered, so it is written under the lock under which it was put
 * together.
 */
#include <json-c/printbuf.h>
#include <stdlib.h>
#include <string.h>

#include "document.h"

bool remembered_is(const struct remembered *r, uint64_t version, const struct measure_window *w, int level)
{
    return r->text && r->version == version && r->since == w->since.key && r->until == w->until.key &&
           r->level == level;
}

/* Stamps that are only text would have to be compared as such, and what is asked anew has no text yet. */
static bool may_be_kept(const struct measure_window *w)
{
    return w->since.key != OKS_STAMP_KEY_TEXT && w->until.key != OKS_STAMP_KEY_TEXT &&
           !(w->wanting && *w->wanting);
}

static char *indented(const char *text, int level, int *length)
{
    size_t len = strlen(text), indent = 2 * (size_t)level, room = len + 1, used = 0;
    char *out;

    for (size_t i = 0; i < len; i++)
        room += text[i] == '\n' ? indent : 0;
    out = malloc(room);
    for (size_t i = 0; out && i < len; i++) {
        out[used++] = text[i];
        if (text[i] == '\n') {
            memset(out + used, ' ', indent);
            used += indent;
        }
    }
    if (out)
        out[used] = '\0';
    *length = (int)used;
    return out;
}

json_object *remembered_keep(struct remembered *r, json_object *part, uint64_t version,
                             const struct measure_window *w, int level)
{
    const char *text;

    if (!part || !may_be_kept(w))
        return part;
    text = json_object_to_json_string_ext(part, document_style);
    free(r->text);
    *r =
        (struct remembered){.version = version, .since = w->since.key, .until = w->until.key, .level = level};
    r->text = text ? indented(text, level, &r->len) : NULL;
    return part;
}

static int write_part(json_object *part, struct printbuf *to, int level, int flags)
{
    const struct remembered *r = json_object_get_userdata(part);

    return printbuf_memappend(to, r->text, r->len);
}

json_object *remembered_part(const struct remembered *r)
{
    json_object *part = json_object_new_boolean(0); /* of any type: it is only written */

    if (part)
        json_object_set_serializer(part, write_part, (struct remembered *)(uintptr_t)r, NULL);
    return part;
}
