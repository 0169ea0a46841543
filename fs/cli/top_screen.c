/*
 * Lines on a terminal. Nothing but this file uses ncurses, whose names are everywhere (clear, move, timeout).
 */
#include "cli/top_screen.h"
#include "report/width.h" /* before term.h, which has macros of ordinary words */

#include <curses.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <unistd.h>

struct line {
    enum emphasis emphasis;
    char *text;
};

static struct {
    SCREEN *terminal;
    bool colour;
    struct line *kept;
    size_t n, room;
    size_t first; /* the line that is shown below the title */
} screen;

/* newterm() loses memory where there is none. */
static bool is_known_terminal(void)
{
    int found;

    if (setupterm(NULL, STDOUT_FILENO, &found) != OK)
        return false;
    del_curterm(cur_term);
    return true;
}

bool screen_open(bool colour)
{
    if (!is_known_terminal())
        return false;
    screen.terminal = newterm(NULL, stdout, stdin);
    if (!screen.terminal)
        return false;
    set_term(screen.terminal);
    cbreak();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    set_escdelay(25);
    curs_set(0);
    screen.colour = colour && has_colors();
    if (screen.colour) {
        start_color();
        use_default_colors();
        init_pair(1, COLOR_RED, -1);
    }
    return true;
}

void screen_close(void)
{
    if (!screen.terminal)
        return;
    endwin();
    delscreen(screen.terminal);
    screen.terminal = NULL;
    screen_begin();
    free(screen.kept);
    screen.kept = NULL;
    screen.room = 0;
}

size_t screen_width(void)
{
    return COLS > 0 ? (size_t)COLS : 80;
}

void screen_resized(void)
{
    struct winsize size;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0)
        resizeterm(size.ws_row, size.ws_col);
    clearok(curscr, TRUE);
}

void screen_begin(void)
{
    while (screen.n > 0)
        free(screen.kept[--screen.n].text);
}

int screen_line(enum emphasis emphasis, const char *text)
{
    if (screen.n == screen.room) {
        size_t room = screen.room ? screen.room * 2 : 64;
        struct line *more = reallocarray(screen.kept, room, sizeof(*more));

        if (!more)
            return -ENOMEM;
        screen.kept = more;
        screen.room = room;
    }
    screen.kept[screen.n] = (struct line){emphasis, strdup(text)};
    return screen.kept[screen.n].text ? (screen.n++, 0) : -ENOMEM;
}

static attr_t look_of(enum emphasis emphasis)
{
    switch (emphasis) {
    case EMPHASIS_HEADING:
    case EMPHASIS_TOTAL:
        return A_BOLD;
    case EMPHASIS_ALARM:
        return screen.colour ? A_BOLD | COLOR_PAIR(1) : A_BOLD;
    case EMPHASIS_FAINT:
        return A_DIM;
    case EMPHASIS_NONE:
        break;
    }
    return A_NORMAL;
}

/* Without the last column of the last line, where a terminal would scroll. */
static void put(int row, attr_t look, const char *text)
{
    size_t most = COLS > 1 ? (size_t)COLS - (row == LINES - 1) : 1, width;

    attrset(look);
    mvaddnstr(row, 0, text, (int)text_fit(text, most, &width));
    attrset(A_NORMAL);
}

/* How many lines fit below the title. */
static size_t rows_below(void)
{
    return LINES > 1 ? (size_t)LINES - 1 : 0;
}

static void limit_scroll(void)
{
    size_t most = screen.n > rows_below() ? screen.n - rows_below() : 0;

    if (screen.first > most)
        screen.first = most;
}

void screen_show(const char *title)
{
    limit_scroll();
    erase();
    put(0, A_REVERSE, title);
    for (size_t i = 0; i < rows_below() && screen.first + i < screen.n; i++)
        put((int)i + 1, look_of(screen.kept[screen.first + i].emphasis), screen.kept[screen.first + i].text);
    refresh();
}

enum screen_key screen_key(void)
{
    size_t page = rows_below();
    int key = getch();

    switch (key) {
    case ERR:
        return SCREEN_NOTHING;
    case 'q':
    case 'Q':
        return SCREEN_QUIT;
    case 'L' & 0x1f:
    case 'r':
        clearok(curscr, TRUE);
        return SCREEN_REDRAW;
    case KEY_RESIZE:
        return SCREEN_REDRAW;
    case KEY_DOWN:
    case 'j':
        screen.first++;
        return SCREEN_MOVED;
    case KEY_UP:
    case 'k':
        screen.first -= screen.first > 0;
        return SCREEN_MOVED;
    case KEY_NPAGE:
    case ' ':
        screen.first += page;
        return SCREEN_MOVED;
    case KEY_PPAGE:
        screen.first -= screen.first < page ? screen.first : page;
        return SCREEN_MOVED;
    default:
        return SCREEN_MOVED;
    }
}
