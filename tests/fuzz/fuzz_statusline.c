/* Fuzzes what Claude Code hands to a status line, and the file of plan limits: what is taken can be shown. */
#include <errno.h>
#include <string.h>

#include "internal/hidden.h"
#include "settings/plan_limits.h"
#include "fuzz.h"

enum { NOW_MS = 1000000 };

static void check_text(const char *text, size_t room)
{
    char copy[OKS_NAME_MAX + 1];

    REQUIRE(memchr(text, '\0', room));
    strcpy(copy, text);
    oks_text_show_hidden(copy);
    REQUIRE(strcmp(copy, text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct oks_claude_status status;
    struct oks_plan_limits limits;
    int rc = oks_claude_status_read((struct oks_slice){(const char *)data, size}, NOW_MS, &status);

    REQUIRE(rc == 0 || rc == -EINVAL);
    if (rc == 0) {
        REQUIRE(memchr(status.session, '\0', sizeof(status.session)) && !strchr(status.session, '/'));
        check_text(status.model, sizeof(status.model));
        REQUIRE(status.cost[strspn(status.cost, "0123456789.")] == '\0');
        REQUIRE(status.context_percent >= -1);
        for (int i = 0; i < OKS_PLAN_SPANS; i++)
            REQUIRE(status.limits.window[i].resets_at >= 0 && status.limits.window[i].as_of_ms == NOW_MS);
    }
    rc = plan_limits_parse(&limits, (const char *)data, size);
    REQUIRE(rc == 0 || rc == -EINVAL);
    return 0;
}
