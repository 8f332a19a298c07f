/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/detach.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "admin.pb-c.h"

static int detach_follow(pid_t pid, int fd, CtlExit *ret_exit) {
        int status;
        char c;

        if (TEMP_FAILURE_RETRY(read(fd, &c, 1)) == 1) {
                *ret_exit = CTL_OK;
                return 1;
        }
        if (TEMP_FAILURE_RETRY(waitpid(pid, &status, 0)) < 0)
                return -errno;
        *ret_exit = WIFEXITED(status) ? WEXITSTATUS(status) : CTL_FAILED;
        return 1;
}

int detach_fork(int *ret_fd, CtlExit *ret_exit) {
        int fds[2], r;
        pid_t pid;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        pid = fork();
        r = pid < 0 ? -errno : 0;
        close(fds[pid == 0 ? 0 : 1]);
        if (pid == 0) {
                *ret_fd = fds[1];
                return 0;
        }
        if (pid > 0)
                r = detach_follow(pid, fds[0], ret_exit);
        close(fds[0]);
        return r;
}

/* A shell that reads our output shall not wait for the background, and Ctrl-C is not meant for it any more. */
static void detach_let_go(int fd) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);

        (void) fflush(stdout);
        for (int i = 0; i < 3 && null >= 0; i++)
                (void) dup2(null, i);
        (void) setsid();
        (void) !write(fd, "", 1);
        if (null > 2)
                close(null);
}

static int release_wait(void *userdata) {
        Admin__Empty request = ADMIN__EMPTY__INIT;
        RpcStatus status = {};
        Ctl *ctl = userdata;
        int r;

        r = client_call_wait(ctl->client, "QueryList", &request, NULL, &status);
        rpc_status_done(&status);
        if (r != -ECANCELED)
                detach_let_go(ctl->detach_fd);
        return 0;
}

int detach_release(Ctl *ctl) {
        if (ctl->detach_fd < 0)
                return 0;
        ctl->detached = task_group_new();
        return ctl->detached ? task_group_start(ctl->detached, release_wait, ctl) : -ENOMEM;
}
