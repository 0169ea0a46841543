/* The parts of a canonical stamp's key (stamp.c; private to core/, for sources that make keys out of
 * numbers). */
#ifndef OKSTRAFS_TIME_STAMP_KEY_H
#define OKSTRAFS_TIME_STAMP_KEY_H

enum {
    STAMP_KEY_SHIFT = 10, /* bits of the milliseconds; above them are the fourteen digits */
    STAMP_NO_FRACTION = 1000,
};

#endif
