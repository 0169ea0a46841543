/*
 * Text inside HTML and SVG. A name from a transcript can hold anything, so nothing of a document is written
 * but through these.
 */
#ifndef OKSTRAFS_FS_REPORT_MARKUP_H
#define OKSTRAFS_FS_REPORT_MARKUP_H

#include <stdio.h>

/* As the text of an element or the value of a quoted attribute. What would not show is shown as '?'. */
void markup_text(FILE *f, const char *text);
/* At most so many characters; what is cut ends with "…". */
void markup_text_cut(FILE *f, const char *text, size_t most);

#endif
