/*
 * The files that a person writes for okstrafs, kept in force as they change (private to the engine).
 *
 * Everything is under engine->lock.
 */
#ifndef OKSTRAFS_SETTINGS_SETTINGS_H
#define OKSTRAFS_SETTINGS_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prices/prices.h"
#include "settings/config.h"

struct oks_engine;
struct settings;

enum settings_file {
    SETTINGS_CONFIG, /* <home>/okstrafs.json */
    SETTINGS_PRICES, /* <home>/okstrafs/prices.json */
    SETTINGS_FILES,
};

/* -ENOMEM. The first refresh reads the files. */
int settings_new(struct oks_engine *e, const char *okstra_home);
void settings_free(struct oks_engine *e);

/*
 * Takes up what changed: engine->prices_version moves where a price may have, engine->version with anything.
 * A file that is wrong leaves the last good one in force. 0 or -ENOMEM.
 */
int settings_refresh(struct oks_engine *e);

/* The prices in force; never NULL, and gone with the next refresh. */
const struct oks_prices *settings_prices(const struct oks_engine *e);

/* The configuration in force; never NULL, and gone with the next refresh. */
const struct config *settings_config(const struct oks_engine *e);

/* What is known of a file. */
struct settings_state {
    const char *path;
    bool found;
    const char *error; /* what is wrong with it; NULL: nothing */
    int64_t mtime_ns;
};

struct settings_state settings_state(const struct oks_engine *e, enum settings_file file);

/* The descriptor of its queue of changes, -1: none; the folder whose coming is not in it, NULL: none; and
 * whether other changes are not. */
/* The path of the deepest folder that is looked at; malloc'ed, NULL on ENOMEM. */
char *settings_below(const char *okstra_home);
int settings_fd(const struct oks_engine *e);
const char *settings_awaited(const struct oks_engine *e);
bool settings_are_blind(const struct oks_engine *e);

#endif
