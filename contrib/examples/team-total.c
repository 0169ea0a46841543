/*
 * Prints how many tokens a team has used, as teams/TEAM/total_tokens does:  team-total TEAM
 *
 *     cc team-total.c -o team-total $(pkg-config --cflags --libs okstrafs)
 */
#include <okstrafs/engine.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    const char *home = getenv("HOME");
    char claude[4096], okstra[4096];
    const char *const folders[] = {claude, NULL};
    struct oks_config config = {.okstra_home = okstra, .dirs = {[OKS_SOURCE_CLAUDE] = folders}, .once = true};
    struct oks_target team = {.kind = OKS_TEAM, .name = argv[1]};
    struct oks_document total = {0};
    struct oks_engine *engine = NULL;
    int rc;

    if (argc != 2 || !home)
        return fputs("usage: team-total TEAM\n", stderr), 2;
    snprintf(claude, sizeof(claude), "%s/.claude", home);
    snprintf(okstra, sizeof(okstra), "%s/.okstra", home);
    rc = oks_engine_new(&engine, &config);
    if (rc == 0)
        rc = oks_engine_sync(engine, &team, false, NULL);
    if (rc == 0)
        rc = oks_document_total_tokens(engine, &team, NULL, &total);
    if (rc == 0)
        fwrite(total.bytes, 1, total.len, stdout);
    else
        fprintf(stderr, "team-total: %s: %s\n", argv[1], strerror(-rc));
    oks_document_clear(&total);
    oks_engine_free(engine);
    return rc ? 1 : 0;
}
