/*
 * The screen of okstrafs top: lines of text on a terminal, by ncurses.
 *
 *     screen_open(colour);
 *     screen_begin();
 *     screen_line(EMPHASIS_NONE, "...");
 *     screen_show();
 *     screen_close();
 *
 * Only one can be open. ncurses keeps the terminal's settings, so each way out of the program passes
 * screen_close().
 */
#ifndef OKSTRAFS_FS_CLI_TOP_SCREEN_H
#define OKSTRAFS_FS_CLI_TOP_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

#include "report/table.h"

enum screen_key { SCREEN_NOTHING, SCREEN_QUIT, SCREEN_REDRAW, SCREEN_MOVED };

/* False: the terminal is not known to ncurses. */
bool screen_open(bool colour);
void screen_close(void);

size_t screen_width(void);
/* The terminal has another size. */
void screen_resized(void);

/* Collects the lines of a new view. -ENOMEM */
void screen_begin(void);
int screen_line(enum emphasis emphasis, const char *line);
/* Shows `title` in the first line and what fits of the others below it. */
void screen_show(const char *title);

/* The meaning of the next key that was pressed; keys that scroll are obeyed (SCREEN_MOVED). */
enum screen_key screen_key(void);

#endif
