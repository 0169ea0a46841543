/*
 * The parser of the command line and the environment.
 *
 * `mount -t fuse.okstrafs okstrafs DIR` and fstab run `mount.fuse.okstrafs okstrafs DIR -o ...`, which is a
 * link to this program. Where the link is missing, mount.fuse3 runs `okstrafs okstrafs DIR -o ...`. So the
 * sources "none" and "okstrafs", followed by a folder, are a mount; any other word that is no command is
 * refused. Every relative path becomes absolute here, because the daemon leaves its working directory.
 */
#include "cli/options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "cli/user.h"
#include "common/log.h"
#include "internal/source_homes.h"

enum { COLUMNS_MOST = 10000, EXPORT_MODE_MAX = 0666 };

#define MEMORY_DEFAULT ((size_t)64 << 20)

/* --- small helpers --- */

static void *need(void *p)
{
    if (p)
        return p;
    log_error("out of memory");
    exit(EX_OSERR);
}

static const char *home_dir(void)
{
    const char *home = getenv("HOME");
    const struct passwd *pw;

    if (home && home[0] == '/')
        return home;
    pw = getpwuid(getuid());
    return pw && pw->pw_dir && pw->pw_dir[0] == '/' ? pw->pw_dir : "/";
}

/* Removes "." and repeated or trailing slashes. ".." stays: what is before it may be a link. */
static void tidy(char *path)
{
    char *to = path;

    for (const char *from = path; *from;) {
        size_t n = strcspn(from, "/");

        if (n > 0 && !(n == 1 && *from == '.')) {
            *to++ = '/';
            memmove(to, from, n);
            to += n;
        }
        from += n + (from[n] == '/');
    }
    if (to == path)
        *to++ = '/';
    *to = '\0';
}

/* An absolute path without a trailing slash; ~ is the home. */
static char *absolute(const char *path)
{
    char cwd[4096], *out;
    size_t n;

    if (path[0] == '~' && (path[1] == '/' || path[1] == '\0'))
        n = (size_t)asprintf(&out, "%s%s", home_dir(), path + 1);
    else if (path[0] == '/' || !getcwd(cwd, sizeof(cwd)))
        n = (size_t)asprintf(&out, "%s", path);
    else
        n = (size_t)asprintf(&out, "%s/%s", cwd, path);
    if (n == (size_t)-1)
        need(NULL);
    tidy(out);
    return out;
}

static char *trimmed(const char *s, size_t n)
{
    while (n > 0 && (*s == ' ' || *s == '\t')) {
        s++;
        n--;
    }
    while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'))
        n--;
    return need(strndup(s, n));
}

static bool is_blank(const char *s)
{
    return !s || s[strspn(s, " \t\n")] == '\0';
}

static void append(char ***list, char *item)
{
    size_t n = 0;

    while (*list && (*list)[n])
        n++;
    *list = need(reallocarray(*list, n + 2, sizeof(**list)));
    (*list)[n] = item;
    (*list)[n + 1] = NULL;
}

/*
 * Where it cannot be found out because the machine is in trouble, neither answer is right, and the program
 * ends. A path that leads nowhere, or where nobody may look, is none: what can be read of a list is then
 * read.
 */
static bool is_folder(const char *path)
{
    struct stat st;

    if (stat(path, &st) == 0)
        return S_ISDIR(st.st_mode);
    if (errno != ENOMEM && errno != EIO && errno != EINTR && errno != EAGAIN)
        return false;
    log_error("%s: %s", path, strerror(errno));
    exit(EX_OSERR);
}

/* The agents take the value as one path, so if that is a folder, no comma separates. */
static void append_comma_list(char ***list, const char *s)
{
    char *item = trimmed(s, strlen(s)), *whole = absolute(item);

    free(item);
    /* A folder without a comma needs no look, and its filesystem may not answer. */
    if (!strchr(whole, ',') || is_folder(whole)) {
        append(list, whole);
        return;
    }
    free(whole);
    for (;;) {
        size_t n = strcspn(s, ",");

        item = trimmed(s, n);
        if (*item)
            append(list, absolute(item));
        free(item);
        if (s[n] == '\0')
            return;
        s += n + 1;
    }
}

/* --- the environment --- */

static void list_free(char **list)
{
    for (char **s = list; s && *s; s++)
        free(*s);
    free(list);
}

/* The value of a variable that is set and not blank; else NULL. */
static const char *variable_value(const char *variable)
{
    const char *value = variable ? getenv(variable) : NULL;

    return is_blank(value) ? NULL : value;
}

static char *folder_below(const char *top, const char *below)
{
    char *joined, *path;

    if (asprintf(&joined, "%s/%s", top, below ? below : "") < 0)
        need(NULL);
    path = absolute(joined);
    free(joined);
    return path;
}

static bool has(char **list, const char *item)
{
    while (list && *list && strcmp(*list, item) != 0)
        list++;
    return list && *list;
}

/* The folder that the file is in, unless it is there already. That of a relative path is another place's. */
static void append_folder_of(char ***list, const char *file)
{
    char *path, *slash;

    if (!file || file[0] != '/')
        return;
    path = absolute(file);
    slash = strrchr(path, '/');
    *slash = '\0';
    if (slash == path || has(*list, path))
        free(path);
    else
        append(list, path);
}

/* The folders of one place where a source's transcripts may be. */
static void append_home(char ***list, const struct oks_source_home *home)
{
    const char *value = variable_value(home->variable);
    char **tops = NULL;

    if (variable_value(home->unless))
        return;
    if (home->file) {
        append_folder_of(list, value);
        return;
    }
    if (home->xdg && value && value[0] != '/') /* says the specification */
        value = NULL;
    if (value && !home->xdg)
        append_comma_list(&tops, value);
    else if (value || home->folder)
        append(&tops, absolute(value ? value : home->folder));
    for (char **top = tops; top && *top; top++)
        append(list, folder_below(*top, home->below));
    list_free(tops);
}

static void dirs_from_environment(struct options *o)
{
    for (int i = 0; i < OKS_SOURCES; i++) {
        o->dirs[i] = need(calloc(1, sizeof(*o->dirs[i])));
        for (const struct oks_source_home *home = oks_source_homes((enum oks_source)i);
             home->variable || home->folder; home++)
            append_home(&o->dirs[i], home);
    }
}

static void terminal_from_environment(struct options *o)
{
    const char *columns = getenv("COLUMNS"), *term = getenv("TERM"), *no_colour = getenv("NO_COLOR");
    unsigned long n = columns && isdigit((unsigned char)*columns) ? strtoul(columns, NULL, 10) : 0;

    o->columns = n <= COLUMNS_MOST ? (unsigned)n : 0;
    o->no_colour = (no_colour && *no_colour) || !term || strcmp(term, "dumb") == 0;
}

static void from_environment(struct options *o)
{
    const char *home = getenv("OKSTRA_HOME");
    char *blank_free = home ? trimmed(home, strlen(home)) : NULL;

    o->okstra_home = absolute(is_blank(blank_free) ? "~/.okstra" : blank_free);
    free(blank_free);
    dirs_from_environment(o);
    terminal_from_environment(o);
}

/* --- -o
 * ----------------------------------------------------------------------------------------------------------
 */

static void pass_on(struct options *o, const char *option)
{
    char *joined;

    if (asprintf(&joined, "%s%s%s", o->fuse_options, *o->fuse_options ? "," : "", option) < 0)
        need(NULL);
    free(o->fuse_options);
    o->fuse_options = joined;
}

/* Options that mount(8), systemd and fstab have for every filesystem, and that have no meaning here. */
static bool is_generic(const char *option)
{
    static const char *const words[] = {
        "rw",          "ro",         "dev",        "nodev",       "suid",          "nosuid",   "exec",
        "noexec",      "async",      "sync",       "dirsync",     "atime",         "noatime",  "diratime",
        "nodiratime",  "relatime",   "norelatime", "strictatime", "nostrictatime", "lazytime", "nolazytime",
        "iversion",    "noiversion", "mand",       "nomand",      "silent",        "loud",     "symfollow",
        "nosymfollow", "auto",       "noauto",     "user",        "nouser",        "users",    "nousers",
        "owner",       "noowner",    "group",      "nogroup",     "_netdev",       "_rnetdev", "nofail",
        "defaults"};
    static const char *const begins[] = {"x-", "X-", "comment=", "user=", "helper=", "uhelper="};

    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (strcmp(option, words[i]) == 0)
            return true;
    for (size_t i = 0; i < sizeof(begins) / sizeof(*begins); i++)
        if (strncmp(option, begins[i], strlen(begins[i])) == 0)
            return true;
    return false;
}

static const char *value_of(const char *option, const char *key)
{
    size_t n = strlen(key);

    return strncmp(option, key, n) == 0 && option[n] == '=' ? option + n + 1 : NULL;
}

static int revalidate_option(struct options *o, const char *value)
{
    static const char *const names[] = {"auto", "inotify", "stat"};

    for (int i = 0; i < 3; i++)
        if (strcmp(value, names[i]) == 0) {
            o->revalidate = (enum oks_revalidate)i;
            return 0;
        }
    log_error("-o revalidate=%s: say auto, inotify or stat", value);
    return EX_USAGE;
}

/* `name` is on or off. */
static int switch_option(const char *name, const char *value, bool *off)
{
    *off = strcmp(value, "off") == 0;
    if (*off || strcmp(value, "on") == 0)
        return 0;
    log_error("-o %s=%s: say on or off", name, value);
    return EX_USAGE;
}

/* A number with K, M or G behind it. */
static int memory_option(struct options *o, const char *value)
{
    char *end;
    unsigned long long n = strtoull(value, &end, 10);
    const char *units = "KMG", *unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
    unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;

    if (end == value || *value == '-' || (*end && (!unit || end[1])) || n == 0 || n > (SIZE_MAX >> shift)) {
        log_error("-o memory=%s: say a size, such as 64M", value);
        return EX_USAGE;
    }
    o->memory = (size_t)(n << shift);
    return 0;
}

/* A name, or a number that may have none. */
static int owner_option(struct options *o, const char *uid, const char *gid)
{
    if (uid && !user_number(uid, &o->uid)) {
        log_error("-o uid=%s: no such user; say a name of /etc/passwd, or a number", uid);
        return EX_USAGE;
    }
    if (gid && !group_number(gid, &o->gid)) {
        log_error("-o gid=%s: no such group; say a name of /etc/group, or a number", gid);
        return EX_USAGE;
    }
    return 0;
}

static int one_option(struct options *o, const char *option)
{
    const char *value;

    if (strcmp(option, "home=") == 0 || strcmp(option, "root=") == 0) {
        log_error("-o %s: a folder is missing behind the =", option);
        return EX_USAGE;
    }
    if (strcmp(option, "no_cache") == 0)
        o->no_cache = true;
    else if ((value = value_of(option, "notify")))
        return switch_option("notify", value, &o->no_notify);
    else if ((value = value_of(option, "harden")))
        return switch_option("harden", value, &o->no_harden);
    else if (strcmp(option, "nonempty") == 0)
        o->nonempty = true;
    else if (strcmp(option, "verify=tail") == 0)
        o->verify_tail = true;
    else if ((value = value_of(option, "revalidate")))
        return revalidate_option(o, value);
    else if ((value = value_of(option, "uid")))
        return owner_option(o, value, NULL);
    else if ((value = value_of(option, "gid")))
        return owner_option(o, NULL, value);
    else if ((value = value_of(option, "root")))
        append(&o->task_roots, absolute(value));
    else if ((value = value_of(option, "memory")))
        return memory_option(o, value);
    else if ((value = value_of(option, "home"))) {
        free(o->okstra_home);
        o->okstra_home = absolute(value);
    } else if ((value = value_of(option, "tz"))) {
        free(o->zone_name);
        o->zone_name = need(strdup(value));
    } else if ((value = value_of(option, "isa"))) {
        if (oks_isa_parse(value, &o->isa) < 0) {
            log_error("-o isa=%s: say auto, scalar, sse2, avx2 or avx512", value);
            return EX_USAGE;
        }
    } else if (strcmp(option, "allow_other") == 0 || strcmp(option, "allow_root") == 0 ||
               value_of(option, "max_read"))
        pass_on(o, option);
    else if (!is_generic(option) && !value_of(option, "setuid") && !o->sloppy) {
        log_error("-o %s: no such option; see okstrafs help mount", option);
        return EX_USAGE;
    }
    return 0;
}

/* Stops at the first error. */
static int each_option(struct options *o, char *const *lists,
                       int (*fn)(struct options *o, const char *option))
{
    int rc = 0;

    for (; *lists; lists++)
        for (const char *list = *lists; rc == 0 && *list;) {
            size_t n = strcspn(list, ",");
            char *option = trimmed(list, n);

            rc = *option ? fn(o, option) : 0;
            free(option);
            list += n + (list[n] == ',');
        }
    return rc;
}

/* --- the command line --- */

/* Whether mount(8) runs this program as its helper for the type fuse.okstrafs. */
static bool is_helper(const char *program)
{
    const char *slash = strrchr(program, '/'), *base = slash ? slash + 1 : program;

    return strncmp(base, "mount.", strlen("mount.")) == 0;
}

/*
 * Whether these are the arguments that mount(8) gives: a source and a folder. Two other words are a misspelt
 * command and its argument.
 */
static bool is_from_mount(const char *program, const struct options *o)
{
    return o->n_paths == 2 &&
           (is_helper(program) || strcmp(o->paths[0], "none") == 0 || strcmp(o->paths[0], "okstrafs") == 0);
}

/* Removes the first word if it is a command; sets *max_paths. */
static int take_command(struct options *o, const char *program, int *max_paths)
{
    const char *word = o->n_paths ? o->paths[0] : NULL;
    const struct command_name *command =
        is_from_mount(program, o) ? command_entry(COMMAND_MOUNT) : command_find(word);

    if (command) {
        o->command = command->command;
        *max_paths = command->max_paths;
        o->paths++;
        o->n_paths--;
        return 0;
    }
    if (is_helper(program))
        log_error(
            "mount(8) runs this program, with a source and a folder; try 'mount -t fuse.okstrafs okstrafs "
            "FOLDER', or 'okstrafs mount'");
    else if (word)
        command_refuse(word);
    else
        command_help(NULL, stderr);
    return EX_USAGE;
}

/* What the command line has besides values: to be judged when the command is known. */
struct switches {
    bool help, short_help, version;
    char bad[64]; /* the first option that is wrong; "": none */
    bool lacks_value;
    char **lists;             /* of -o, in their order */
    const char *mode, *group; /* as given; NULL: not */
};

/* Switches without a letter, which a message about them would name. */
enum { SWITCH_SINCE = 256, SWITCH_UNTIL, SWITCH_CSV, SWITCH_WATCH, SWITCH_MODE, SWITCH_GROUP };

static void remember_bad(struct switches *s, int c, char *const *argv)
{
    if (*s->bad)
        return;
    s->lacks_value = c == ':';
    if (optopt > 0 && optopt < 128)
        snprintf(s->bad, sizeof(s->bad), "-%c", optopt);
    else
        snprintf(s->bad, sizeof(s->bad), "%s", argv[optind - 1]);
}

/* mount(8) documents these of a helper. */
static void take_helper_switches(int argc, char **argv, struct options *o, struct switches *s)
{
    int c;

    opterr = 0;
    while ((c = getopt(argc, argv, ":fnsvho:N:t:V")) != -1) {
        if (c == 'f')
            o->fake = true;
        else if (c == 's')
            o->sloppy = true;
        else if (c == 'o')
            append(&s->lists, need(strdup(optarg)));
        else if (c == 'h')
            s->help = true;
        else if (c == 'V')
            s->version = true;
        else if (c == '?' || c == ':')
            remember_bad(s, c, argv);
    }
}

static void take_switches(int argc, char **argv, struct options *o, struct switches *s)
{
    static const struct option longs[] = {
        {"foreground", no_argument, NULL, 'f'},
        {"no-cache", no_argument, NULL, 'C'},
        {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'H'},
        {"long", no_argument, NULL, 'l'},
        {"all", no_argument, NULL, 'A'},
        {"json", no_argument, NULL, 'J'},
        {"csv", no_argument, NULL, SWITCH_CSV},
        {"since", required_argument, NULL, SWITCH_SINCE},
        {"until", required_argument, NULL, SWITCH_UNTIL},
        {"watch", no_argument, NULL, SWITCH_WATCH},
        {"mode", required_argument, NULL, SWITCH_MODE},
        {"group", required_argument, NULL, SWITCH_GROUP},
        {NULL, 0, NULL, 0},
    };
    int c;

    opterr = 0;
    while ((c = getopt_long(argc, argv, ":fhlo:Vns", longs, NULL)) != -1) {
        if (c == 'f')
            o->foreground = true;
        else if (c == 'l')
            o->long_listing = true;
        else if (c == 'A')
            o->all = true;
        else if (c == 'J')
            o->json = true;
        else if (c == 'C')
            o->no_cache = true;
        else if (c == SWITCH_SINCE)
            o->since = optarg;
        else if (c == SWITCH_UNTIL)
            o->until = optarg;
        else if (c == SWITCH_CSV)
            o->csv = true;
        else if (c == SWITCH_WATCH)
            o->watch = true;
        else if (c == SWITCH_MODE)
            s->mode = optarg;
        else if (c == SWITCH_GROUP)
            s->group = optarg;
        else if (c == 'h')
            s->short_help = true;
        else if (c == 'H')
            s->help = true;
        else if (c == 'V')
            s->version = true;
        else if (c == 'o')
            append(&s->lists, need(strdup(optarg)));
        else if (c != 'n' && c != 's') /* mount(8) passes these on through mount.fuse3 */
            remember_bad(s, c, argv);
    }
    /* Of ls it stands for readable sizes elsewhere, together with -l. */
    if (s->short_help && o->long_listing && !*s->bad)
        strcpy(s->bad, "-h");
    s->help |= s->short_help;
}

static int refuse_switch(const struct options *o, const struct switches *s)
{
    const struct command_name *c = o->n_paths ? command_find(o->paths[0]) : NULL;

    if (s->lacks_value)
        log_error("%s needs a value; see okstrafs --help", s->bad);
    else if (!c || !c->synopsis)
        log_error("%s: no such option; see okstrafs --help", s->bad);
    else
        log_error("%s: no such option; 'okstrafs %s%s%s' is all%s", s->bad, c->name, *c->synopsis ? " " : "",
                  c->synopsis,
                  c->command == COMMAND_LS
                      ? ": nothing is hidden, sizes are bytes, and a mount can be listed by ls itself"
                  : c->command == COMMAND_REPORT ? ", with --json or --csv"
                                                 : "");
    return EX_USAGE;
}

/* What only some commands have must not be passed over elsewhere. */
static int refuse_misplaced(const struct options *o)
{
    bool is_report = o->command == COMMAND_REPORT;

    if (o->command == COMMAND_HELP || o->command == COMMAND_VERSION)
        return 0;
    if (!is_report && (o->since || o->until || o->csv)) {
        log_error("--since, --until and --csv are options of report alone; see okstrafs help report");
        return EX_USAGE;
    }
    if (!is_report && o->command != COMMAND_DOCTOR && o->json) {
        log_error(
            "--json is an option of report and doctor alone; 'okstrafs cat' prints documents as they are");
        return EX_USAGE;
    }
    if (o->json && o->csv) {
        log_error("--json and --csv exclude each other: say one of them");
        return EX_USAGE;
    }
    return 0;
}

static int refuse_more(const struct options *o, const char *argument)
{
    const struct command_name *c = command_entry(o->command);

    if (c->synopsis)
        log_error("%s: one argument too many; 'okstrafs %s%s%s' is all", argument, c->name,
                  *c->synopsis ? " " : "", c->synopsis);
    else
        log_error("%s: one argument too many; see okstrafs --help", argument);
    return EX_USAGE;
}

static int take_export_rights(struct options *o, const struct switches *s)
{
    char *end = NULL;
    unsigned long mode = s->mode && isdigit((unsigned char)*s->mode) ? strtoul(s->mode, &end, 8) : 0;

    if (o->command != COMMAND_EXPORT && o->command != COMMAND_HELP && (o->watch || s->mode || s->group)) {
        log_error("--watch, --mode and --group are options of export alone; see okstrafs help export");
        return EX_USAGE;
    }
    if (s->mode && (!end || *end || mode > EXPORT_MODE_MAX || (mode & S_IRUSR) == 0)) {
        log_error("--mode=%s: say the rights to read and write in octal, such as 640; the owner must be able "
                  "to read",
                  s->mode);
        return EX_USAGE;
    }
    if (s->group && !group_number(s->group, &o->group)) {
        log_error("--group=%s: no such group; say a name of /etc/group, or a number", s->group);
        return EX_USAGE;
    }
    o->mode = s->mode ? (mode_t)mode : S_IRUSR | S_IWUSR;
    o->has_group = s->group != NULL;
    return 0;
}

/* Of an unset variable in a script, most likely. It must not become the working directory. */
static int refuse_empty_names(const struct options *o)
{
    for (int i = 0; i < o->n_paths; i++)
        if (!*o->paths[i]) {
            log_error("argument %d is empty: give a name, or leave it out", i + 1);
            return EX_USAGE;
        }
    return 0;
}

static int default_mountpoint(struct options *o)
{
    char *path;

    if (o->n_paths > 0 && (o->command == COMMAND_MOUNT || o->command == COMMAND_UMOUNT ||
                           o->command == COMMAND_TOP || o->command == COMMAND_STATUSLINE)) {
        o->mountpoint = absolute(o->paths[0]);
        return 0;
    }
    if (asprintf(&path, "%s/usage", o->okstra_home) < 0)
        need(NULL);
    o->mountpoint = path;
    return 0;
}

/*
 * The zone of local days: of -o tz=, else of TZ, else the machine's. The C library takes a wrong TZ as UTC;
 * so does this, with a message.
 */
static int open_zone(struct options *o)
{
    const char *tz = getenv("TZ"), *name = o->zone_name ? o->zone_name : tz ? tz : "/etc/localtime";
    int rc = oks_zone_new(&o->zone, name, OKS_ZONEINFO);

    if (rc == 0 || (!o->zone_name && !tz))
        return 0;
    if (o->zone_name) {
        log_error("-o tz=%s: no such time zone in %s, and no POSIX string such as KST-9", name, OKS_ZONEINFO);
        return EX_USAGE;
    }
    log_error("TZ=%s: no such time zone in %s (is tzdata installed?); days are those of UTC", name,
              OKS_ZONEINFO);
    return 0;
}

/* Before anything is read that depends on who runs the program. */
static int become_user(struct options *o, const char *option)
{
    const char *name = value_of(option, "setuid");
    int rc = name ? user_become(name) : 0;

    (void)o;
    if (rc == 0)
        return 0;
    log_error("-o setuid=%s: %s", name,
              rc == -ENOENT  ? "no such user; say a name of /etc/passwd, or its number"
              : rc == -EPERM ? "only root may run okstrafs as another user; leave it out, or use sudo"
                             : strerror(-rc));
    return EX_USAGE;
}

int options_parse(int argc, char **argv, struct options *out)
{
    struct options o = {.command = COMMAND_HELP, .memory = MEMORY_DEFAULT};
    struct switches s = {0};
    int rc, max_paths = -1;

    o.fuse_options = need(strdup(""));
    o.task_roots = need(calloc(1, sizeof(*o.task_roots)));
    s.lists = need(calloc(1, sizeof(*s.lists)));
    if (is_helper(argv[0]))
        take_helper_switches(argc, argv, &o, &s);
    else
        take_switches(argc, argv, &o, &s);
    o.paths = argv + optind;
    o.n_paths = argc - optind;
    rc = each_option(&o, s.lists, become_user);
    from_environment(&o);
    o.uid = getuid();
    o.gid = getgid();
    if (rc == 0)
        rc = each_option(&o, s.lists, one_option);
    list_free(s.lists);
    if (rc == 0 && *s.bad && (!o.n_paths || command_find(o.paths[0])))
        rc = refuse_switch(&o, &s);
    else if (rc == 0 && (s.help || s.version))
        o.command = s.help ? COMMAND_HELP : COMMAND_VERSION;
    else if (rc == 0)
        rc = take_command(&o, argv[0], &max_paths);
    if (rc == 0)
        rc = refuse_empty_names(&o);
    if (rc == 0 && o.command == COMMAND_HELP && o.n_paths && !is_helper(argv[0]) &&
        !command_find(o.paths[0])) {
        command_refuse(o.paths[0]);
        rc = EX_USAGE;
    }
    if (rc == 0)
        rc = refuse_misplaced(&o);
    if (rc == 0)
        rc = take_export_rights(&o, &s);
    if (rc == 0 && *s.bad)
        rc = refuse_switch(&o, &s);
    if (rc == 0 && max_paths >= 0 && o.n_paths > max_paths)
        rc = refuse_more(&o, o.paths[max_paths]);
    if (rc == 0)
        rc = default_mountpoint(&o);
    if (rc == 0)
        rc = open_zone(&o);
    if (gethostname(o.host, sizeof(o.host) - 1) < 0)
        *o.host = '\0';
    if (rc) {
        options_clear(&o);
        return rc;
    }
    *out = o;
    return 0;
}

void options_clear(struct options *o)
{
    free(o->okstra_home);
    free(o->mountpoint);
    free(o->zone_name);
    oks_zone_free(o->zone);
    free(o->fuse_options);
    for (int i = 0; i < OKS_SOURCES; i++)
        list_free(o->dirs[i]);
    list_free(o->task_roots);
    *o = (struct options){0};
}

struct oks_config options_config(const struct options *o)
{
    struct oks_config config = {
        .okstra_home = o->okstra_home,
        .task_roots = (const char *const *)o->task_roots,
        .no_cache = o->no_cache,
        .verify_tail = o->verify_tail,
        .revalidate = o->revalidate,
        .isa = o->isa,
        .host = *o->host ? o->host : NULL,
        .zone = o->zone,
    };

    for (int i = 0; i < OKS_SOURCES; i++)
        config.dirs[i] = (const char *const *)o->dirs[i];
    return config;
}
