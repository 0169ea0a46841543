/*
 * A strict parser of okstrafs.json.
 *
 * A budget that differs from what was meant is worse than none. So an unknown key, a key that stands twice, a
 * value of another type, or a limit in two units makes the whole file invalid, with the place of the error.
 * The last valid file stays in force.
 */
#include "settings/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "files/json_file.h"
#include "okstrafs/names.h"

enum { DEPTH_MAX = 8, WARN_AT_PERCENT = 80, CONFIG_PATH_MAX = 4096 };

#define BAD_NAME "the name must be a file name of up to 100 bytes, without / and %, and not begin with a dot"

static const char *const scope_names[BUDGET_SCOPES] = {"run",     "day",       "session", "team",
                                                       "project", "agent-day", "block",   "total"};
static const char *const policy_names[BUDGET_POLICIES] = {"block", "warn_continue", "prompt"};

const char *budget_scope_name(enum budget_scope scope)
{
    return scope_names[scope];
}

const char *budget_policy_name(enum budget_policy policy)
{
    return policy_names[policy];
}

bool budget_has_target(enum budget_scope scope)
{
    return scope != BUDGET_DAY && scope != BUDGET_BLOCK && scope != BUDGET_TOTAL;
}

struct reading {
    struct json_file file;
    struct config config;
    const char *zones;
    const char *name; /* of the budget in progress */
};

/* --- one budget --- */

static int wrong(struct reading *r, const char *key, const char *what)
{
    return json_file_error(&r->file, (const char *[]){"budgets", r->name, key, NULL}, "budget \"%.100s\": %s",
                           r->name, what);
}

/* A non-empty string without NUL; NULL: anything else. */
static const char *text(json_object *value)
{
    const char *s = json_text(value);

    return s && *s ? s : NULL;
}

static int index_of(const char *const *names, int n, json_object *value)
{
    const char *s = text(value);

    for (int i = 0; s && i < n; i++)
        if (strcmp(names[i], s) == 0)
            return i;
    return -1;
}

static int read_scope(struct reading *r, json_object *value, struct budget *b)
{
    int i = index_of(scope_names, BUDGET_SCOPES, value);

    if (i < 0)
        return wrong(r, "scope", "scope must be day, block, total, session, project, team, run or agent-day");
    b->scope = (enum budget_scope)i;
    return 0;
}

static int read_policy(struct reading *r, json_object *value, struct budget *b)
{
    int i = index_of(policy_names, BUDGET_POLICIES, value);

    if (i < 0)
        return wrong(r, "policy", "policy must be block, prompt or warn_continue");
    b->policy = (enum budget_policy)i;
    return 0;
}

static int read_of(struct reading *r, json_object *value, struct budget *b)
{
    const char *of = text(value);

    if (!of || strlen(of) > OKS_NAME_MAX)
        return wrong(r, "of", "\"of\" must be a name");
    b->of = strdup(of);
    return b->of ? 0 : -ENOMEM;
}

/* Exact: picodollars, or a share in 10^-12. */
static bool read_amount(json_object *value, oks_money *amount)
{
    char room[24];
    const char *text_of = json_number(value, room);

    return text_of && oks_money_parse(oks_slice_of(text_of), amount) == 0 && *amount > 0;
}

static int read_usd(struct reading *r, json_object *value, struct budget *b)
{
    oks_money limit;

    if (!read_amount(value, &limit))
        return wrong(r, "limitUSD", "limitUSD must be a number above 0");
    b->limit = (uint64_t)limit;
    b->in_usd = true;
    return 0;
}

static int read_tokens(struct reading *r, json_object *value, struct budget *b)
{
    int64_t limit = json_object_is_type(value, json_type_int) ? json_int64(value) : 0;

    if (limit <= 0)
        return wrong(r, "limitTokens", "limitTokens must be a whole number above 0");
    b->limit = (uint64_t)limit;
    return 0;
}

static int read_warn_at(struct reading *r, json_object *value, struct budget *b)
{
    oks_money share;

    if (!read_amount(value, &share) || share > OKS_USD)
        return wrong(r, "warnAt", "warnAt must be a number above 0 and up to 1");
    b->warn_at = (uint64_t)share;
    return 0;
}

static const struct key {
    const char *name;
    int (*read)(struct reading *r, json_object *value, struct budget *b);
} keys[] = {
    {"scope", read_scope},        {"of", read_of},         {"limitUSD", read_usd},
    {"limitTokens", read_tokens}, {"policy", read_policy}, {"warnAt", read_warn_at},
};

static int unknown_key(struct reading *r, const char *name)
{
    return json_file_error(&r->file, (const char *[]){"budgets", r->name, name, NULL},
                           "budget \"%.60s\": a key that is not known: \"%.60s\"; known are scope, of, "
                           "limitUSD, limitTokens, policy, warnAt",
                           r->name, name);
}

static int read_keys(struct reading *r, json_object *object, struct budget *b)
{
    json_object_object_foreach(object, name, value)
    {
        const struct key *key = NULL;
        int rc;

        for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
            if (strcmp(keys[i].name, name) == 0)
                key = &keys[i];
        if (!key)
            return unknown_key(r, name);
        rc = key->read(r, value, b);
        if (rc < 0)
            return rc;
    }
    return json_file_unique(&r->file, (const char *[]){"budgets", r->name, NULL}, object);
}

static bool is_name(const char *name)
{
    char escaped[OKS_NAME_MAX + 1];
    size_t n = strlen(name);

    return n > 0 && n <= CONFIG_NAME_MAX && oks_name_escape(oks_slice_of(name), escaped) == n &&
           strcmp(name, escaped) == 0;
}

static bool has(json_object *object, const char *key)
{
    return json_object_object_get_ex(object, key, NULL);
}

static void budget_clear(struct budget *b)
{
    free(b->name);
    free(b->of);
}

static int read_budget(struct reading *r, json_object *object, struct budget *out)
{
    struct budget b = {.policy = BUDGET_WARN_CONTINUE, .warn_at = OKS_USD / 100 * WARN_AT_PERCENT};
    int rc;

    if (!is_name(r->name))
        return wrong(r, NULL, BAD_NAME);
    if (!json_object_is_type(object, json_type_object))
        return wrong(r, NULL, "it is no object");
    rc = read_keys(r, object, &b);
    if (rc == 0 && !has(object, "scope"))
        rc = wrong(r, NULL, "scope is missing");
    if (rc == 0 && has(object, "limitUSD") == has(object, "limitTokens"))
        rc = wrong(r, NULL,
                   has(object, "limitUSD")
                       ? "only one of limitUSD and limitTokens can be given: make two budgets of it"
                       : "one of limitUSD and limitTokens is needed");
    if (rc == 0 && b.of && !budget_has_target(b.scope))
        rc = wrong(r, "of", "\"of\" means nothing for this scope");
    if (rc == 0 && !(b.name = strdup(r->name)))
        rc = -ENOMEM;
    if (rc < 0) {
        budget_clear(&b);
        return rc;
    }
    *out = b;
    return 0;
}

/* --- hosts --- */

static int wrong_host(struct reading *r, const char *name, const char *what)
{
    return json_file_error(&r->file, (const char *[]){"hosts", name, NULL}, "host \"%.100s\": %s", name,
                           what);
}

/* The host that has the folder already; NULL: none. */
static const char *host_with(const struct config *c, const char *folder)
{
    for (size_t i = 0; i < c->n_hosts; i++)
        for (size_t k = 0; k < c->hosts[i].n_folders; k++)
            if (strcmp(c->hosts[i].folders[k], folder) == 0)
                return c->hosts[i].name;
    return NULL;
}

/* Two spellings of one path are the same text: "//", "/./" and a slash at the end go. False: "..", or no
 * absolute path. */
static bool simplify(const char *path, char *out)
{
    size_t n = 0;

    if (*path != '/')
        return false;
    while (*path) {
        size_t len = strcspn(path, "/");

        if (len == 2 && strncmp(path, "..", 2) == 0)
            return false;
        if (len && (len != 1 || *path != '.')) {
            out[n++] = '/';
            memcpy(out + n, path, len);
            n += len;
        }
        path += len + (path[len] == '/');
    }
    out[n] = '\0';
    return n > 0;
}

static int read_host_folder(struct reading *r, struct config_host *host, json_object *value)
{
    const char *path = text(value), *other;
    char folder[CONFIG_PATH_MAX];

    if (!path || strlen(path) >= sizeof(folder) || !simplify(path, folder))
        return wrong_host(r, host->name, "a folder must be an absolute path without \"..\", and not \"/\"");
    other = host_with(&r->config, folder);
    if (other)
        return json_file_error(&r->file, (const char *[]){"hosts", host->name, NULL},
                               "host \"%.60s\": \"%.60s\" is already a folder of \"%.60s\"", host->name,
                               folder, other);
    host->folders[host->n_folders] = strdup(folder);
    return host->folders[host->n_folders++] ? 0 : -ENOMEM;
}

static int read_host_folders(struct reading *r, struct config_host *host, json_object *value)
{
    bool list = json_object_is_type(value, json_type_array);
    size_t n = list ? json_object_array_length(value) : 1;
    int rc = 0;

    if (n == 0 || n > CONFIG_HOST_FOLDERS_MAX)
        return wrong_host(r, host->name, "it must have 1 to 16 folders");
    host->folders = calloc(n, sizeof(*host->folders));
    if (!host->folders)
        return -ENOMEM;
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = read_host_folder(r, host, list ? json_object_array_get_idx(value, i) : value);
    return rc;
}

static int by_host_name(const void *a, const void *b)
{
    return strcmp(((const struct config_host *)a)->name, ((const struct config_host *)b)->name);
}

static int read_hosts(struct reading *r, json_object *object)
{
    struct config *c = &r->config;
    size_t n;

    if (!json_object_is_type(object, json_type_object))
        return json_file_error(
            &r->file, (const char *[]){"hosts", NULL},
            "hosts must be an object: names, and a folder or a list of folders behind each");
    n = (size_t)json_object_object_length(object);
    if (n > CONFIG_HOSTS_MAX)
        return json_file_error(&r->file, (const char *[]){"hosts", NULL}, "more than %d hosts",
                               CONFIG_HOSTS_MAX);
    c->hosts = calloc(n + 1, sizeof(*c->hosts));
    if (!c->hosts)
        return -ENOMEM;
    json_object_object_foreach(object, name, value)
    {
        struct config_host *host = &c->hosts[c->n_hosts];
        int rc;

        if (!is_name(name))
            return wrong_host(r, name, BAD_NAME);
        host->name = strdup(name);
        if (!host->name)
            return -ENOMEM;
        c->n_hosts++;
        rc = read_host_folders(r, host, value);
        if (rc < 0)
            return rc;
    }
    qsort(c->hosts, c->n_hosts, sizeof(*c->hosts), by_host_name);
    return json_file_unique(&r->file, (const char *[]){"hosts", NULL}, object);
}

static void host_clear(struct config_host *host)
{
    for (size_t i = 0; i < host->n_folders; i++)
        free(host->folders[i]);
    free(host->folders);
    free(host->name);
}

/* --- the file --- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct budget *)a)->name, ((const struct budget *)b)->name);
}

static int read_budgets(struct reading *r, json_object *object)
{
    struct config *c = &r->config;
    uint32_t n;

    if (!json_object_is_type(object, json_type_object))
        return json_file_error(&r->file, (const char *[]){"budgets", NULL},
                               "budgets must be an object: names, and a budget behind each");
    n = (uint32_t)json_object_object_length(object);
    if (n > CONFIG_BUDGETS_MAX)
        return json_file_error(&r->file, (const char *[]){"budgets", NULL}, "more than %d budgets",
                               CONFIG_BUDGETS_MAX);
    c->budgets = calloc(n + 1, sizeof(*c->budgets));
    if (!c->budgets)
        return -ENOMEM;
    json_object_object_foreach(object, name, value)
    {
        r->name = name;
        int rc = read_budget(r, value, &c->budgets[c->n_budgets]);

        if (rc < 0)
            return rc;
        c->n_budgets++;
    }
    qsort(c->budgets, c->n_budgets, sizeof(*c->budgets), by_name);
    return json_file_unique(&r->file, (const char *[]){"budgets", NULL}, object);
}

static int read_zone(struct reading *r, json_object *value)
{
    const char *name = text(value);
    int rc = name ? oks_zone_new(&r->config.zone, name, r->zones) : -ENOENT;

    if (rc == -ENOMEM)
        return rc;
    if (rc < 0)
        return json_file_error(&r->file, (const char *[]){"timeZone", NULL},
                               "timeZone must be a zone such as \"Asia/Seoul\" or \"KST-9\"");
    r->config.zone_name = strdup(name);
    return r->config.zone_name ? 0 : -ENOMEM;
}

static int wrong_metric(struct reading *r, const char *key, const char *what)
{
    return json_file_error(&r->file, (const char *[]){"metrics", key, NULL}, "metrics: %s", what);
}

static int read_metric(struct reading *r, const char *key, json_object *value)
{
    struct config *c = &r->config;

    if (strcmp(key, "claudeCodeNames") == 0) {
        if (!json_object_is_type(value, json_type_boolean))
            return wrong_metric(r, key, "claudeCodeNames is true or false");
        c->claude_code_names = json_true(value);
        return 0;
    }
    if (strcmp(key, "labelSets") == 0) {
        int64_t n = json_object_is_type(value, json_type_int) ? json_int64(value) : 0;

        if (n <= 0 || n > CONFIG_LABEL_SETS_MAX)
            return wrong_metric(r, key, "labelSets must be a whole number from 1 to 10000");
        c->label_sets = (uint32_t)n;
        return 0;
    }
    return json_file_error(&r->file, (const char *[]){"metrics", key, NULL},
                           "metrics: \"%.100s\" is not known; known are labelSets and claudeCodeNames", key);
}

static int read_metrics(struct reading *r, json_object *object)
{
    if (!json_object_is_type(object, json_type_object))
        return json_file_error(&r->file, (const char *[]){"metrics", NULL}, "metrics must be an object");
    json_object_object_foreach(object, key, value)
    {
        int rc = read_metric(r, key, value);

        if (rc < 0)
            return rc;
    }
    return json_file_unique(&r->file, (const char *[]){"metrics", NULL}, object);
}

static int read_host(struct reading *r, json_object *value)
{
    const char *name = text(value);

    if (!name || strlen(name) > OKS_NAME_MAX)
        return json_file_error(&r->file, (const char *[]){"host", NULL},
                               "host must be a name of up to %d bytes", OKS_NAME_MAX);
    r->config.host = strdup(name);
    return r->config.host ? 0 : -ENOMEM;
}

static int read_root(struct reading *r)
{
    json_object *root = r->file.tree.root;

    json_object_object_foreach(root, key, value)
    {
        int rc;

        if (strcmp(key, "budgets") == 0)
            rc = read_budgets(r, value);
        else if (strcmp(key, "timeZone") == 0)
            rc = read_zone(r, value);
        else if (strcmp(key, "metrics") == 0)
            rc = read_metrics(r, value);
        else if (strcmp(key, "host") == 0)
            rc = read_host(r, value);
        else if (strcmp(key, "hosts") == 0)
            rc = read_hosts(r, value);
        else
            rc = json_file_error(
                &r->file, (const char *[]){key, NULL},
                "\"%.100s\" is not known; known are budgets, timeZone, metrics, host and hosts", key);
        if (rc < 0)
            return rc;
    }
    return json_file_unique(&r->file, (const char *[]){NULL}, root);
}

int config_parse(struct config *out, const char *text_in, size_t len, const char *zones, char error[256])
{
    struct reading r = {.zones = zones};
    int rc = json_file_parse(&r.file, text_in, len, DEPTH_MAX, error);

    if (rc == 0)
        rc = read_root(&r);
    json_file_clear(&r.file);
    if (rc < 0) {
        config_clear(&r.config);
        return rc;
    }
    *out = r.config;
    return 0;
}

void config_clear(struct config *config)
{
    for (size_t i = 0; i < config->n_budgets; i++)
        budget_clear(&config->budgets[i]);
    free(config->budgets);
    for (size_t i = 0; i < config->n_hosts; i++)
        host_clear(&config->hosts[i]);
    free(config->hosts);
    free(config->zone_name);
    free(config->host);
    oks_zone_free(config->zone);
    *config = (struct config){0};
}
