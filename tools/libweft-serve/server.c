// SPDX-License-Identifier: GPL-2.0-only
/*
 * A server: offers a device, starts seats when it is asked to and buries them.
 *
 * DOC: server
 *
 * A seat that ends before it attached would leave jobs waiting until the kernel's patience is over.
 * So the server watches its children and refuses the seat in the name of one that ended; for a
 * seat that did attach, the kernel knows already and says that nobody waits.
 *
 * Rejected: SIGCHLD (a library should leave the program's signals alone; a pidfd can be polled).
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "private.h"

#define WEFT_SPEC_ENV		"WEFT_SERVE_SEAT"
#define WEFT_SPAWN_ENV		"WEFT_SERVE_SPAWN"
#define WEFT_NOTIFY_ENV		"NOTIFY_SOCKET"
#define WEFT_TELEMETRY_NS	1000000000
/* "NAME=" and two numbers of 10 digits and one of 16, with colons */
#define WEFT_SPEC_LEN		64

struct weft_child {
	struct weft_child *next;
	pid_t pid;
	int pidfd;
	uint64_t token;
};

struct weft_server {
	struct weft_serve_config config;
	const struct weft_serve_ops *ops;
	char **argv;
	int fd;
	struct weft_child *children;
	unsigned int child_count;
	uint64_t telemetry_at;
};

static void weft_server_refuse(struct weft_server *server, uint64_t token, int error)
{
	struct weft_serve_refuse refuse = { .token = token, .error = (uint32_t)-error };

	weft_serve_sys_ioctl(server->fd, WEFT_SERVE_IOCTL_REFUSE, &refuse);
}

static int weft_server_start(struct weft_server *server, const char *spec, uint64_t token)
{
	char variable[sizeof(WEFT_SPEC_ENV) + 1 + WEFT_SPEC_LEN];
	struct weft_child *child = calloc(1, sizeof(*child));
	char *program = getenv(WEFT_SPAWN_ENV);
	char *argv[2] = {};

	if (!child)
		return -ENOMEM;
	snprintf(variable, sizeof(variable), "%s=%s", WEFT_SPEC_ENV, spec);
	argv[0] = program;
	child->pidfd = -1;
	child->pid = weft_serve_sys_spawn(program, program ? argv : server->argv, variable,
					  &child->pidfd);
	if (child->pid < 0) {
		int ret = child->pid;

		free(child);
		return ret;
	}
	child->token = token;
	child->next = server->children;
	server->children = child;
	server->child_count++;
	return 0;
}

static void weft_server_spawn(struct weft_server *server, const struct weft_serve_event *event)
{
	char spec[WEFT_SPEC_LEN];
	int ret;

	snprintf(spec, sizeof(spec), "%" PRIu32 ":%" PRIu32 ":%" PRIx64,
		 (uint32_t)server->config.offer.device, (uint32_t)event->seat,
		 (uint64_t)event->token);
	if (server->ops->spawn)
		ret = server->ops->spawn(server, event, spec);
	else
		ret = weft_server_start(server, spec, event->token);
	if (ret)
		weft_server_refuse(server, event->token, ret);
}

/* What the jobs that waited for a seat end with, by how its process ended. */
static int weft_status_error(int status)
{
	if (!WIFEXITED(status))
		return -EPIPE;
	return WEXITSTATUS(status) ? -WEXITSTATUS(status) : -ECONNREFUSED;
}

static void weft_server_bury(struct weft_server *server)
{
	struct weft_child **link = &server->children, *child;
	int status = 0;
	pid_t pid;

	while ((child = *link)) {
		pid = weft_serve_sys_wait(child->pid, &status);
		if (!pid) {
			link = &child->next;
			continue;
		}
		/* not a child any more: somebody else waited for it, and its end is not known */
		weft_server_refuse(server, child->token,
				   pid == child->pid ? weft_status_error(status) : -EPIPE);
		*link = child->next;
		server->child_count--;
		if (child->pidfd >= 0)
			weft_serve_sys_close(child->pidfd);
		free(child);
	}
}

static void weft_server_report(struct weft_server *server)
{
	struct weft_serve_telemetry telemetry = {};
	uint64_t now = weft_serve_sys_now();

	if (!(server->config.offer.features & WEFT_SERVE_F_TELEMETRY) || now < server->telemetry_at)
		return;
	server->telemetry_at = now + server->config.telemetry_ns;
	if (!server->ops->telemetry(server, &telemetry))
		weft_serve_sys_ioctl(server->fd, WEFT_SERVE_IOCTL_TELEMETRY, &telemetry);
}

static int weft_server_events(struct weft_server *server)
{
	struct weft_serve_event events[WEFT_SERVE_MAX_SEATS];
	ssize_t length;
	size_t i;

	length = weft_serve_sys_read(server->fd, events, sizeof(events));
	if (length == -EAGAIN || length == -EINTR)
		return 0;
	if (length < 0)
		return weft_serve_fail((int)-length, "reading events: %s", strerror((int)-length));
	for (i = 0; i < (size_t)length / sizeof(events[0]); i++) {
		if (events[i].type == WEFT_SERVE_EVENT_SPAWN)
			weft_server_spawn(server, &events[i]);
		else if (events[i].type == WEFT_SERVE_EVENT_LOST && server->ops->lost)
			server->ops->lost(server, &events[i]);
	}
	return (int)i;
}

/* @timeout_ns, or less if telemetry is due before, in ms for poll(), rounded up. */
static int weft_server_patience(const struct weft_server *server, int64_t timeout_ns)
{
	uint64_t now, left = timeout_ns < 0 ? UINT64_MAX : (uint64_t)timeout_ns;

	if (server->config.offer.features & WEFT_SERVE_F_TELEMETRY) {
		now = weft_serve_sys_now();
		if (server->telemetry_at <= now)
			left = 0;
		else if (server->telemetry_at - now < left)
			left = server->telemetry_at - now;
	}
	if (left > (uint64_t)INT32_MAX * 1000000)
		return left == UINT64_MAX ? -1 : INT32_MAX;
	return (int)((left + 999999) / 1000000);
}

/* One turn of the server's loop; @wake is another file that ends the wait, -1 none. */
static int weft_server_turn(struct weft_server *server, int64_t timeout_ns, int wake)
{
	struct weft_child *child;
	struct pollfd *fds;
	nfds_t count = 2;
	int ret;

	weft_server_report(server);
	fds = calloc(count + server->child_count, sizeof(*fds));
	if (!fds)
		return weft_serve_fail(ENOMEM, "no memory");
	fds[0] = (struct pollfd){ .fd = server->fd, .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = wake, .events = POLLIN };
	for (child = server->children; child; child = child->next)
		fds[count++] = (struct pollfd){ .fd = child->pidfd, .events = POLLIN };
	ret = weft_serve_sys_poll(fds, count, weft_server_patience(server, timeout_ns));
	free(fds);
	if (ret < 0 && ret != -EINTR)
		return weft_serve_fail(-ret, "waiting for events: %s", strerror(-ret));
	weft_server_bury(server);
	return weft_server_events(server);
}

int weft_server_dispatch(struct weft_server *server, int64_t timeout_ns)
{
	return weft_server_turn(server, timeout_ns, -1);
}

int weft_server_offer(struct weft_server **server, const struct weft_serve_config *config,
		      const struct weft_serve_ops *ops, char **argv)
{
	struct weft_server *s;
	int ret;

	*server = NULL;
	ret = weft_serve_config_check(config, ops);
	if (ret)
		return ret;
	if (!ops->spawn && !argv)
		return weft_serve_fail(EINVAL, "without spawn() there must be arguments");
	s = calloc(1, sizeof(*s));
	if (!s)
		return weft_serve_fail(ENOMEM, "no memory");
	s->config = *config;
	s->config.offer.version = WEFT_SERVE_VERSION;
	if (!s->config.telemetry_ns)
		s->config.telemetry_ns = WEFT_TELEMETRY_NS;
	s->ops = ops;
	s->argv = argv;
	s->fd = weft_serve_node_open(config);
	ret = s->fd < 0 ? s->fd : weft_serve_version_check(s->fd);
	if (!ret)
		ret = weft_serve_add_named(&s->config.offer);
	if (!ret) {
		ret = weft_serve_sys_ioctl(s->fd, WEFT_SERVE_IOCTL_OFFER, &s->config.offer);
		if (ret)
			weft_serve_fail(-ret, "offering the device: %s%s", strerror(-ret),
					ret == -EINVAL ? " (the kernel's log says which field)" :
							 "");
	}
	if (ret) {
		weft_server_close(s);
		return ret;
	}
	*server = s;
	return 0;
}

int weft_server_withdraw(struct weft_server *server)
{
	struct weft_serve_withdraw withdraw = {};
	int ret;

	do {
		ret = weft_serve_sys_ioctl(server->fd, WEFT_SERVE_IOCTL_WITHDRAW, &withdraw);
	} while (ret == -EINTR);
	return ret ? weft_serve_fail(-ret, "withdrawing the device: %s", strerror(-ret)) : 0;
}

void weft_server_close(struct weft_server *server)
{
	struct weft_child *child;

	if (!server)
		return;
	while ((child = server->children)) {
		server->children = child->next;
		if (child->pidfd >= 0)
			weft_serve_sys_close(child->pidfd);
		free(child);
	}
	if (server->fd >= 0)
		weft_serve_sys_close(server->fd);
	free(server);
}

int weft_server_is_seat(const struct weft_server *server, int pid)
{
	const struct weft_child *child;

	for (child = server->children; child; child = child->next)
		if (child->pid == pid)
			return 1;
	return 0;
}

int weft_server_fd(const struct weft_server *server)
{
	return server->fd;
}

const char *weft_server_name(const struct weft_server *server)
{
	return server->config.offer.name;
}

const struct weft_serve_config *weft_server_config(const struct weft_server *server)
{
	return &server->config;
}

static void weft_complain(void)
{
	fprintf(stderr, "%s: %s\n", program_invocation_short_name, weft_serve_error());
}

/* The unit has started; who is no unit has nobody to tell. */
static void weft_tell_ready(void)
{
	const char *manager = getenv(WEFT_NOTIFY_ENV);

	if (manager && (manager[0] == '/' || manager[0] == '@'))
		weft_serve_sys_notify(manager, "READY=1");
}

static int weft_run_seat(const struct weft_serve_config *config, const struct weft_serve_ops *ops,
			 const char *spec)
{
	struct weft_seat *seat;
	int ret;

	ret = weft_seat_attach(&seat, config, ops, spec);
	if (!ret)
		weft_tell_ready();
	while (ret >= 0)
		ret = weft_seat_dispatch(seat, WEFT_SERVE_FOREVER);
	if (ret == -ESHUTDOWN)
		ret = 0;
	else
		weft_complain();
	weft_seat_detach(seat);
	return -ret;
}

static int weft_run_server(const struct weft_serve_config *config,
			   const struct weft_serve_ops *ops, char **argv)
{
	struct weft_server *server;
	struct signalfd_siginfo signal;
	struct pollfd told;
	sigset_t ends, before;
	int ret;

	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigprocmask(SIG_BLOCK, &ends, &before);
	told.fd = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
	told.events = POLLIN;
	ret = weft_server_offer(&server, config, ops, argv);
	if (!ret)
		weft_tell_ready();
	while (ret >= 0 && weft_serve_sys_poll(&told, 1, 0) <= 0)
		ret = weft_server_turn(server, WEFT_SERVE_FOREVER, told.fd);
	/* this signal is dealt with, a second one ends the process the hard way */
	weft_serve_sys_read(told.fd, &signal, sizeof(signal));
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (ret >= 0)
		ret = weft_server_withdraw(server);
	if (ret < 0)
		weft_complain();
	weft_server_close(server);
	if (told.fd >= 0)
		weft_serve_sys_close(told.fd);
	return ret < 0 ? -ret : 0;
}

int weft_serve_run(const struct weft_serve_config *config, const struct weft_serve_ops *ops,
		   char **argv)
{
	const char *value = getenv(WEFT_SPEC_ENV);
	char spec[WEFT_SPEC_LEN];

	if (!value)
		return weft_run_server(config, ops, argv);
	/* whatever the runtime starts need not know the token */
	snprintf(spec, sizeof(spec), "%s", value);
	unsetenv(WEFT_SPEC_ENV);
	return weft_run_seat(config, ops, spec);
}
