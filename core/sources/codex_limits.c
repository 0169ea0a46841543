/* The limits of the user's plan that a Codex line says, into what the reader remembers. */
#include "sources/codex_limits.h"

enum { LIMIT_USED_MAX = 1000000 }; /* hundredths of a percent; more is no limit */

static const uint64_t LIMIT_TIME_MAX = UINT64_C(253402300799); /* the end of 9999, seconds */

/* Hundredths, rounded down. False: it is no number like 12 or 12.5. */
static bool hundredths_of(struct oks_slice number, uint64_t *out)
{
    uint64_t value = 0;
    unsigned digits = 0; /* behind the point */
    bool point = false;

    for (size_t i = 0; i < number.len; i++) {
        char c = number.ptr[i];

        if (c == '.' && !point && i > 0) {
            point = true;
            continue;
        }
        if (c < '0' || c > '9' || value > LIMIT_USED_MAX)
            return false;
        if (digits < 2)
            value = value * 10 + (uint64_t)(c - '0');
        digits += point;
    }
    for (; digits < 2; digits++)
        value *= 10;
    *out = value;
    return number.len > 0;
}

static void limit_window_set(struct source_limit_window *to, const struct codex_window_line *w,
                             int64_t line_s)
{
    *to = (struct source_limit_window){0};
    to->given = w->present && hundredths_of(w->used, &to->used);
    if (!to->given)
        return;
    to->minutes = w->minutes.odd ? 0 : w->minutes.value;
    if (w->resets_at.given && !w->resets_at.odd && w->resets_at.value <= LIMIT_TIME_MAX)
        to->resets_at = w->resets_at.value;
    else if (w->resets_in.given && !w->resets_in.odd && line_s >= 0 &&
             w->resets_in.value <= LIMIT_TIME_MAX - (uint64_t)line_s)
        to->resets_at = (uint64_t)line_s + w->resets_in.value; /* 0.4x and 0.5x */
}

static struct codex_limit *limit_slot(struct codex_state *s, const char *id)
{
    for (unsigned i = 0; i < s->n_limits; i++)
        if (strcmp(s->limits[i].id.text, id) == 0)
            return &s->limits[i];
    return s->n_limits < CODEX_LIMITS ? &s->limits[s->n_limits++] : NULL;
}

/* Versions with one limit do not name it. Copied lines say what was once. */
void codex_limits_note(struct codex_state *s, const struct codex_limits_line *l, struct oks_slice timestamp)
{
    const struct oks_stamp stamp = oks_stamp_of(timestamp);
    struct source_limit_text id;
    struct codex_limit *to;
    int64_t micros = -1;
    bool aware;

    if (!s->own || stamp.key >= OKS_STAMP_KEY_TEXT || oks_stamp_micros(stamp, &micros, &aware) < 0)
        return;
    codex_limit_text_set(&id, l->id.ptr ? l->id : OKS_SLICE("codex"));
    to = *id.text ? limit_slot(s, id.text) : NULL;
    if (!to)
        return;
    to->id = id;
    codex_limit_text_set(&to->name, l->name);
    codex_limit_text_set(&to->plan, l->plan);
    codex_limit_text_set(&to->reached, l->reached);
    codex_limit_text_set(&to->stamp, timestamp);
    for (int i = 0; i < SOURCE_LIMIT_WINDOWS; i++)
        limit_window_set(&to->window[i], &l->window[i], micros / 1000000);
}
