/*
 * Hosts: this machine, and the others whose transcripts are in folders of it. Under the model's lock.
 *
 *     catalog_set_hosts(c, "here", hosts, n);          from the configuration
 *     root->host = catalog_host(c, name);              NULL for this machine's own
 *     session_host(c, s)->name
 */
#ifndef OKSTRAFS_CATALOG_HOSTS_H
#define OKSTRAFS_CATALOG_HOSTS_H

#include "catalog/catalog.h"

/* The name of the machine that a name means: a file name, as it is shown. */
void host_name_of(const char *name, char out[OKS_NAME_MAX + 1]);

/*
 * These are the hosts from now on; ascending by name, and none of them this machine. Takes over the structs,
 * and frees those before. The roots must have been moved to them.
 */
void catalog_set_hosts(struct catalog *c, struct host **hosts, size_t n);
/* -ENOMEM */
int host_new(struct host **out, const char *name, char *const *folders, size_t n_folders);
void host_free(struct host *host); /* NULL is fine */

/* NULL: there is none of that name. */
struct host *catalog_host(struct catalog *c, const char *name);
/*
 * The host that the session counts for: this machine if it has any of its transcripts, else of those that
 * have one the first by name.
 */
struct host *session_host(struct catalog *c, const struct session *s);

#endif
