/* State reports to a service manager (sd_notify(3)); no effect without one. */
#ifndef OKSTRAFS_FS_CLI_SERVICE_H
#define OKSTRAFS_FS_CLI_SERVICE_H

/* The mount exists; `systemctl status` shows the text. */
void service_ready(const char *status);
void service_stopping(void);

#endif
