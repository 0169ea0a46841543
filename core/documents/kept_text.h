/* A part of a document that is kept as text: see remembered.c. Private to the engine. */
#ifndef OKSTRAFS_DOCUMENTS_KEPT_TEXT_H
#define OKSTRAFS_DOCUMENTS_KEPT_TEXT_H

#include <stdint.h>

/* The text and what it was made of; zeroed: nothing. */
struct remembered {
    char *text;
    int len;
    uint64_t version;
    uint64_t since, until; /* keys of the window */
    int level;             /* containers around it */
};

#endif
