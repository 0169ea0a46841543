/*
 * The member "daemon" of status.json: written by the daemon of a mount, read by `okstrafs doctor`.
 */
#include "internal/daemon_state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "documents/daemon_state.h"
#include "documents/parts.h"
#include "files/external_json.h"
#include "okstrafs/stamp.h"

enum { DEPTH_MAX = 32 };

static void put_hardening(struct json *j, const struct oks_daemon_state *d)
{
    char capabilities[17];

    snprintf(capabilities, sizeof(capabilities), "%016" PRIx64, d->capabilities);
    json_open_object(j, "hardening");
    json_put_bool(j, "noCoreDumps", d->no_core_dumps);
    json_put_text(j, "capabilities", capabilities); /* as /proc has them */
    json_put_bool(j, "noNewPrivileges", d->no_new_privileges);
    json_put_count(j, "landlock", (uint64_t)d->landlock);
    json_put_bool(j, "seccomp", d->seccomp);
    json_put_text(j, "note", *d->hardening_note ? d->hardening_note : NULL);
    json_close_object(j);
}

void json_put_daemon(struct json *j, const struct oks_daemon_state *d)
{
    if (!d) {
        json_put_null(j, "daemon");
        return;
    }
    json_open_object(j, "daemon");
    json_put_count(j, "inodes", d->inodes);
    json_put_bool(j, "watchersNotified", d->watchers_notified);
    json_open_object(j, "helper");
    json_put_bool(j, "running", d->helper_runs);
    json_put_time(j, "since", d->helper_since_ms);
    json_put_count(j, "restarts", d->helper_restarts);
    json_put_bool(j, "unmounts", d->helper_unmounts);
    json_close_object(j);
    put_hardening(j, d);
    json_close_object(j);
}

/* --- reading --- */

static bool flag_in(json_object *object, const char *key)
{
    return json_true(json_member(object, key));
}

static uint64_t count_in(json_object *object, const char *key)
{
    return json_uint64(json_member(object, key));
}

static int64_t time_in(json_object *object, const char *key)
{
    const char *text = foreign_text(object, key);
    int64_t micros;
    bool aware;

    return text && oks_stamp_micros(oks_stamp_of(oks_slice_of(text)), &micros, &aware) == 0 ? micros / 1000
                                                                                            : 0;
}

static void read_hardening(struct oks_daemon_state *out, json_object *hardening)
{
    const char *capabilities = foreign_text(hardening, "capabilities"),
               *note = foreign_text(hardening, "note");

    out->no_core_dumps = flag_in(hardening, "noCoreDumps");
    out->capabilities = capabilities ? strtoull(capabilities, NULL, 16) : 0;
    out->no_new_privileges = flag_in(hardening, "noNewPrivileges");
    out->landlock = (int)count_in(hardening, "landlock");
    out->seccomp = flag_in(hardening, "seccomp");
    snprintf(out->hardening_note, sizeof(out->hardening_note), "%s", note ? note : "");
}

static int read_member(struct oks_daemon_state *out, json_object *status)
{
    json_object *daemon = foreign_member(status, "daemon", json_type_object);
    json_object *helper = foreign_member(daemon, "helper", json_type_object);
    const char *version = foreign_text(status, "version");

    if (!daemon)
        return -ENOENT;
    *out = (struct oks_daemon_state){
        .inodes = count_in(daemon, "inodes"),
        .watchers_notified = flag_in(daemon, "watchersNotified"),
        .helper_runs = flag_in(helper, "running"),
        .helper_since_ms = time_in(helper, "since"),
        .helper_restarts = count_in(helper, "restarts"),
        .helper_unmounts = flag_in(helper, "unmounts"),
    };
    snprintf(out->version, sizeof(out->version), "%s", version ? version : "");
    read_hardening(out, foreign_member(daemon, "hardening", json_type_object));
    return 0;
}

int oks_daemon_state_read(struct oks_daemon_state *out, struct oks_slice status)
{
    const struct json_rules rules = {.depth = DEPTH_MAX};
    struct json_fault fault;
    struct json_tree tree;
    int rc = json_tree_parse(&tree, status, &rules, &fault);

    if (rc < 0)
        return rc;
    rc = read_member(out, tree.root);
    json_tree_clear(&tree);
    return rc;
}
