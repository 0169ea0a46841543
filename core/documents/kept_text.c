/*
 * Parts of documents that are kept as text.
 *
 * Of a document with many parts hardly ever more than one has changed, and building and writing the others
 * through json-c again is most of its price. So the owner of a part keeps its text, with what it was made
 * of: the owner's version, the window, and how deep the part is nested, because its lines are indented.
 *
 * json-c would copy such a text several times on its way into a document, of which it may be nearly all. So
 * it is given a mark instead, a byte that JSON never contains and the text's address, and the text is put in
 * when the document is written.
 *
 * Invariants: a document borrows what is remembered, so it is written under the lock under which it was put
 * together; what is remembered contains no marks.
 */
#include <json-c/printbuf.h>
#include <stdlib.h>
#include <string.h>

#include "documents/usage.h"

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

enum { MARK = 1, MARK_BYTES = 1 + sizeof(const struct remembered *) };

static int write_part(json_object *part, struct printbuf *to, int level, int flags)
{
    const struct remembered *r = json_object_get_userdata(part);
    char mark[MARK_BYTES] = {MARK};

    memcpy(mark + 1, &r, sizeof(r));
    return printbuf_memappend(to, mark, MARK_BYTES);
}

static const char *next_mark(const char *p, const char *end, const struct remembered **r)
{
    p = memchr(p, MARK, (size_t)(end - p));
    if (p)
        memcpy(r, p + 1, sizeof(*r));
    return p;
}

static size_t written_len(const char *text, const char *end)
{
    size_t len = (size_t)(end - text);
    const struct remembered *r;

    for (; (text = next_mark(text, end, &r)); text += MARK_BYTES)
        len += (size_t)r->len - MARK_BYTES;
    return len;
}

char *remembered_write(const char *text, size_t len, size_t more, size_t *out_len)
{
    const char *end = text + len, *mark;
    const struct remembered *r;
    char *out, *to;

    *out_len = written_len(text, end);
    out = to = malloc(*out_len + more);
    while (out && text < end) {
        mark = next_mark(text, end, &r);
        len = (size_t)((mark ? mark : end) - text);
        to = (char *)memcpy(to, text, len) + len;
        text += len;
        if (!mark)
            break;
        to = (char *)memcpy(to, r->text, (size_t)r->len) + r->len;
        text += MARK_BYTES;
    }
    return out;
}

json_object *remembered_part(const struct remembered *r)
{
    json_object *part = json_object_new_boolean(0); /* of any type: it is only written */

    if (part)
        json_object_set_serializer(part, write_part, (struct remembered *)(uintptr_t)r, NULL);
    return part;
}
