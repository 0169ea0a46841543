/* The name, and the team, that a file beside an agent's transcript gives to the agent (private to the core).
 */
#ifndef OKSTRAFS_SOURCES_LABELS_H
#define OKSTRAFS_SOURCES_LABELS_H

enum { LABEL_BYTES_MAX = 255 };

/* Each malloc'ed, or NULL; of a longer one the first characters. */
struct label {
    char *name;
    char *team; /* "": it is a teammate, and the file names no team */
};

/*
 * Claude Code's agent-<id>.meta.json: its `name`, else its `agentType`; and of a teammate that runs inside
 * its lead's process the `teamName`. 0 with *out filled, of NULLs where the file is missing or tells none;
 * -ENOMEM, or why an existing file could not be read.
 */
int label_load(const char *path, struct label *out);
void label_clear(struct label *label);

#endif
