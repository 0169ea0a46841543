/*
 * Teams are looked for in raw bytes, because a line that is cut off or no JSON at all counts as well.
 *
 * The search is Horspool's: look at the byte where the last one of the key would be, and jump by what that
 * byte allows, mostly by all twelve. It needs no vector instructions and reads about every tenth byte. It
 * sees only lines that may name a team, which the readers of valid lines notice by the way (see scalar_line()
 * in json_scalar.h), lines that are not valid, and lines too long to be held.
 *
 * Only ASCII letters fold: no other character's lower case is in the key.
 */
#include "scan/team_scan.h"

#include "scan/scanner.h"

static const char key[] = "\"teamname\":\"";

/* How far the key may move when this byte stands under its last one; the default is its whole length. */
static const uint8_t jump[256] = {
    [':'] = 1, ['"'] = 2, ['e'] = 3, ['E'] = 3, ['m'] = 4,  ['M'] = 4,
    ['a'] = 5, ['A'] = 5, ['n'] = 6, ['N'] = 6, ['t'] = 10, ['T'] = 10,
};

static bool is_key(const char *s)
{
    for (int i = 0; i < OKS_TEAM_KEY_LEN; i++) {
        char c = s[i];

        if (c >= 'A' && c <= 'Z')
            c |= 0x20;
        if (c != key[i])
            return false;
    }
    return true;
}

enum oks_team_end oks_team_name(const char *s, size_t len, size_t from, struct oks_slice *name)
{
    size_t room = len - from;
    size_t n = room > OKS_TEAM_NAME_MAX + 1 ? OKS_TEAM_NAME_MAX + 1 : room;
    const char *quote = memchr(s + from, '"', n);

    if (memchr(s + from, '\n', quote ? (size_t)(quote - s) - from : n))
        return OKS_TEAM_NONE;
    if (!quote)
        return n == room && room <= OKS_TEAM_NAME_MAX ? OKS_TEAM_OPEN : OKS_TEAM_NONE;
    *name = (struct oks_slice){s + from, (size_t)(quote - s) - from};
    return OKS_TEAM_FOUND;
}

int oks_team_scan(const char *s, size_t len, int (*found)(void *ctx, struct oks_slice name), void *ctx,
                  size_t *rest)
{
    size_t open = len; /* the first key whose name is not at its end yet */
    size_t i = OKS_TEAM_KEY_LEN - 1;
    struct oks_slice name;
    enum oks_team_end end;
    int r;

    while (i < len) {
        unsigned char last = (unsigned char)s[i];

        if (last == '"' && is_key(s + i + 1 - OKS_TEAM_KEY_LEN)) {
            end = oks_team_name(s, len, i + 1, &name);
            if (end == OKS_TEAM_FOUND && (r = found(ctx, name)))
                return r;
            if (end == OKS_TEAM_OPEN && open == len)
                open = i + 1 - OKS_TEAM_KEY_LEN;
        }
        i += jump[last] ? jump[last] : OKS_TEAM_KEY_LEN;
    }
    if (rest && open == len) /* else: the key itself may be cut off */
        open = len < OKS_TEAM_KEY_LEN ? 0 : len - (OKS_TEAM_KEY_LEN - 1);
    if (rest)
        *rest = open;
    return 0;
}
