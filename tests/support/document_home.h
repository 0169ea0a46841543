/*
 * Documents of a model in memory (random_home.h), parsed with json-c. The transcripts lie in the scratch
 * folder as far as a test writes them there, for the documents that read them again.
 */
#ifndef OKSTRAFS_TESTS_DOCUMENT_HOME_H
#define OKSTRAFS_TESTS_DOCUMENT_HOME_H

#include <errno.h>
#include <json-c/json.h>

#include "base/money.h"
#include "documents/documents.h"
#include "random_home.h"
#include "scratch.h"

static struct budgets budgets = {.model = &model};

static inline void documents_setup(void)
{
    scratch_setup();
    root.path = scratch;
    model_begin(NULL);
}

static inline void documents_teardown(void)
{
    budgets_forget(&budgets);
    leave_all();
    model_end();
    scratch_teardown();
}

static inline void write_text(const struct made *m)
{
    const char *rel = m->t->path + strlen(root.path) + 1;
    char folder[512];

    snprintf(folder, sizeof(folder), "%s", rel);
    for (char *p = strchr(folder, '/'); p; p = strchr(p + 1, '/')) {
        *p = '\0';
        mkdir(at(folder), 0700);
        *p = '/';
    }
    make_file(rel, m->text, m->len);
}

static inline struct oks_target of_kind(enum oks_kind kind, const char *name, const char *member)
{
    return (struct oks_target){.kind = kind, .name = name, .member = member};
}

/* --- a document --- */

static struct oks_document document; /* the last one */

/* Its object, which the caller puts away; its bytes are in `document`. */
static inline json_object *parsed_(int rc)
{
    json_object *object;

    ck_assert_int_eq(rc, 0);
    ck_assert_uint_eq(strlen(document.bytes), document.len);
    object = json_tokener_parse(document.bytes);
    ck_assert_ptr_nonnull(object);
    return object;
}

#define DOCUMENT(call) (oks_document_clear(&document), parsed_(call))

static inline json_object *member_of(json_object *object, const char *path)
{
    char pointer[128];
    json_object *found = NULL;

    snprintf(pointer, sizeof(pointer), "/%s", path);
    ck_assert_msg(json_pointer_get(object, pointer, &found) == 0, "no %s", path);
    return found;
}

static inline uint64_t number_of(json_object *object, const char *path)
{
    return json_object_get_uint64(member_of(object, path));
}

/* NULL for null. */
static inline const char *text_in(json_object *object, const char *path)
{
    return json_object_get_string(member_of(object, path));
}

static inline bool has_member(json_object *object, const char *key)
{
    return json_object_object_get_ex(object, key, NULL);
}

static inline oks_money money_of(json_object *object, const char *path)
{
    oks_money money;

    ck_assert_int_ge(oks_money_parse(oks_slice_of(text_in(object, path)), &money), 0);
    return money;
}

#endif
