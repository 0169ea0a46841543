/*
 * Where the transcripts of hosts are, and whether they are there: hosts/<name>/status.json, and a part of
 * status.json.
 *
 * A host is away while one of its folders is: no place in it where an agent has transcripts exists, or its
 * filesystem does not answer. What was known of it stays.
 */
#include "documents/host.h"

#include <errno.h>

#include "catalog/hosts.h"
#include "documents/document.h"

/* What is known of one folder. */
struct folder_state {
    bool found, silent;
    int error;
    size_t places; /* where an agent could have transcripts */
};

static struct folder_state folder_state(const struct host *host, size_t i)
{
    struct folder_state f = {0};
    const struct root *root;

    LIST_FOREACH(root, &host->roots, of_host) {
        if (root->host_folder != i)
            continue;
        f.places++;
        f.found |= root->found;
        f.silent |= root->remote && root->silent;
        f.error = f.error ? f.error : root->error;
    }
    return f;
}

static uint64_t files_in(const struct host *host, size_t i)
{
    const struct root *root;
    const struct folder *folder;
    const struct found_file *file;
    uint64_t n = 0;

    LIST_FOREACH(root, &host->roots, of_host)
        if (root->host_folder == i)
            LIST_FOREACH(folder, &root->folders, of_root)
                LIST_FOREACH(file, &folder->files, of_folder)
                    n++;
    return n;
}

static bool is_away(const struct folder_state *f)
{
    return !f->found || f->silent || f->error;
}

static const char *reason_of(const struct folder_state *f)
{
    return f->silent   ? discovery_passed_reason(-ETIMEDOUT)
           : f->error  ? discovery_passed_reason(f->error)
           : f->found  ? NULL
           : f->places ? "no transcripts are there"
                       : "it counts for another host, or for this machine";
}

bool host_is_away(const struct host *host)
{
    bool away = false;

    for (size_t i = 0; i < host->n_folders; i++) {
        struct folder_state f = folder_state(host, i);

        away |= is_away(&f);
    }
    return away;
}

int host_each_folder(const struct host *host,
                     int (*fn)(void *ctx, const char *host, const char *folder, const char *reason),
                     void *ctx)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < host->n_folders; i++) {
        struct folder_state f = folder_state(host, i);

        rc = fn(ctx, host->name, host->folders[i], reason_of(&f));
    }
    return rc;
}

void json_put_host(struct json *j, const struct host *host)
{
    json_put_text(j, "host", host->name);
    json_put_bool(j, "away", host_is_away(host));
    json_open_array(j, "folders");
    for (size_t i = 0; i < host->n_folders; i++) {
        struct folder_state f = folder_state(host, i);

        json_open_object(j, NULL);
        json_put_text(j, "path", host->folders[i]);
        json_put_bool(j, "found", f.found);
        json_put_bool(j, "answers", !f.silent);
        json_put_text(j, "error", reason_of(&f));
        json_put_count(j, "files", files_in(host, i));
        json_close_object(j);
    }
    json_close_array(j);
}

int document_host(struct model *model, const struct oks_target *target, struct oks_document *out)
{
    struct oks_document document = {.version = document_version(model, target)};
    const struct host *host = document.version ? catalog_host(&model->catalog, target->name) : NULL;
    struct group *group = host ? groups_find(&model->sums, GROUP_HOST, host->name) : NULL;
    struct measure m = {0};
    struct json j = {0};
    int rc;

    if (!host)
        return -ENOENT;
    if (group)
        groups_measure(group, &m);
    else if (!model->catalog.n_hosts)
        sums_all(&model->sums, &m);
    json_open_object(&j, NULL);
    json_put_host(&j, host);
    json_close_object(&j);
    document.mtime_ns = m.mtime_ns;
    rc = json_finish(&j, &document.bytes, &document.len);
    if (rc == 0)
        *out = document;
    return rc;
}
