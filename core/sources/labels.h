/* The name that a file beside an agent's transcript gives to the agent (private to the core). */
#ifndef OKSTRAFS_SOURCES_LABELS_H
#define OKSTRAFS_SOURCES_LABELS_H

enum { LABEL_BYTES_MAX = 255 };

/*
 * Claude Code's agent-<id>.meta.json: its `name`, else its `agentType`, and of a longer one the first
 * characters. 0 with *out malloc'ed, or NULL where the file is missing or tells none; -ENOMEM, or why an
 * existing file could not be read.
 */
int label_load(const char *path, char **out);

#endif
