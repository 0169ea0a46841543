/* The command line and the environment as options. */
#include <getopt.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "cli/options.h"
#include "scratch.h"
#include "tap.h"

static char said[4096]; /* on stderr, by the last parse */

static const char *program = "okstrafs"; /* argv[0] */

static int parse_words(int argc, char **argv, struct options *o)
{
    int pair[2], before = dup(STDERR_FILENO), rc;
    ssize_t n;

    ck_assert_int_eq(pipe(pair), 0);
    dup2(pair[1], STDERR_FILENO);
    optind = 0; /* glibc: begin anew */
    rc = options_parse(argc, argv, o);
    dup2(before, STDERR_FILENO);
    close(before);
    ck_assert_int_eq(write(pair[1], "", 1), 1);
    close(pair[1]);
    n = read(pair[0], said, sizeof(said) - 1);
    ck_assert_int_gt(n, 0);
    said[n] = '\0';
    close(pair[0]);
    return rc;
}

/* argv is a line of words. */
static int parse(const char *line, struct options *o)
{
    static char words[1024];
    static char *argv[32];
    int argc = 0;

    snprintf(words, sizeof(words), "%s %s", program, line);
    for (char *word = strtok(words, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    argv[argc] = NULL;
    return parse_words(argc, argv, o);
}

static struct options parsed(const char *line)
{
    struct options o;

    ck_assert_msg(parse(line, &o) == 0, "%s: %s", line, said);
    return o;
}

/* A usage error of which something is said. */
static void refused(const char *line, const char *part)
{
    struct options o;

    ck_assert_int_eq(parse(line, &o), EX_USAGE);
    ck_assert_msg(strstr(said, part), "%s: %s", line, said);
}

static void setup(void)
{
    clearenv();
    setenv("HOME", "/home/me", 1);
    setenv("TZ", "UTC0", 1);
    ck_assert_int_eq(chdir("/"), 0);
}

static const char *joined(char *const *list)
{
    static char text[1024];

    *text = '\0';
    for (; *list; list++)
        strcat(strcat(text, *text ? " " : ""), *list);
    return text;
}

START_TEST(each_command)
{
    static const struct {
        const char *line;
        enum command command;
        int n_paths;
    } cases[] = {
        {"mount", COMMAND_MOUNT, 0},
        {"mount /m", COMMAND_MOUNT, 1},
        {"none /m", COMMAND_MOUNT, 1},
        {"umount", COMMAND_UMOUNT, 0},
        {"unmount /m", COMMAND_UMOUNT, 1},
        {"cat a b c", COMMAND_CAT, 3},
        {"ls", COMMAND_LS, 0},
        {"ls -l a", COMMAND_LS, 1},
        {"report", COMMAND_REPORT, 0},
        {"report days --since -7d --until=now --csv", COMMAND_REPORT, 1},
        {"top", COMMAND_TOP, 0},
        {"top /m", COMMAND_TOP, 1},
        {"scan", COMMAND_SCAN, 0},
        {"forget x y", COMMAND_FORGET, 2},
        {"forget --all", COMMAND_FORGET, 0},
        {"doctor", COMMAND_DOCTOR, 0},
        {"help", COMMAND_HELP, 0},
        {"--help", COMMAND_HELP, 0},
        {"-h cat x", COMMAND_HELP, 2},
        {"version", COMMAND_VERSION, 0},
        {"-V", COMMAND_VERSION, 0},
        {"--version scan", COMMAND_VERSION, 1},
        {"-h -V", COMMAND_HELP, 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct options o = parsed(cases[i].line);

        ck_assert_msg(o.command == cases[i].command, "%s", cases[i].line);
        ck_assert_msg(o.n_paths == cases[i].n_paths, "%s: %d", cases[i].line, o.n_paths);
        options_clear(&o);
    }
}
END_TEST

START_TEST(what_is_no_command)
{
    refused("", "usage:");
    refused("mout", "mout: no such command");
    refused("a b c", "a: no such command");
    refused("mount a b", "b: one argument too many; 'okstrafs mount [-f] [-o OPTIONS] [MOUNTPOINT]' is all");
    refused("umount a b", "b: one argument too many");
    refused("scan a", "a: one argument too many; 'okstrafs scan' is all");
    refused("doctor a", "a: one argument too many");
    refused("--nonsense", "nonsense");
}
END_TEST

/* Two words were once taken as mount(8)'s source and folder, so a typo mounted. */
START_TEST(a_misspelt_command_is_no_mount)
{
    struct options o;

    refused("tail events.jsonl", "tail: no such command");
    refused("tail -f events.jsonl", "tail: no such command");
    refused("cat2 x", "the nearest is 'cat'");
    refused("scann now", "the nearest is 'scan'");
    refused("moutn /m", "the nearest is 'mount'");
    refused("mount.fuse /m", "no such command");
    o = parsed("okstrafs /m");
    ck_assert_int_eq(o.command, COMMAND_MOUNT);
    ck_assert_str_eq(o.mountpoint, "/m");
    options_clear(&o);
    program = "/sbin/mount.fuse.okstrafs";
    o = parsed("anything /m -o rw");
    ck_assert_int_eq(o.command, COMMAND_MOUNT);
    ck_assert_str_eq(o.mountpoint, "/m");
    options_clear(&o);
}
END_TEST

/* Its switches are those that mount(8) documents. */
START_TEST(the_helper_of_mount_8)
{
    struct options o;

    program = "/usr/sbin/mount.fuse.okstrafs";
    o = parsed("okstrafs /m -f -n -s -v -N /proc/7/ns/mnt -t fuse.okstrafs -o rw,nonsense -o no_cache");
    ck_assert_int_eq(o.command, COMMAND_MOUNT);
    ck_assert(o.fake && o.sloppy && o.no_cache && !o.foreground);
    ck_assert_str_eq(o.mountpoint, "/m");
    options_clear(&o);
    o = parsed("cat m"); /* both are what a line of fstab says */
    ck_assert_int_eq(o.command, COMMAND_MOUNT);
    ck_assert_str_eq(o.mountpoint, "/m");
    ck_assert(!o.fake && !o.sloppy);
    options_clear(&o);
    refused("okstrafs /m -o nonsense", "nonsense: no such option");
    refused("okstrafs /m -x", "-x: no such option");
    refused("okstrafs", "mount(8) runs this program");
    refused("", "mount(8) runs this program");
    refused("a b c", "mount(8) runs this program");
}
END_TEST

START_TEST(owners_and_users)
{
    struct options o = parsed("mount");

    ck_assert_uint_eq(o.uid, getuid());
    ck_assert_uint_eq(o.gid, getgid());
    options_clear(&o);
    o = parsed("mount -o uid=4711,gid=4712");
    ck_assert_uint_eq(o.uid, 4711);
    ck_assert_uint_eq(o.gid, 4712);
    options_clear(&o);
    o = parsed("mount -o uid=root,gid=root");
    ck_assert_uint_eq(o.uid, 0);
    ck_assert_uint_eq(o.gid, 0);
    options_clear(&o);
    refused("mount -o uid=", "uid=: no such user");
    refused("mount -o uid=-1", "uid=-1: no such user");
    refused("mount -o uid=4294967295", "uid=4294967295: no such user");
    refused("mount -o uid=99999999999999999999", "no such user");
    refused("mount -o uid=1x", "uid=1x: no such user");
    refused("mount -o gid=nobody-is-called-so", "gid=nobody-is-called-so: no such group");
    refused("mount -o setuid=nobody-is-called-so", "setuid=nobody-is-called-so: no such user");
    refused("mount -o setuid=", "setuid=: no such user");
}
END_TEST

/* In any place of the list it decides whose environment counts. */
START_TEST(another_users_environment)
{
    struct options o;

    if (getuid() != 0)
        return;
    setenv("OKSTRA_HOME", "/of/root", 1);
    setenv("CLAUDE_CONFIG_DIR", "/of/root", 1);
    setenv("TZ", "UTC0", 1);
    o = parsed("mount -o home=~/there,setuid=nobody");
    ck_assert_uint_ne(getuid(), 0);
    ck_assert_uint_eq(o.uid, getuid());
    ck_assert_str_ne(getenv("HOME"), "/home/me");
    ck_assert_str_eq(getenv("TZ"), "UTC0");
    ck_assert_int_eq(strncmp(o.okstra_home, getenv("HOME"), strlen(getenv("HOME"))), 0);
    ck_assert_ptr_null(strstr(joined(o.dirs[OKS_SOURCE_CLAUDE]), "/of/root"));
    options_clear(&o);
    refused("mount -o setuid=root", "only root may run okstrafs as another user");
}
END_TEST

START_TEST(the_nearest_command)
{
    static const char *const typos[][2] = {
        {"mout", "mount"}, {"mont x", "mount"},    {"umoumt", "umount"}, {"cta x", "cat"},      {"lss", "ls"},
        {"scna", "scan"},  {"forgot s", "forget"}, {"docter", "doctor"}, {"versoin", "version"}};

    for (size_t i = 0; i < sizeof(typos) / sizeof(*typos); i++) {
        char want[64];

        snprintf(want, sizeof(want), "the nearest is '%s'", typos[i][1]);
        refused(typos[i][0], want);
    }
    refused("x", "there are mount, umount, cat");
    refused("a-word-that-is-longer-than-every-command", "there are mount, umount, cat");
}
END_TEST

START_TEST(options_of_other_programs_get_a_hint)
{
    struct options o;

    refused("ls -la", "-a: no such option; 'okstrafs ls [-l] [PATH...]' is all: nothing is hidden");
    refused("cat --since 2026-06-10 usage.json", "options of report alone");
    refused("report --since", "--since needs a value");
    refused("ls -R teams", "-R: no such option; 'okstrafs ls");
    refused("-R ls", "'okstrafs ls");
    refused("ls -lh", "sizes are bytes");
    refused("cat -A x", "'okstrafs cat PATH...' is all");
    refused("cat --json cost_usd", "--json is an option of report and doctor alone");
    refused("report days --sice x",
            "'okstrafs report [WHAT] [--since T] [--until T]' is all, with --json or --csv");
    refused("scan --force", "--force: no such option; 'okstrafs scan' is all");
    refused("scan -x", "'okstrafs scan' is all");
    refused("mount -o", "-o needs a value");
    o = parsed("ls -h");
    ck_assert_int_eq(o.command, COMMAND_HELP);
    options_clear(&o);
}
END_TEST

static void help_of(const char *line, char text[4096])
{
    struct options o = parsed(line);
    FILE *f = fmemopen(text, 4096, "w");

    ck_assert_int_eq(o.command, COMMAND_HELP);
    command_help(command_find(o.n_paths ? o.paths[0] : NULL), f);
    fclose(f);
    options_clear(&o);
}

START_TEST(help_says_what_it_is)
{
    static const char *const names[] = {"mount", "umount", "cat",    "ls",    "report",
                                        "top",   "scan",   "forget", "doctor"};
    char all[4096], ls[4096], other[4096];

    help_of("--help", all);
    help_of("ls --help", ls);
    ck_assert_ptr_nonnull(strstr(all, "token usage and cost of coding agents"));
    ck_assert_ptr_nonnull(strstr(all, "~/.okstra/usage/cost_usd"));
    ck_assert_ptr_nonnull(strstr(all, "man okstrafs"));
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        char line[32];

        snprintf(other, sizeof(other), "okstrafs %s ", names[i]);
        ck_assert_ptr_nonnull(strstr(all, other));
        snprintf(line, sizeof(line), "help %s", names[i]);
        help_of(line, other);
        ck_assert_ptr_nonnull(strstr(other, "\n  $ ")); /* an example */
    }
    ck_assert_ptr_nonnull(strstr(ls, "okstrafs ls [-l]"));
    ck_assert_ptr_null(strstr(ls, "okstrafs cat"));
    help_of("help ls", other);
    ck_assert_str_eq(other, ls);
    help_of("help help", other);
    ck_assert_str_eq(other, all);
    help_of("help unmount", other);
    ck_assert_ptr_nonnull(strstr(other, "okstrafs umount [MOUNTPOINT]"));
    refused("help nonsense", "nonsense: no such command");
    refused("help mout", "the nearest is 'mount'");
    refused("nonsense --help", "nonsense: no such command");
    refused("help ls cat", "one argument too many");
}
END_TEST

/* An unset variable in a script: the working directory would be mounted on. */
START_TEST(an_empty_name_is_refused)
{
    char *lines[][3] = {{"mount", ""}, {"umount", ""}, {"cat", ""}, {"none", ""}};
    struct options o;

    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        char *argv[] = {"okstrafs", lines[i][0], lines[i][1], NULL};

        ck_assert_int_eq(parse_words(3, argv, &o), EX_USAGE);
        ck_assert_msg(strstr(said, "is empty"), "%s", said);
    }
    refused("mount -o home=", "-o home=: a folder is missing");
    refused("mount -o root=,nonempty", "-o root=: a folder is missing");
}
END_TEST

START_TEST(switches)
{
    struct options o = parsed("mount");

    ck_assert(!o.foreground && !o.long_listing && !o.all && !o.nonempty && !o.no_cache && !o.verify_tail &&
              !o.no_notify);
    ck_assert_int_eq(o.revalidate, OKS_REVALIDATE_AUTO);
    ck_assert_str_eq(o.fuse_options, "");
    options_clear(&o);
    o = parsed("mount -f -n -s --no-cache");
    ck_assert(o.foreground && o.no_cache && !o.long_listing && !o.all);
    options_clear(&o);
    o = parsed("ls --long");
    ck_assert(o.long_listing && !o.foreground && !o.no_cache);
    options_clear(&o);
    o = parsed("forget --all");
    ck_assert(o.all && !o.foreground && !o.json);
    options_clear(&o);
    o = parsed("doctor --json");
    ck_assert(o.json && !o.all);
    options_clear(&o);
}
END_TEST

START_TEST(mount_options)
{
    struct options o =
        parsed("none /m -o no_cache,nonempty,verify=tail,notify=off,revalidate=stat,rw,x-gvfs,,"
               "comment=a,allow_other,max_read=4096,root=/r/one,root=two,memory=63M,"
               "home=/okstra/,tz=KST-9 -o defaults,isa=scalar");

    ck_assert(o.no_cache && o.nonempty && o.verify_tail && o.no_notify);
    ck_assert_int_eq(o.revalidate, OKS_REVALIDATE_STAT);
    ck_assert_int_eq(o.isa, OKS_ISA_SCALAR);
    ck_assert_str_eq(o.fuse_options, "allow_other,max_read=4096");
    ck_assert_str_eq(joined(o.task_roots), "/r/one /two");
    ck_assert_str_eq(o.okstra_home, "/okstra");
    ck_assert_str_eq(o.mountpoint, "/m");
    ck_assert_str_eq(o.zone_name, "KST-9");
    ck_assert_uint_eq(o.memory, 63 << 20);
    options_clear(&o);
    o = parsed("mount -o notify=on,revalidate=inotify");
    ck_assert(!o.no_notify);
    ck_assert_uint_eq(o.memory, 64 << 20);
    ck_assert_int_eq(o.revalidate, OKS_REVALIDATE_INOTIFY);
    options_clear(&o);
    refused("mount -o notify=maybe", "notify=maybe");
    refused("mount -o revalidate=never", "revalidate=never");
    refused("mount -o isa=z80", "isa=z80");
    refused("mount -o tz=Nowhere/Land", "tz=Nowhere/Land");
    refused("mount -o nocache", "nocache: no such option");
    refused("mount -o verify=head", "verify=head: no such option");
}
END_TEST

START_TEST(sizes)
{
    static const char *const good[] = {"1", "7k", "3K", "2m", "1G"}, *const bad[] = {
                                                                         "",   "0",   "-1",          "M",
                                                                         "1T", "1Mb", "17179869184G"};
    static const size_t bytes[] = {1, 7 << 10, 3 << 10, 2 << 20, 1 << 30};
    char line[64];

    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        struct options o;

        snprintf(line, sizeof(line), "mount -o memory=%s", good[i]);
        o = parsed(line);
        ck_assert_uint_eq(o.memory, bytes[i]);
        options_clear(&o);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        snprintf(line, sizeof(line), "mount -o memory=%s", bad[i]);
        refused(line, "say a size");
    }
}
END_TEST

START_TEST(paths_become_absolute)
{
    static const struct {
        const char *given, *path;
    } cases[] = {
        {"/a//b/./c/", "/a/b/c"}, {"~", "/home/me"},    {"~/x", "/home/me/x"}, {"~x", "/usr/~x"},
        {"x/..", "/usr/x/.."},    {"./y", "/usr/y"},    {".", "/usr"},         {"/", "/"},
        {"/.hidden", "/.hidden"}, {"/a/...", "/a/..."},
    };
    char line[64];

    ck_assert_int_eq(chdir("/usr"), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct options o;

        snprintf(line, sizeof(line), "mount %s", cases[i].given);
        o = parsed(line);
        ck_assert_str_eq(o.mountpoint, cases[i].path);
        options_clear(&o);
    }
}
END_TEST

START_TEST(the_environment)
{
    struct options o = parsed("ls /m");

    ck_assert_str_eq(o.okstra_home, "/home/me/.okstra");
    ck_assert_str_eq(o.mountpoint, "/home/me/.okstra/usage"); /* of ls, a path is none */
    ck_assert_str_eq(joined(o.dirs[OKS_SOURCE_CLAUDE]), "/home/me/.claude /home/me/.config/claude "
                                                        "/home/me/.config/Claude/local-agent-mode-sessions");
    ck_assert_str_eq(joined(o.dirs[OKS_SOURCE_CODEX]), "/home/me/.codex");
    ck_assert_str_eq(joined(o.dirs[OKS_SOURCE_GEMINI]), "/home/me/.gemini");
    options_clear(&o);

    setenv("OKSTRA_HOME", " /srv/okstra\t", 1);
    setenv("CLAUDE_CONFIG_DIR", "/c/one, ~/two ,,", 1);
    setenv("CODEX_HOME", "/x,/y", 1);
    setenv("GEMINI_CLI_HOME", "/g,/h", 1);
    o = parsed("mount");
    ck_assert_str_eq(o.okstra_home, "/srv/okstra");
    ck_assert_str_eq(o.mountpoint, "/srv/okstra/usage");
    ck_assert_str_eq(joined(o.dirs[OKS_SOURCE_CLAUDE]),
                     "/c/one /home/me/two /home/me/.config/Claude/local-agent-mode-sessions");
    ck_assert_str_eq(joined(o.dirs[OKS_SOURCE_CODEX]), "/x /y");
    ck_assert_str_eq(joined(o.dirs[OKS_SOURCE_GEMINI]), "/g/.gemini /h/.gemini");
    options_clear(&o);

    setenv("OKSTRA_HOME", "  ", 1); /* blank: as if it were not set */
    setenv("CLAUDE_CONFIG_DIR", "\t", 1);
    setenv("CODEX_HOME", "", 1);
    setenv("GEMINI_CLI_HOME", " ", 1);
    setenv("XDG_CONFIG_HOME", "/xdg", 1);
    o = parsed("mount");
    ck_assert_str_eq(o.okstra_home, "/home/me/.okstra");
    ck_assert_str_eq(joined(o.dirs[OKS_SOURCE_CLAUDE]),
                     "/home/me/.claude /xdg/claude /xdg/Claude/local-agent-mode-sessions");
    ck_assert_str_eq(joined(o.dirs[OKS_SOURCE_CODEX]), "/home/me/.codex");
    ck_assert_str_eq(joined(o.dirs[OKS_SOURCE_GEMINI]), "/home/me/.gemini");
    options_clear(&o);

    setenv("XDG_CONFIG_HOME", "relative", 1); /* the specification: to be ignored */
    o = parsed("mount");
    ck_assert_str_eq(
        joined(o.dirs[OKS_SOURCE_CLAUDE]),
        "/home/me/.claude /home/me/.config/claude /home/me/.config/Claude/local-agent-mode-sessions");
    options_clear(&o);
}
END_TEST

START_TEST(a_wrong_tz_is_utc_and_said)
{
    struct options o;

    setenv("TZ", "Nowhere/Land", 1);
    o = parsed("ls");
    ck_assert_ptr_null(o.zone);
    ck_assert_ptr_nonnull(strstr(said, "TZ=Nowhere/Land"));
    options_clear(&o);
    setenv("TZ", "KST-9", 1);
    o = parsed("ls");
    ck_assert_ptr_nonnull(o.zone);
    ck_assert_str_eq(said, "");
    options_clear(&o);
}
END_TEST

START_TEST(the_engine_gets_them)
{
    struct options o = parsed("mount --no-cache -o verify=tail,revalidate=stat,root=/r,isa=scalar");
    struct oks_config config = options_config(&o);

    ck_assert_ptr_eq(config.okstra_home, o.okstra_home);
    ck_assert(config.no_cache && config.verify_tail && !config.once);
    ck_assert_int_eq(config.revalidate, OKS_REVALIDATE_STAT);
    ck_assert_int_eq(config.isa, OKS_ISA_SCALAR);
    ck_assert_ptr_eq(config.zone, o.zone);
    ck_assert_str_eq(config.task_roots[0], "/r");
    for (int i = 0; i < OKS_SOURCES; i++)
        ck_assert_ptr_eq(config.dirs[i], o.dirs[i]);
    options_clear(&o);
    options_clear(&o); /* cleared options are empty ones */
}
END_TEST

#define OPTIONS_TEST(suite, function)                   \
    do {                                                \
        TCase *tcase_ = tcase_create(#function);        \
        tcase_set_timeout(tcase_, 120);                 \
        tcase_add_checked_fixture(tcase_, setup, NULL); \
        tcase_add_test(tcase_, function);               \
        suite_add_tcase(suite, tcase_);                 \
    } while (0)

/* Home is a scratch folder. */
static void begin_home(void)
{
    unsetenv("XDG_CONFIG_HOME");
    scratch_setup();
    setenv("HOME", scratch, 1);
    make_folder(".config");
    make_folder(".config/Claude");
    make_folder(".config/Claude/local-agent-mode-sessions");
    make_folder(".openclaude");
    make_folder("a,b");
    make_folder("a");
}

START_TEST(other_programs_folders_are_roots_too)
{
    struct options o;
    char want[4096];

    begin_home();
    setenv("CLAUDE_CONFIG_DIR", "/c", 1);
    o = parsed("mount");
    snprintf(want, sizeof(want), "/c %s/.config/Claude/local-agent-mode-sessions", scratch);
    ck_assert_str_eq(joined(o.dirs[OKS_SOURCE_CLAUDE]), want);
    ck_assert_str_eq(joined(o.dirs[OKS_SOURCE_OPENCLAUDE]), at(".openclaude"));
    ck_assert_str_eq(joined(o.dirs[OKS_SOURCE_QWEN]), at(".qwen")); /* it may come later */
    options_clear(&o);
    setenv("OPENCLAUDE_CONFIG_DIR", at("a"), 1);
    setenv("XDG_CONFIG_HOME", at("a"), 1);
    o = parsed("mount");
    snprintf(want, sizeof(want), "/c %s/a/Claude/local-agent-mode-sessions", scratch);
    ck_assert_str_eq(joined(o.dirs[OKS_SOURCE_CLAUDE]), want);
    ck_assert_str_eq(joined(o.dirs[OKS_SOURCE_OPENCLAUDE]), at("a"));
    options_clear(&o);
    setenv("QWEN_HOME", "/q", 1);
    o = parsed("mount");
    ck_assert_str_eq(joined(o.dirs[OKS_SOURCE_QWEN]), "/q");
    options_clear(&o);
    setenv("QWEN_RUNTIME_DIR", "/r,/s", 1);
    o = parsed("mount");
    ck_assert_str_eq(joined(o.dirs[OKS_SOURCE_QWEN]), "/r /s");
    options_clear(&o);
    scratch_teardown();
}
END_TEST

START_TEST(the_folder_of_a_named_file_is_a_root)
{
    struct options o;

    begin_home();
    setenv("OPENCODE_DATA_DIR", "/data", 1);
    setenv("OPENCODE_DB", "/other//work.db", 1);
    o = parsed("mount");
    ck_assert_str_eq(joined(o.dirs[OKS_SOURCE_OPENCODE]), "/data /other");
    options_clear(&o);
    setenv("OPENCODE_DB", "/data/work.db", 1); /* the same folder once */
    o = parsed("mount");
    ck_assert_str_eq(joined(o.dirs[OKS_SOURCE_OPENCODE]), "/data");
    options_clear(&o);
    setenv("OPENCODE_DB", "work.db", 1); /* below the data folder */
    o = parsed("mount");
    ck_assert_str_eq(joined(o.dirs[OKS_SOURCE_OPENCODE]), "/data");
    options_clear(&o);
    setenv("OPENCODE_DB", "/work.db", 1); /* not everything */
    o = parsed("mount");
    ck_assert_str_eq(joined(o.dirs[OKS_SOURCE_OPENCODE]), "/data");
    options_clear(&o);
    scratch_teardown();
}
END_TEST

START_TEST(a_value_that_names_a_folder_is_that_folder)
{
    struct options o;
    char value[4096];

    begin_home();
    setenv("XDG_CONFIG_HOME", "/nowhere", 1);
    setenv("OPENCLAUDE_CONFIG_DIR", "/nowhere", 1);
    setenv("CLAUDE_CONFIG_DIR", at("a,b"), 1);
    setenv("CODEX_HOME", " ~/a,b/ ", 1);
    setenv("GEMINI_CLI_HOME", "~/a,b", 1);
    o = parsed("mount");
    snprintf(value, sizeof(value), "%s/a,b /nowhere/Claude/local-agent-mode-sessions", scratch);
    ck_assert_str_eq(joined(o.dirs[OKS_SOURCE_CLAUDE]), value);
    ck_assert_str_eq(joined(o.dirs[OKS_SOURCE_CODEX]), at("a,b"));
    ck_assert_str_eq(joined(o.dirs[OKS_SOURCE_GEMINI]), at("a,b/.gemini"));
    options_clear(&o);
    snprintf(value, sizeof(value), "%s/a,b,c", scratch); /* no folder: a list */
    setenv("CLAUDE_CONFIG_DIR", value, 1);
    o = parsed("mount");
    snprintf(value, sizeof(value), "%s/a /b /c /nowhere/Claude/local-agent-mode-sessions", scratch);
    ck_assert_str_eq(joined(o.dirs[OKS_SOURCE_CLAUDE]), value);
    options_clear(&o);
    scratch_teardown();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("options");

    OPTIONS_TEST(suite, each_command);
    OPTIONS_TEST(suite, what_is_no_command);
    OPTIONS_TEST(suite, a_misspelt_command_is_no_mount);
    OPTIONS_TEST(suite, the_helper_of_mount_8);
    OPTIONS_TEST(suite, owners_and_users);
    OPTIONS_TEST(suite, another_users_environment);
    OPTIONS_TEST(suite, the_nearest_command);
    OPTIONS_TEST(suite, options_of_other_programs_get_a_hint);
    OPTIONS_TEST(suite, help_says_what_it_is);
    OPTIONS_TEST(suite, an_empty_name_is_refused);
    OPTIONS_TEST(suite, switches);
    OPTIONS_TEST(suite, mount_options);
    OPTIONS_TEST(suite, sizes);
    OPTIONS_TEST(suite, paths_become_absolute);
    OPTIONS_TEST(suite, the_environment);
    OPTIONS_TEST(suite, other_programs_folders_are_roots_too);
    OPTIONS_TEST(suite, the_folder_of_a_named_file_is_a_root);
    OPTIONS_TEST(suite, a_value_that_names_a_folder_is_that_folder);
    OPTIONS_TEST(suite, a_wrong_tz_is_utc_and_said);
    OPTIONS_TEST(suite, the_engine_gets_them);
    return tap_run(suite);
}
