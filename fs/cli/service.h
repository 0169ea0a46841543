/* State reports to a service manager (sd_notify(3)); no effect where there is none. */
#ifndef OKSTRAFS_FS_CLI_SERVICE_H
#define OKSTRAFS_FS_CLI_SERVICE_H

/* The mount is up; what `systemctl status` shows. */
void service_ready(const char *status);
void service_stopping(void);

#endif
