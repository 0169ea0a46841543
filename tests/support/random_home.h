/*
 * Transcripts that change at random: they come, gain lines (the last one unfinished at times), are replaced,
 * and leave. What they say is kept beside them, so that a test can add it up by itself.
 *
 *     model_begin(NULL);
 *     while (...) {
 *         change(rnd(FILES));
 *         ... made[i].t, said[i][0 ... n_said[i]) ...
 *     }
 *     leave_all();
 *     model_end();
 */
#ifndef OKSTRAFS_TESTS_RANDOM_HOME_H
#define OKSTRAFS_TESTS_RANDOM_HOME_H

#include "model_home.h"

enum { FILES = 8, LINES = 12 };

static uint64_t seed;

static inline unsigned rnd(unsigned n)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (unsigned)((seed >> 33) % n);
}

/* What transcripts there are: two of them are of one session, and one is a sub-agent's. */
static const struct {
    const char *rel, *session, *project;
} files[FILES] = {
    {"-a/s1.jsonl", "s1", "-a"}, {"-a/s2.jsonl", "s2", "-a"},
    {"-a/s3.jsonl", "s3", "-a"}, {"-b/s1.jsonl", "s1", "-b"},
    {"-b/s4.jsonl", "s4", "-b"}, {"-b/s4/subagents/agent-x.jsonl", "agent-x", "-b"},
    {"-c/s5.jsonl", "s5", "-c"}, {"-c/s6.jsonl", "s6", "-c"},
};

static const char *const models[] = {"claude-opus-4-7", "claude-sonnet-4-5", "no-such-model"};
static const char *const agents[] = {NULL, "scout", "writer"};
static const char *const teams[] = {NULL, "Crew", "crew", "night"};
static const char *const cwds[] = {NULL, "/w/one", "/w/two"};

static struct made made[FILES];
static struct said said[FILES][LINES];
static size_t n_said[FILES];
static bool unfinished[FILES]; /* the last line has no newline */
static char stamps[FILES][LINES][OKS_STAMP_TEXT], ids[FILES][LINES][16];

/* The transcripts of a session, in the order of their paths. */
static inline bool is_of(int i, const char *session)
{
    return made[i].t && strcmp(files[i].session, session) == 0;
}

/* Of one day; a test may take others. */
static inline void stamp_of_a_day(char out[OKS_STAMP_TEXT])
{
    unsigned minute = rnd(60), hour = rnd(24); /* in this order under every compiler */

    snprintf(out, OKS_STAMP_TEXT, "2026-06-10T%02u:%02u:00.000Z", hour, minute);
}

static void (*make_stamp)(char out[OKS_STAMP_TEXT]) = stamp_of_a_day;

static inline struct said *new_line(int i)
{
    static unsigned n;
    size_t k = n_said[i]++;

    make_stamp(stamps[i][k]);
    snprintf(ids[i][k], sizeof(ids[i][k]), "m%u", ++n);
    said[i][k] = (struct said){.at = stamps[i][k],
                               .id = ids[i][k],
                               .model = models[rnd(3)],
                               .agent = agents[rnd(8) ? 0 : rnd(3)],
                               .team = teams[rnd(6) ? 0 : rnd(4)],
                               .cwd = cwds[rnd(4) ? 0 : rnd(3)],
                               .input = 1 + rnd(100),
                               .output = rnd(100),
                               .created = rnd(100),
                               .reads = rnd(100),
                               .tools = rnd(3),
                               .open = rnd(5) == 0};
    return &said[i][k];
}

/* Ends the unfinished line, and says more. */
static inline void grow(int i)
{
    char *text;

    if (unfinished[i])
        made_gains(&made[i], "\n");
    unfinished[i] = rnd(3) == 0;
    text = lines_said(new_line(i), 1);
    text[strlen(text) - unfinished[i]] = '\0';
    made_gains(&made[i], text);
    free(text);
}

static inline void replace(int i)
{
    size_t n = 1 + rnd(3);

    n_said[i] = 0;
    unfinished[i] = false;
    while (n-- > 0)
        new_line(i);
    made_says_instead(&made[i], said[i], n_said[i]);
}

static inline void leave(int i)
{
    made_leaves(&made[i]);
    n_said[i] = 0;
    unfinished[i] = false;
}

static inline void change(int i)
{
    if (!made[i].t) {
        made[i] = made_at(files[i].rel);
        grow(i);
    } else if (n_said[i] == LINES || rnd(10) == 0) {
        leave(i);
    } else if (rnd(8) == 0) {
        replace(i);
    } else {
        grow(i);
    }
}

static inline void leave_all(void)
{
    for (int i = 0; i < FILES; i++)
        if (made[i].t)
            leave(i);
}

#endif
