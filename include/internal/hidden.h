/*
 * Characters that must not reach a terminal.
 *
 *     oks_text_show_hidden(title);
 *     puts(title);
 *
 * Pure functions: thread safe.
 */
#ifndef OKSTRAFS_INTERNAL_HIDDEN_H
#define OKSTRAFS_INTERNAL_HIDDEN_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Whether a character would not show, or would change how a terminal or an editor shows what is around it:
 * control characters (C0, DEL, C1), marks of direction, zero-width characters, separators of lines.
 */
bool oks_char_is_hidden(uint32_t code);
/* Replaces these, and what is no UTF-8, by '?', in place. */
void oks_text_show_hidden(char *text);

#ifdef __cplusplus
}
#endif

#endif
