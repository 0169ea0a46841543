/*
 * The user's files, <home>/okstrafs.json and <home>/okstrafs/prices.json, and what of them is in force; and
 * the file of plan limits, which is kept in the same way.
 *
 *     settings_new(&s, okstra_home);
 *     each sync: changed = settings_refresh(s);
 *     prices = settings_prices(s); config = settings_config(s);
 *
 * Not thread safe: the model's lock covers it.
 */
#ifndef OKSTRAFS_SETTINGS_SETTINGS_H
#define OKSTRAFS_SETTINGS_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prices/prices.h"
#include "settings/config.h"
#include "settings/plan_limits.h"

struct settings;

enum settings_file {
    CONFIG_FILE, /* <home>/okstrafs.json */
    PRICES_FILE, /* <home>/okstrafs/prices.json */
    LIMITS_FILE, /* <home>/okstrafs/limits/claude.json, which `okstrafs statusline` writes */
    SETTINGS_FILES,
    USER_FILES = LIMITS_FILE, /* those that a person writes come first */
};

/* What a refresh changed. */
enum {
    SETTINGS_PRICES = 1, /* prices: the old table was freed */
    SETTINGS_CONFIG = 2, /* the configuration: the old one was freed */
    SETTINGS_STATUS = 4, /* settings_state() of a file */
    SETTINGS_LIMITS = 8,
};

/* 0 or -ENOMEM. The first refresh reads the files. */
int settings_new(struct settings **out, const char *okstra_home);
void settings_free(struct settings *s); /* NULL is fine */

/*
 * Reads the files that changed. An invalid file leaves the last valid one in force. SETTINGS_... or -ENOMEM
 */
int settings_refresh(struct settings *s);

/* The prices in force; never NULL; valid until the next refresh. */
const struct oks_prices *settings_prices(const struct settings *s);

/* The configuration in force; never NULL; valid until the next refresh. */
const struct config *settings_config(const struct settings *s);

/* What Claude Code has last said of the plan's limits. */
const struct oks_plan_limits *settings_plan_limits(const struct settings *s);

/* The state of one file. */
struct settings_state {
    const char *path;
    bool found;
    const char *error; /* what is wrong with it; NULL: nothing */
    int64_t mtime_ns;
};

struct settings_state settings_state(const struct settings *s, enum settings_file file);
/* Whether any file has an error. */
bool settings_are_wrong(const struct settings *s);

#endif
