/*
 * The cache at the command line, for tests/cache/test_cache_compat.py and for measuring.
 *
 *   cache_tool load ROOT FOLDER NAME          prints the state, or "miss"
 *   cache_tool save ROOT FOLDER NAME          saves the state that stands on standard input (state_text.h)
 *   cache_tool bench ROOT FILES EVENTS        saves and loads so many entries of so many events, and prints
 *                                             what that took
 */
#include <errno.h>
#include <time.h>

#include "cache/cache.h"
#include "state_text.h"

static int load(struct oks_cache *cache, const char *folder, const char *name)
{
    struct oks_state state;
    int r = oks_state_init(&state);

    if (r == 0)
        r = oks_cache_load(cache, folder, name, &state);
    if (r == OKS_CACHE_HIT)
        state_put(stdout, &state);
    else if (r == OKS_CACHE_MISS)
        puts("miss");
    oks_state_clear(&state);
    return r < 0 ? r : 0;
}

static int save(struct oks_cache *cache, const char *folder, const char *name)
{
    struct oks_state state;
    int r = oks_state_init(&state);

    if (r == 0) {
        state_take(stdin, &state);
        r = oks_cache_save(cache, folder, name, &state);
    }
    oks_state_clear(&state);
    return r;
}

/* --- measuring --- */

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void fill(struct oks_state *state, size_t events)
{
    for (size_t i = 0; i < events; i++) {
        struct oks_event event = {
            .count = {i % 7, 400 + i % 900, 2000 + i % 300, 2000 + i % 300, 0, 90000 + i, 1}};
        char text[64];

        snprintf(text, sizeof(text), "2026-%02zu-%02zuT%02zu:%02zu:%02zu.%03zuZ", 1 + i / 28 / 86400 % 12,
                 1 + i / 86400 % 28, i / 3600 % 24, i / 60 % 60, i % 60, i * 7 % 1000);
        event.stamp = oks_stamp_of(oks_slice_of(text));
        if (oks_events_append(state->events, &event) < 0)
            abort();
    }
    state->agent_name = strdup("codex-worker");
    state->model = strdup("claude-opus-4-7");
    state->session_id = strdup("00000000-0000-4000-8000-000000000000");
    oks_strings_add_folded(&state->teams, OKS_SLICE("okstra-T1"), OKS_TEAMS_MAX);
    oks_strings_add(&state->cwds, OKS_SLICE("/home/user/project"), OKS_CWDS_MAX);
}

static int bench(struct oks_cache *cache, size_t files, size_t events)
{
    struct oks_state state, loaded;
    double start, saved, done;
    char name[32];
    int r = 0;

    if (oks_state_init(&state) < 0 || oks_state_init(&loaded) < 0)
        return -ENOMEM;
    fill(&state, events);
    start = seconds();
    for (size_t i = 0; r == 0 && i < files; i++) {
        snprintf(name, sizeof(name), "%zu", i);
        r = oks_cache_save(cache, "bench", name, &state);
    }
    saved = seconds();
    for (size_t i = 0; r == 0 && i < files; i++) {
        snprintf(name, sizeof(name), "%zu", i);
        r = oks_cache_load(cache, "bench", name, &loaded);
    }
    done = seconds();
    printf("%zu files of %zu events: save %.6f s, load %.6f s; %.0f and %.0f events/s\n", files, events,
           saved - start, done - saved, (double)(files * events) / (saved - start),
           (double)(files * events) / (done - saved));
    oks_state_clear(&state);
    oks_state_clear(&loaded);
    return r;
}

int main(int argc, char **argv)
{
    struct oks_cache *cache;
    int r = -EINVAL;

    if (argc != 5 || oks_cache_new(&cache, argv[2]) < 0)
        return 2;
    if (strcmp(argv[1], "load") == 0)
        r = load(cache, argv[3], argv[4]);
    else if (strcmp(argv[1], "save") == 0)
        r = save(cache, argv[3], argv[4]);
    else if (strcmp(argv[1], "bench") == 0)
        r = bench(cache, strtoul(argv[3], NULL, 10), strtoul(argv[4], NULL, 10));
    oks_cache_free(cache);
    if (r != 0)
        fprintf(stderr, "cache_tool: %s\n", r < 0 ? strerror(-r) : "miss");
    return r != 0;
}
