/*
 * The user's files: <home>/okstrafs.json and <home>/okstrafs/prices.json, and what of them is in force.
 *
 * Not thread safe: the engine's lock covers it.
 */
#ifndef OKSTRAFS_SETTINGS_SETTINGS_H
#define OKSTRAFS_SETTINGS_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prices/prices.h"
#include "settings/config.h"

struct settings;

enum settings_file {
    CONFIG_FILE, /* <home>/okstrafs.json */
    PRICES_FILE, /* <home>/okstrafs/prices.json */
    SETTINGS_FILES,
};

/* What a refresh changed. */
enum {
    SETTINGS_PRICES = 1, /* prices: the old table is gone */
    SETTINGS_CONFIG = 2, /* the configuration: the old one is gone */
    SETTINGS_STATUS = 4, /* settings_state() of a file */
};

/* -ENOMEM. The first refresh reads the files. */
int settings_new(struct settings **out, const char *okstra_home);
void settings_free(struct settings *s); /* NULL is fine */

/* Looks at the files and reads those that changed. A file that is wrong leaves the last good one in force.
 * SETTINGS_... or -ENOMEM. */
int settings_refresh(struct settings *s);

/* The prices in force; never NULL, and gone with the next refresh. */
const struct oks_prices *settings_prices(const struct settings *s);

/* The configuration in force; never NULL, and gone with the next refresh. */
const struct config *settings_config(const struct settings *s);

/* What is known of a file. */
struct settings_state {
    const char *path;
    bool found;
    const char *error; /* what is wrong with it; NULL: nothing */
    int64_t mtime_ns;
};

struct settings_state settings_state(const struct settings *s, enum settings_file file);

#endif
