/*
 * Hosts: which one a session counts for.
 *
 * A session that was copied from machine to machine is one session, with a transcript in a folder of each. It
 * counts for one host as a whole, so that hosts add up to everything, and for the same one whatever is found
 * first. What its files have lost (a remnant) keeps it where it was.
 */
#include "catalog/hosts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void host_name_of(const char *name, char out[OKS_NAME_MAX + 1])
{
    oks_name_escape(oks_slice_of(name && *name ? name : "localhost"), out);
}

void host_free(struct host *host)
{
    if (!host)
        return;
    for (size_t i = 0; i < host->n_folders; i++)
        free(host->folders[i]);
    free(host->folders);
    free(host);
}

int host_new(struct host **out, const char *name, char *const *folders, size_t n_folders)
{
    struct host *host = calloc(1, sizeof(*host));

    if (host)
        host->folders = calloc(n_folders + 1, sizeof(*host->folders));
    if (!host || !host->folders) {
        host_free(host);
        return -ENOMEM;
    }
    host_name_of(name, host->name);
    for (size_t i = 0; i < n_folders; i++) {
        host->folders[i] = strdup(folders[i]);
        host->n_folders++;
        if (!host->folders[i]) {
            host_free(host);
            return -ENOMEM;
        }
    }
    *out = host;
    return 0;
}

void catalog_set_hosts(struct catalog *c, struct host **hosts, size_t n)
{
    for (size_t i = 0; i < c->n_hosts; i++)
        host_free(c->hosts[i]);
    free(c->hosts);
    c->hosts = hosts;
    c->n_hosts = n;
}

static int by_name(const void *key, const void *item)
{
    return strcmp(key, (*(struct host *const *)item)->name);
}

struct host *catalog_host(struct catalog *c, const char *name)
{
    struct host **found;

    if (strcmp(name, c->own.name) == 0)
        return &c->own;
    found = c->n_hosts ? bsearch(name, c->hosts, c->n_hosts, sizeof(*c->hosts), by_name) : NULL;
    return found ? *found : NULL;
}

struct host *session_host(struct catalog *c, const struct session *s)
{
    const struct transcript *t;
    struct host *first = NULL;

    if (s->n_hosted < s->n_transcripts)
        return &c->own;
    TAILQ_FOREACH(t, &s->transcripts, of_session)
        if (!first || (t->root->host != first && strcmp(t->root->host->name, first->name) < 0))
            first = t->root->host;
    return first ? first : &c->own;
}
