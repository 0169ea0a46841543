/*
 * Label sets.
 *
 * Invariants: a session whose share is summed is in one set, or due, or both; any other one is in neither. A
 * set's bag is what its sessions were billed. A set without sessions does not exist. by_age is sorted by the
 * stamps that the sets had when they were put there.
 *
 * Equal labels have equal addresses, so sets are found by these; they are sorted by their texts only where
 * they are shown.
 */
#include "sums/label_sets.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"
#include "base/tree.h"
#include "sums/billed_session.h"
#include "sums/shares.h"

enum { FEW_SETS = 32 }; /* whose places are changed one by one */

/* --- order --- */

static int compare_texts(const char *a, const char *b)
{
    return a == b ? 0 : strcmp(a, b);
}

static int by_labels(const void *a, const void *b)
{
    const struct label_set *x = *(struct label_set *const *)a, *y = *(struct label_set *const *)b;
    int d = compare_texts(x->project, y->project);

    d = d ? d : compare_texts(x->agent, y->agent);
    d = d ? d : compare_texts(x->team, y->team);
    return d ? d : compare_texts(x->source, y->source);
}

static int by_age(const void *a, const void *b)
{
    const struct label_set *x = *(struct label_set *const *)a, *y = *(struct label_set *const *)b;
    bool x_none = oks_stamp_is_none(x->first), y_none = oks_stamp_is_none(y->first);
    int d = x_none || y_none ? x_none - y_none : oks_stamp_cmp(x->first, y->first);

    return d ? d : by_labels(a, b);
}

static int compare_addresses(const char *a, const char *b)
{
    return ((uintptr_t)a > (uintptr_t)b) - ((uintptr_t)a < (uintptr_t)b);
}

static int by_address(const void *a, const void *b)
{
    const struct label_set *x = a, *y = b;
    int d = compare_addresses(x->project, y->project);

    d = d ? d : compare_addresses(x->agent, y->agent);
    d = d ? d : compare_addresses(x->team, y->team);
    return d ? d : compare_addresses(x->source, y->source);
}

/* --- the array of all, by age --- */

/* Where the set is, or would be. */
static size_t place_of(const struct label_sets *sets, const struct label_set *set)
{
    size_t from = 0, to = sets->n;

    while (from < to) {
        size_t middle = from + (to - from) / 2;

        if (by_age(&sets->by_age[middle], &set) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

/* Those in front of it are shown, and it is not, or has just changed. */
static void changed_at(struct label_sets *sets, size_t at)
{
    sets->choice_stale |= at <= sets->n_shown;
}

static void take_from_order(struct label_sets *sets, struct label_set *set)
{
    size_t at = sets->order_stale ? 0 : place_of(sets, set);

    while (sets->by_age[at] != set)
        at++;
    memmove(sets->by_age + at, sets->by_age + at + 1, (sets->n - at - 1) * sizeof(*sets->by_age));
    sets->n--;
    set->placed = false;
    changed_at(sets, at);
}

static int put_in_order(struct label_sets *sets, struct label_set *set)
{
    size_t at;

    if (!OKS_GROW(sets->by_age, sets->n, sets->room))
        return -ENOMEM;
    at = sets->order_stale ? sets->n : place_of(sets, set);
    memmove(sets->by_age + at + 1, sets->by_age + at, (sets->n - at) * sizeof(*sets->by_age));
    sets->by_age[at] = set;
    sets->n++;
    set->placed = true;
    changed_at(sets, at);
    return 0;
}

static void order_anew(struct label_sets *sets)
{
    if (sets->n)
        qsort(sets->by_age, sets->n, sizeof(*sets->by_age), by_age);
    sets->order_stale = false;
    sets->choice_stale = true;
}

/* --- life of a set --- */

static void changed(struct label_sets *sets, struct label_set *set)
{
    for (int i = 0; i < LABEL_SET_TEXTS; i++)
        row_text_changed(&set->text[i]);
    if (set->changed)
        return;
    set->changed = true;
    LIST_INSERT_HEAD(&sets->changed, set, of_changed);
}

static void not_changed(struct label_set *set)
{
    if (set->changed)
        LIST_REMOVE(set, of_changed);
    set->changed = false;
}

static void texts_clear(struct label_set *set)
{
    for (int i = 0; i < LABEL_SET_TEXTS; i++)
        row_text_clear(&set->text[i]);
}

static void set_free(void *item)
{
    struct label_set *set = item;

    texts_clear(set);
    billed_bag_clear(&set->billed);
    free(set);
}

static void set_end(struct label_sets *sets, struct label_set *set)
{
    not_changed(set);
    if (set->placed)
        take_from_order(sets, set);
    sets->models -= set->models;
    tdelete(set, &sets->tree, by_address);
    set_free(set);
}

/* NULL: ENOMEM */
static struct label_set *set_made(struct label_sets *sets, const struct label_set *labels)
{
    struct label_set **found = tfind(labels, &sets->tree, by_address), *set;

    if (found)
        return *found;
    set = malloc(sizeof(*set));
    if (!set)
        return NULL;
    *set = *labels;
    if (tsearch(set, &sets->tree, by_address))
        return set;
    free(set);
    return NULL;
}

/* --- labels of a session --- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names of the session's teams, which is one, or none, of nearly all. NULL: ENOMEM */
static const char *teams_of(struct sums *sums, const struct session *s)
{
    const struct membership *first = LIST_FIRST(&s->teams), *at;
    struct oks_bytes text = {0};
    const char **names, *all;
    size_t n = 0;

    if (!first || !LIST_NEXT(first, of_session))
        return oks_intern(sums->names, first ? first->team->name : "");
    LIST_FOREACH(at, &s->teams, of_session)
        n++;
    names = calloc(n, sizeof(*names));
    n = 0;
    if (names)
        LIST_FOREACH(at, &s->teams, of_session)
            names[n++] = at->team->name;
    if (n)
        qsort(names, n, sizeof(*names), by_text);
    for (size_t i = 0; i < n; i++) {
        oks_bytes_text(&text, i ? "," : "");
        oks_bytes_text(&text, names[i]);
    }
    oks_bytes_put(&text, "", 1);
    all = names && !text.error ? oks_intern(sums->names, text.ptr) : NULL;
    free(names);
    free(text.ptr);
    return all;
}

static const char *group_of(struct sums *sums, const struct session *s, enum group_kind kind)
{
    const char *key = groups_key(s, kind);

    return key ? key : oks_intern(sums->names, "unknown");
}

/* False: ENOMEM */
static bool labels_of(struct sums *sums, const struct session *s, struct label_set *out)
{
    *out = (struct label_set){
        .project = group_of(sums, s, GROUP_PROJECT),
        .agent = group_of(sums, s, GROUP_AGENT),
        .source = group_of(sums, s, GROUP_SOURCE),
        .team = teams_of(sums, s),
        .first = OKS_STAMP_NONE,
    };
    return out->project && out->agent && out->source && out->team;
}

/* --- sessions in sets --- */

static void not_due(struct session_sums *own)
{
    if (own->label_set_due)
        LIST_REMOVE(own, of_label_set_due);
    own->label_set_due = false;
}

static void put_due(struct label_sets *sets, struct session_sums *own)
{
    if (own->label_set_due || !own->summed)
        return;
    own->label_set_due = true;
    LIST_INSERT_HEAD(&sets->due, own, of_label_set_due);
}

void label_sets_due(struct sums *sums, struct session *s)
{
    if (sums->label_sets.kept)
        put_due(&sums->label_sets, s->sums);
}

struct billed_bag *label_sets_bag(struct sums *sums, struct session *s)
{
    struct label_set *set = s->sums->label_set;

    if (!set)
        return NULL;
    changed(&sums->label_sets, set);
    return &set->billed;
}

/* Whether a session with this first stamp may be the first of the set, or become it. */
static bool may_be_first(const struct label_set *set, uint64_t key)
{
    return !set->placed || key <= set->first.key || key == OKS_STAMP_KEY_TEXT;
}

static void leave(struct label_sets *sets, struct session *s)
{
    struct session_sums *own = s->sums;
    struct label_set *set = own->label_set;

    if (!set)
        return;
    billed_session_take(&set->billed, s);
    LIST_REMOVE(own, of_label_set);
    own->label_set = NULL;
    set->first_stale |= may_be_first(set, own->label_set_first);
    if (LIST_EMPTY(&set->sessions))
        set_end(sets, set);
    else
        changed(sets, set);
}

void label_sets_leave(struct sums *sums, struct session *s)
{
    not_due(s->sums);
    leave(&sums->label_sets, s);
}

static int join(struct label_sets *sets, struct session *s, const struct label_set *labels)
{
    struct label_set *set = set_made(sets, labels);
    struct session_sums *own = s->sums;

    if (!set || billed_session_add(&set->billed, s) < 0) {
        if (set && LIST_EMPTY(&set->sessions))
            set_end(sets, set);
        return -ENOMEM;
    }
    leave(sets, s);
    own->label_set = set;
    own->label_set_first = OKS_STAMP_KEY_NONE;
    LIST_INSERT_HEAD(&set->sessions, own, of_label_set);
    changed(sets, set);
    return 0;
}

static bool is_in(const struct label_set *set, const struct label_set *labels)
{
    return set && by_address(set, labels) == 0;
}

static int settle_session(struct sums *sums, struct session_sums *own)
{
    uint64_t first = own->share.totals.first.key;
    struct label_set labels, *set;
    int rc = labels_of(sums, own->session, &labels) ? 0 : -ENOMEM;

    if (rc == 0 && !is_in(own->label_set, &labels))
        rc = join(&sums->label_sets, own->session, &labels);
    if (rc < 0)
        return rc;
    set = own->label_set;
    if ((first != own->label_set_first || first == OKS_STAMP_KEY_TEXT) &&
        (may_be_first(set, first) || may_be_first(set, own->label_set_first))) {
        set->first_stale = true;
        changed(&sums->label_sets, set);
    }
    own->label_set_first = first;
    not_due(own);
    return 0;
}

/* --- sets that have changed --- */

static bool is_before(struct oks_stamp a, struct oks_stamp b)
{
    return oks_stamp_is_none(b) ? !oks_stamp_is_none(a) : !oks_stamp_is_none(a) && oks_stamp_cmp(a, b) < 0;
}

/* A stamp that is a text is borrowed from the events, which may move. */
static int keep_text(struct sums *sums, struct oks_stamp *stamp)
{
    char *text;

    if (stamp->key != OKS_STAMP_KEY_TEXT)
        return 0;
    text = oks_slice_copy((struct oks_slice){stamp->text, stamp->len});
    stamp->text = oks_intern(sums->names, text);
    free(text);
    if (!stamp->text)
        return -ENOMEM;
    stamp->len = (uint32_t)strlen(stamp->text);
    return 0;
}

static int settle_place(struct sums *sums, struct label_set *set)
{
    struct oks_stamp first = OKS_STAMP_NONE;
    const struct session_sums *own;
    int rc;

    if (!set->first_stale && set->placed)
        return 0;
    LIST_FOREACH(own, &set->sessions, of_label_set)
        if (is_before(own->share.totals.first, first))
            first = own->share.totals.first;
    rc = keep_text(sums, &first);
    if (rc < 0)
        return rc;
    if (set->placed && !sums->label_sets.order_stale &&
        (is_before(first, set->first) || is_before(set->first, first)))
        take_from_order(&sums->label_sets, set);
    set->first = first;
    if (!set->placed)
        rc = put_in_order(&sums->label_sets, set);
    set->first_stale = rc < 0;
    return rc;
}

static size_t models_in(const struct label_set *set)
{
    size_t n = 0;

    for (size_t i = 0; i < set->billed.len; i++)
        n += !billed_is_zero(&set->billed.items[i].sum);
    return n;
}

static int settle_set(struct sums *sums, struct label_set *set)
{
    struct label_sets *sets = &sums->label_sets;
    size_t models = models_in(set);
    int rc = settle_place(sums, set);

    if (rc < 0)
        return rc;
    if (models != set->models && !sets->order_stale)
        changed_at(sets, place_of(sets, set));
    sets->models += models - set->models;
    set->models = models;
    if (set->shown)
        billed_take(&sets->shown_total, &set->total);
    billed_bag_total(&set->billed, &set->total);
    if (set->shown)
        billed_add(&sets->shown_total, &set->total);
    not_changed(set);
    return 0;
}

/* Of many, the order is made anew instead of moving each of them. */
static int settle_sets(struct sums *sums)
{
    struct label_sets *sets = &sums->label_sets;
    struct label_set *set;
    size_t n = 0;

    LIST_FOREACH(set, &sets->changed, of_changed)
        n++;
    sets->order_stale |= n > FEW_SETS;
    while ((set = LIST_FIRST(&sets->changed)))
        if (settle_set(sums, set) < 0)
            return -ENOMEM;
    if (sets->order_stale)
        order_anew(sets);
    return 0;
}

/* --- the bound --- */

/* The first ones, while there is room; none after the first that has none. */
static int choose_shown(struct label_sets *sets, size_t most)
{
    struct label_set **shown;
    size_t n = 0;

    sets->shown_models = 0;
    while (n < sets->n && sets->shown_models + sets->by_age[n]->models <= most)
        sets->shown_models += sets->by_age[n++]->models;
    sets->n_shown = 0; /* on failure all is stale */
    shown = realloc(sets->shown, (n ? n : 1) * sizeof(*shown));
    if (!shown)
        return -ENOMEM;
    sets->shown = shown;
    sets->shown_total = (struct billed_sum){0};
    for (size_t i = 0; i < sets->n; i++) {
        sets->by_age[i]->shown = i < n;
        if (i < n)
            billed_add(&sets->shown_total, &sets->by_age[i]->total);
        else
            texts_clear(sets->by_age[i]);
    }
    if (n)
        memcpy(shown, sets->by_age, n * sizeof(*shown));
    qsort(shown, n, sizeof(*shown), by_labels);
    sets->n_shown = n;
    sets->most = most;
    sets->choice_stale = false;
    return 0;
}

static void visit_due(void *ctx, void *item)
{
    put_due(ctx, ((struct session *)item)->sums);
}

int label_sets_complete(struct sums *sums, size_t most)
{
    struct label_sets *sets = &sums->label_sets;
    struct session_sums *own;
    struct session *s;

    if (!sets->kept)
        oks_tree_each(sums->catalog->sessions, visit_due, sets);
    sets->kept = true;
    while ((s = catalog_next_in_other_teams(sums->catalog)))
        put_due(sets, s->sums);
    while ((own = LIST_FIRST(&sets->due)))
        if (settle_session(sums, own) < 0)
            return -ENOMEM;
    if (settle_sets(sums) < 0)
        return -ENOMEM;
    return sets->choice_stale || sets->most != most ? choose_shown(sets, most) : 0;
}

static void forget_costs(void *ctx, void *item)
{
    struct label_set *set = item;

    billed_bag_forget_costs(&set->billed);
    changed(ctx, set);
}

void label_sets_forget_costs(struct sums *sums)
{
    oks_tree_each(sums->label_sets.tree, forget_costs, &sums->label_sets);
}

void label_sets_free(struct sums *sums)
{
    tdestroy(sums->label_sets.tree, set_free);
    free(sums->label_sets.by_age);
    free(sums->label_sets.shown);
    sums->label_sets = (struct label_sets){0};
}
