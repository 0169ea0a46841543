/*
 * What each model used, in one transcript.
 *
 * An event carries its model as a place in this list. The totals over all time are kept beside the events as
 * running sums, so that only a window that cuts the transcript has to add events up.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/text.h"
#include "history/state.h"

static const char overflow_name[] = "(others)";

static struct oks_model *find(const struct oks_models *models, struct oks_slice name)
{
    for (size_t i = 0; i < models->len; i++)
        if (oks_slice_eq(oks_slice_of(models->items[i].name), name))
            return &models->items[i];
    return NULL;
}

/* An exact fit: nearly every transcript has one model, and keeps its list for good. */
static struct oks_model *append(struct oks_models *models, struct oks_slice name)
{
    struct oks_model *items = reallocarray(models->items, models->len + 1, sizeof(*items));
    char *copy = items ? oks_slice_copy(name) : NULL;

    if (items)
        models->items = items;
    if (!copy)
        return NULL;
    items[models->len] = (struct oks_model){.name = copy, .totals = OKS_TOTALS_NONE};
    return &items[models->len++];
}

int oks_models_add(struct oks_models *models, struct oks_slice name, const struct oks_totals *totals,
                   uint8_t *place)
{
    struct oks_totals part = *totals;
    struct oks_model *model;

    name.ptr = name.ptr ? name.ptr : "";
    name.len = strnlen(name.ptr, name.len); /* a NUL would make two models one */
    model = find(models, name);
    if (!model && models->len + 1 >= OKS_PLACES_MAX) {
        name = OKS_SLICE(overflow_name);
        model = find(models, name);
    }
    if (!model)
        model = append(models, name);
    if (!model)
        return -ENOMEM;
    if (part.first.key == OKS_STAMP_KEY_TEXT)
        part.first = OKS_STAMP_NONE;
    if (part.last.key == OKS_STAMP_KEY_TEXT)
        part.last = OKS_STAMP_NONE;
    oks_totals_add(&model->totals, &part);
    if (place)
        *place = (uint8_t)(model - models->items);
    return 0;
}

int oks_models_merge(struct oks_models *to, const struct oks_models *from, uint8_t places[OKS_PLACES_MAX])
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < from->len; i++)
        rc = oks_models_add(to, oks_slice_of(from->items[i].name), &from->items[i].totals, &places[i]);
    return rc;
}

void oks_models_clear(struct oks_models *models)
{
    for (size_t i = 0; i < models->len; i++)
        free(models->items[i].name);
    free(models->items);
    *models = (struct oks_models){0};
}
