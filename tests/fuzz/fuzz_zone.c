/*
 * Fuzzes time zones, as TZif files and as POSIX strings: whatever is taken has days that partition time.
 */
#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "okstrafs/zone.h"

static void check_days(const struct oks_zone *zone)
{
    static const int64_t times[] = {0, -1, 1780000000, 951782400, -2208988800, 4102444800};

    for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
        int64_t until, day = oks_zone_day(zone, times[i]);

        REQUIRE(oks_zone_day_start(zone, day) <= times[i]);
        REQUIRE(oks_zone_day_start(zone, day + 1) > times[i]);
        REQUIRE(oks_zone_offset(zone, times[i], &until) < 2 * 86400);
        REQUIRE(until > times[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct oks_zone *zone;
    char name[256];
    int rc = oks_zone_read(&zone, data, size);

    REQUIRE(rc == 0 || rc == -EINVAL);
    if (rc == 0) {
        check_days(zone);
        oks_zone_free(zone);
    }
    if (size == 0 || size >= sizeof(name) || data[0] == '/' || (data[0] == ':' && size > 1 && data[1] == '/'))
        return 0; /* no files here */
    memcpy(name, data, size);
    name[size] = '\0';
    rc = oks_zone_new(&zone, name, NULL);
    REQUIRE(rc == 0 || rc == -ENOENT);
    if (rc == 0) {
        check_days(zone);
        oks_zone_free(zone);
    }
    return 0;
}
